"""Events that runs are parked for: found in the ledger, whichever process has received them.

Every worker looks; the ledger lets one of them have the run go on. An event's id tells when it
was received, not when it was committed, so the last seconds are looked through again each time.
"""

import asyncio
from contextlib import suppress

import structlog

from hub import fault_points
from hub.errors import HubError
from hub.model.event_wait import EventWait
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.time import US_PER_S, now_us, to_iso
from hub.run.world import Rings
from hub.store.event_waits import MATCH, Match, bodies_of, events_since, open_waits
from hub.store.ledger import Ledger
from hub.store.queues import RUNS

_LOOK_EVERY_S, _REST_S = 0.2, 0.5
_OVERLAP_US = 10 * US_PER_S
_PAGE = 1000
_log = structlog.get_logger("hub.waits")


class EventWaits:
    """Brings events to the runs that are parked for them."""

    def __init__(self, ledger: Ledger, bell: Rings) -> None:
        self._ledger = ledger
        self._bell = bell
        self._looked: dict[tuple[str, str], int] = {}
        """Until when a wait has been looked for; all that it asks is in the key."""

    async def follow(self) -> None:
        """Look for ever; the supervisor runs it."""
        while True:
            is_awaited = await self.look()
            await asyncio.sleep(_LOOK_EVERY_S if is_awaited else _REST_S)

    async def look(self) -> bool:
        """Whether anybody waits; the events that have come for them are theirs then."""
        found = await self._ledger.read(open_waits)
        waits = {key: EventWait.of_text(key[1]) for key in found}
        self._looked = {key: at for key, at in self._looked.items() if key in waits}
        if not waits:
            return False
        begun = now_us()
        since = min(self._looked.get(key, wait.since_us) for key, wait in waits.items())
        await self._look_through(waits, since)
        self._looked |= dict.fromkeys(waits, begun - _OVERLAP_US)
        return True

    async def _look_through(self, waits: dict[tuple[str, str], EventWait], since: int) -> None:
        last: str | None = None
        while waits:
            page = await self._ledger.read(events_since, since, _PAGE, last)
            await self._offer(waits, page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    async def _offer(
        self,
        waits: dict[tuple[str, str], EventWait],
        page: list[tuple[str, str, str | None, int]],
    ) -> None:
        """Give each event to those that wait for it; who has got one waits no more."""
        wanted = [each for each in page if any(wait.may_fit(*each) for wait in waits.values())]
        if not wanted:
            return
        bodies = await self._ledger.read(bodies_of, [each[0] for each in wanted])
        for event in wanted:
            body = _read(bodies.get(event[0], b""))
            fields = body if isinstance(body, dict) else {"body": body}
            for key, wait in list(waits.items()):
                if wait.may_fit(*event) and _fits(wait, fields):
                    del waits[key]
                    await self._give(key, wait, event, body)

    async def _give(
        self,
        key: tuple[str, str],
        wait: EventWait,
        event: tuple[str, str, str | None, int],
        body: Json,
    ) -> None:
        event_id, source, event_type, received_at = event
        told = {
            "id": event_id,
            "source": source,
            "type": event_type,
            "received_at": to_iso(received_at),
            "body": body,
        }
        payload = dumps_text({"wait": wait.path, "event": told})
        match = Match(new_id("att"), key[0], key[1], event_id, payload)
        if await self._ledger.write(MATCH, match):
            fault_points.at("event.matched")
            _log.info("event.awaited", run=key[0], event_id=event_id)
            self._bell.ring(RUNS)


def _read(raw: bytes) -> Json:
    with suppress(HubError):
        return loads(raw)
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")


def _fits(wait: EventWait, fields: dict[str, Json]) -> bool:
    with suppress(HubError):
        return wait.fits(fields)
    return False
