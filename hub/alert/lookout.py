"""The lookout: every process has one, and one of them at a time looks for all.

What is told, and that it was told, are one commit (see :mod:`hub.store.alerts`): a crash before it
has the next look find the same again, and after it nothing is left to do.
"""

import asyncio
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from hub import fault_points
from hub.alert.aims import Aims, broken_among
from hub.alert.decide import ToTell, as_told, decide, is_reminder, to_tell
from hub.alert.measure import Measures
from hub.alert.notice import FIRED, OVER, notice_of
from hub.alert.outage import Outage
from hub.alert.sending import Speaker
from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.model.alert import Alert, Phase, Standing
from hub.model.channel import ALERTS
from hub.model.condition import DISK_LOW, PROCESS_FAILING, REDIS_UNAVAILABLE
from hub.model.event import Arrival
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text
from hub.model.segment import Publication
from hub.model.time import US_PER_S
from hub.stack.emitting import emitted
from hub.store.alerts import (
    CLAIM_LOOK,
    KEEP_LOOK,
    REPORT_ALERTS,
    Look,
    Report,
    Stand,
    is_look_due,
    stand_now,
)
from hub.store.queues import DELIVERIES, RUNS

_FRESH_S = 60.0
_FRESH_LOOKS = 3
"""So many looks a report counts, and at least a minute."""
_log = structlog.get_logger("hub.alerts")


@dataclass(frozen=True, slots=True)
class _Notice:
    """What is told of one kind, together: to everybody who follows it, and to each destination."""

    event: str
    whole: Mapping[str, Json]
    parts: Mapping[str, Mapping[str, Json]]
    """By destination: the alerts that it is told of."""
    at_once: Mapping[str, Mapping[str, Json]]
    """The same for what cannot wait for deliveries to go out again."""


