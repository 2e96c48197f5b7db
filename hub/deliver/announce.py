"""What has happened to a destination is told: as an event of the hub's own, and live."""

import asyncio
from typing import Any

import structlog

from hub.bootstrap import Hub
from hub.ending import let_end
from hub.errors import HubError
from hub.model.channel import BREAKERS
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.message import Message
from hub.model.time import now_us, to_iso
from hub.outbound.gates import Change
from hub.stack.emitting import emitted
from hub.store.events import record
from hub.store.queues import DELIVERIES, RUNS

_log = structlog.get_logger("hub.deliver")


class Announcer:
    """Tells of breakers that open and close, and of destinations that are disabled."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._telling: set[asyncio.Task[None]] = set()

    def breaker(self, change: Change) -> None:
        """A breaker has changed. ``breaker.opened``, ``breaker.reopened``, ``breaker.closed``."""
        until = to_iso(change.until_us) if change.until_us else None
        _log.warning("breaker.changed", destination=change.name, what=change.what, until=until)
        self._hub.metrics.breaker_changed(change.name, change.what)
        told = {"destination": change.name, "state": _STATES[change.what], "until": until}
        self._start(f"breaker.{change.what}", told)
        if change.what == "closed":
            self._hub.bell.ring(DELIVERIES)

    def disabled(self, what: str, destination: str, reason: str) -> None:
        """A destination was disabled by the hub: ``destination.disabled``."""
        self._start(what, {"destination": destination, "reason": reason})

    def _start(self, what: str, told: dict[str, Any]) -> None:
        task = asyncio.create_task(self._tell(what, told), name=f"tell-{what}")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        """Let what is being told be told."""
        await let_end(self._telling, within_s=1)

    async def _tell(self, what: str, told: dict[str, Any]) -> None:
        """Neither may fail the other, nor whoever it happened to."""
        message = Message(new_id("msg"), BREAKERS, what, dumps_text(told), now_us())
        try:
            await self._hub.channels.publish([message])
        except HubError as error:
            _log.warning("message.lost", channel=BREAKERS, error=error.message)
        try:
            await self._record(what, told)
        except HubError as error:
            _log.error("event.lost", type=what, told=told, error=error.message)

    async def _record(self, what: str, told: dict[str, Any]) -> None:
        arrival = emitted(
            what,
            told,
            self._hub.catalog,
            at_us=now_us(),
            zone=self._hub.settings.timezone,
            missed=lambda slug, why: _log.warning(
                "subscription.missed", subscription=slug, error=why
            ),
        )
        await record(self._hub.ledger, arrival)
        for queue in (RUNS, DELIVERIES):
            self._hub.bell.ring(queue)


_STATES = {"opened": "open", "reopened": "open", "closed": "closed"}
