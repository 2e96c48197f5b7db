"""Schedules of stacks: armed, fired at their times, caught up with after an outage.

Every worker looks once a second; which one fires is decided in the ledger. A time that passed
while nobody looked is missed: ``catch_up`` says whether the last of these, all or none is made
up for.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import structlog

from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.run import RunStart
from hub.model.time import US_PER_S, to_iso
from hub.observe.metrics import Metrics
from hub.run.world import Rings
from hub.stack.cron import fires_after, last_fire_until
from hub.stack.placing import placed
from hub.stack.task import Schedule, Task
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger
from hub.store.queues import RUNS
from hub.store.schedules import (
    ARM,
    FIRE,
    FORGET,
    Arm,
    Fire,
    Fired,
    Forget,
    ScheduleRow,
    schedules_now,
)

TICK_S = 1.0
MISSED_US = 60 * US_PER_S
"""So late a fire is still on time."""
MOST_AT_ONCE = 100
"""Of all missed times so many are made up for in one go; the rest follow."""
_FORGET_AFTER_US = 60 * US_PER_S
_log = structlog.get_logger("hub.schedules")


@dataclass(frozen=True, slots=True)
class Known:
    """A schedule of a stack, with its task and the zone that counts."""

    schedule: Schedule
    task: Task
    zone: str

    @property
    def name(self) -> str:
        """Its full name: that of its task."""
        return self.schedule.task

    @property
    def spec(self) -> str:
        """What its times follow from."""
        return f"{self.schedule.cron} {self.zone}"

    def after(self, us: int) -> Iterator[int]:
        """The times after that."""
        return fires_after(self.schedule.cron, us, self.zone)

    def start(self, at_us: int | None, now: int, key: str | None) -> RunStart:
        """The run for a time; without one it is asked for by hand."""
        told = {"name": self.name, "clock": self.schedule.clock}
        at = now if at_us is None else at_us
        context = {"schedule": told, "scheduled_for": at}
        start = RunStart(
            id=new_id("run"),
            task=self.name,
            input="{}",
            idempotency_key=key,
            context=dumps_text(context),
            concurrency_key=f"schedule:{self.name}" if self.schedule.overlap == "queue" else None,
        )
        return placed(start, self.task, {})


class Scheduler:
    """Looks at the schedules of the catalog, and fires what is due."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        bell: Rings,
        zone: str,
        metrics: Metrics | None = None,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._bell = bell
        self._zone = zone
        self._metrics = metrics or Metrics()

    def known(self) -> dict[str, Known]:
        """Every schedule that a stack has, by its full name."""
        return known_schedules(self._catalog, self._zone)

    async def follow(self) -> None:
        """Tick for ever; the supervisor runs it."""
        while True:
            await self.tick()
            await asyncio.sleep(TICK_S)

    async def tick(self) -> None:
        """Arm what is new, fire what is due, forget what no stack has any more."""
        await self._catalog.refresh()
        known = self.known()
        now, rows = await self._ledger.read(schedules_now)
        for each in known.values():
            row = rows.get(each.name)
            if row is None or row.spec != each.spec:
                await self._ledger.write(ARM, Arm(each.name, each.spec, next(each.after(now))))
            elif not row.paused and row.next_at <= now:
                await self._fire(each, row, now)
        gone = tuple(sorted(rows.keys() - known.keys()))
        if gone:
            await self._ledger.write(FORGET, Forget(gone, _FORGET_AFTER_US))

    async def _fire(self, known: Known, row: ScheduleRow, now: int) -> None:
        times, next_at = _due(known, row.next_at, now)
        starts = tuple(known.start(at, now, f"schedule:{at}") for at in times)
        fire = Fire(
            known.name,
            row.next_at,
            next_at,
            times[-1] if times else None,
            starts,
            alone=known.schedule.overlap == "skip",
        )
        fired = await self._ledger.write(FIRE, fire)
        if fired is None:
            return
        self._tell(known, fired, times, now)
        if fired.runs:
            self._bell.ring(RUNS)

    def _tell(self, known: Known, fired: Fired, times: list[int], now: int) -> None:
        shown = [to_iso(at) for at in times[-3:]]
        if fired.skipped:
            _log.warning("schedule.skipped", schedule=known.name, times=shown)
            self._metrics.schedule_fired(known.name, "skipped")
        elif fired.runs:
            _log.info("schedule.fired", schedule=known.name, times=shown, runs=len(fired.runs))
            for at in times:
                self._metrics.schedule_fired(known.name, "fired", now - at)
        else:
            _log.warning("schedule.missed", schedule=known.name)
            self._metrics.schedule_fired(known.name, "missed")


def known_schedules(catalog: Catalog, zone: str) -> dict[str, Known]:
    """Every schedule that a stack has, by its full name; ``zone`` is the hub's."""
    found = {}
    for stack in catalog.now.stacks.values():
        for schedule in stack.schedules:
            task = stack.tasks[schedule.task.partition("/")[2]]
            found[schedule.task] = Known(schedule, task, schedule.timezone or zone)
    return found


def _due(known: Known, due_at: int, now: int) -> tuple[list[int], int]:
    """The times to fire for now, and when it is due next."""
    if known.schedule.catch_up == "all":
        return _all_due(known, due_at, now)
    last = last_fire_until(known.schedule.cron, now, known.zone)
    last = max(last, due_at)
    in_time = now - last <= MISSED_US or known.schedule.catch_up == "last"
    return ([last] if in_time else []), next(known.after(max(now, last)))


def _all_due(known: Known, due_at: int, now: int) -> tuple[list[int], int]:
    times = [due_at]
    for at in islice(known.after(due_at), MOST_AT_ONCE):
        if at > now or len(times) == MOST_AT_ONCE:
            return times, at
        times.append(at)
    return times, next(known.after(times[-1]))