class Lookout:
    """Looks at what the rules watch, every ``alert_every_s``."""

    def __init__(self, hub: Hub) -> None:
        every_s = hub.settings.alert_every_s
        self._hub = hub
        self._every_s = every_s
        self._every_us = round(every_s * US_PER_S)
        self._fresh_us = round(max(_FRESH_S, _FRESH_LOOKS * every_s) * US_PER_S)
        self._restarts: dict[str, int] = {}
        self._reported: tuple[Report, ...] = ()
        self._speaker = Speaker(hub.catalog, hub.connectors, hub.settings.timezone)
        self._outage = Outage(hub, self._speaker)

    async def follow(self) -> None:
        """Look for ever; the supervisor runs it."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except StoreError as error:
                if error.code == "secret_unreadable":
                    raise
                await self._outage.lasts(error)
            else:
                await self._outage.is_over()

    async def look(self) -> bool:
        """Look, if it is time and nobody else does; whether it was kept.

        Raises:
            StoreError: the ledger does not answer.
        """
        ledger = self._hub.ledger
        await self._report()
        if not await ledger.read(is_look_due):
            return False
        n = await ledger.write(CLAIM_LOOK, (self._every_us, self._fresh_us))
        if n is None:
            return False
        await self._hub.catalog.refresh()
        stand = await ledger.read(stand_now, fresh_us=self._fresh_us)
        rules = {slug: each for slug, each in self._hub.catalog.now.alerts.items() if each.enabled}
        return await self._conclude(n, stand, rules)

    async def _conclude(self, n: int, stand: Stand, rules: Mapping[str, Alert]) -> bool:
        hub, before = self._hub, stand.standings
        measures = Measures(hub.ledger, hub.gates, hub.catalog.now, stand)
        after = decide(before, rules, await measures.of(rules), stand.now)
        telling = to_tell(after.values(), rules, stand.muted, stand.now, self._every_us)
        aims = self._aims(after.values())
        notices = list(self._notices(telling, rules, aims, stand.now))
        for each in (*telling.firing, *telling.resolved):
            heard = aims.of(each, rules.get(each.rule))
            after[each.rule, each.subject] = as_told(each, heard, stand.now)
        look = Look(
            n,
            put=tuple(each for key, each in after.items() if before.get(key) != each),
            drop=tuple(key for key in before if key not in after),
            arrivals=tuple(self._arrival(each, stand.now) for each in notices),
            publications=tuple(_publication(each) for each in notices),
        )
        fault_points.at("alerts.ready")
        if look.changes and not await hub.ledger.write(KEEP_LOOK, look):
            return False
        fault_points.at("alerts.told")
        _say(before, look.put)
        if notices:
            hub.bell.ring(DELIVERIES)
            hub.bell.ring(RUNS)
        for notice in notices:
            await self._speaker.send_now(hub.client, notice.at_once)
        return True

    def _aims(self, standings: Iterable[Standing]) -> Aims:
        usual = self._hub.settings.alert_destinations
        return Aims(self._hub.catalog.now.destinations, usual, broken_among(standings))

    def _notices(
        self, telling: ToTell, rules: Mapping[str, Alert], aims: Aims, now: int
    ) -> Iterator[_Notice]:
        root = self._hub.settings.root

        def made(standings: Iterable[Standing]) -> dict[str, dict[str, Json]]:
            by_slug: dict[str, list[Standing]] = {}
            for each in standings:
                for slug in aims.of(each, rules.get(each.rule)):
                    by_slug.setdefault(slug, []).append(each)
            return {
                slug: notice_of(some, rules, root=root, now=now) for slug, some in by_slug.items()
            }

        for event, some in ((FIRED, telling.firing), (OVER, telling.resolved)):
            if some:
                urgent = [each for each in some if _is_urgent(each)]
                yield _Notice(
                    event,
                    notice_of(some, rules, root=root, now=now),
                    made(each for each in some if not _is_urgent(each)),
                    made(urgent),
                )

    def _arrival(self, notice: _Notice, now: int) -> Arrival:
        """The notice as an event of the hub's own, which is sent to its destinations too."""
        hub = self._hub
        arrival = emitted(
            notice.event,
            dict(notice.whole),
            hub.catalog,
            at_us=now,
            zone=hub.settings.timezone,
            missed=lambda slug, why: _log.warning(
                "subscription.missed", subscription=slug, error=why
            ),
        )
        event_id = arrival.event.id
        own = (
            self._speaker.delivery(slug, part, f"{event_id}:alert:{slug}", now, event_id)
            for slug, part in notice.parts.items()
        )
        return replace(arrival, deliveries=(*arrival.deliveries, *own))

    async def _report(self) -> None:
        """Say in the ledger what only this process sees, while there is anything of it."""
        found = (*self._failing(), *await self._disk())
        if found or self._reported:
            await self._hub.ledger.write(REPORT_ALERTS, (self._hub.worker, found))
            self._reported = found

    def _failing(self) -> Iterator[Report]:
        """The background tasks that are in trouble, or were since the last look."""
        for name, health in self._hub.supervisor.health.items():
            restarts = self._restarts.get(name, 0)
            self._restarts[name] = health.restarts
            if health.trouble is not None or health.restarts > restarts:
                yield Report(PROCESS_FAILING, name, 1.0)

    async def _disk(self) -> tuple[Report, ...]:
        """How much of the disk is free, where that is as little as a rule waits for."""
        rules = self._hub.catalog.now.alerts.values()
        limits = [each.limit or 0.0 for each in rules if each.when == DISK_LOW and each.enabled]
        if not limits:
            return ()
        with suppress(OSError):
            disk = await asyncio.to_thread(shutil.disk_usage, self._hub.settings.data)
            free = 100 * disk.free / disk.total if disk.total else 100.0
            if free <= max(limits):
                return (Report(DISK_LOW, platform.node(), free),)
        return ()


def _is_urgent(standing: Standing) -> bool:
    """Whether deliveries cannot tell it, because it is what they wait for."""
    return standing.when == REDIS_UNAVAILABLE and standing.phase is Phase.FIRING


def _publication(notice: _Notice) -> Publication:
    return Publication(new_id("msg"), ALERTS, notice.event, dumps_text(dict(notice.whole)))


def _say(before: Mapping[tuple[str, str], Standing], put: Iterable[Standing]) -> None:
    """Log what has begun to fire, what is over, and what was told of it."""
    for each in put:
        was = before.get((each.rule, each.subject))
        line = _log.bind(rule=each.rule, subject=each.subject, severity=each.severity)
        if each.phase is Phase.FIRING and (was is None or was.phase is Phase.PENDING):
            line.warning("alert.fired", value=each.value)
        elif each.phase is Phase.RESOLVED and was is not None and was.phase is Phase.FIRING:
            line.info("alert.resolved")
        if is_reminder(each) and (was is None or was.notified_at != each.notified_at):
            line.info("alert.announced", destinations=each.told)
