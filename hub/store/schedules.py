"""Schedules: when each fires next, and that each time fires once, however many look.

A fire moves ``next_at`` on and starts its runs in one transaction, and only from the time that
it was reckoned from: whoever comes second finds another time there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, false, literal, null, select, update

from hub.model.run import RunStart
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.runs import insert_runs
from hub.store.schema import runs, schedules
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_ACTIVE = ("queued", "waiting", "running")


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule as it stands. Times are microseconds since the epoch."""

    name: str
    spec: str
    next_at: int
    paused: bool
    armed_at: int
    fired_at: int | None
    last_run: str | None
    fires: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Arm:
    """A schedule is new, or has another line: it fires next at ``next_at``, for the first time."""

    name: str
    spec: str
    next_at: int


@dataclass(frozen=True, slots=True)
class Fire:
    """It was due at ``from_at`` and is next at ``next_at``; ``starts`` are its runs, oldest first.

    With ``alone`` nothing is started while its last run has not ended.
    """

    name: str
    from_at: int
    next_at: int
    fired_at: int | None
    starts: tuple[RunStart, ...] = field(default=())
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """The runs that were started, or that there was none because the last one goes on."""

    runs: tuple[str, ...] = ()
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause a schedule, or let it go on from ``next_at``."""

    name: str
    paused: bool
    next_at: int


_COLUMNS = tuple(schedules.c[name] for name in ScheduleRow.__dataclass_fields__)
_NOW_AND_ALL = select(now_us(), *_COLUMNS)
_NOW = select(now_us())
_arm = insert_of(
    schedules,
    paused=false(),
    armed_at=now_us(),
    fired_at=null(),
    last_run=null(),
    fires=literal(0),
    skipped=literal(0),
)
_ARM = _arm.on_conflict_do_update(
    index_elements=["name"],
    set_={name: _arm.excluded[name] for name in ("spec", "next_at", "armed_at")},
    where=schedules.c.spec != _arm.excluded.spec,
)
_MOVE_ON = (
    update(schedules)
    .where(
        schedules.c.name == bindparam("of_name"),
        schedules.c.next_at == bindparam("from_at"),
        schedules.c.paused == false(),
    )
    .values(next_at=bindparam("to_at"))
    .returning(schedules.c.last_run)
)
_NOTE_FIRES = (
    update(schedules)
    .where(schedules.c.name == bindparam("of_name"))
    .values(
        last_run=bindparam("run"),
        fired_at=bindparam("fired"),
        fires=schedules.c.fires + bindparam("count"),
    )
)
_NOTE_SKIP = (
    update(schedules)
    .where(schedules.c.name == bindparam("of_name"))
    .values(skipped=schedules.c.skipped + 1)
)
_IS_ACTIVE = select(runs.c.id).where(
    runs.c.id == bindparam("of_id"), runs.c.status.in_([inline(each) for each in _ACTIVE])
)
_PAUSE = (
    update(schedules)
    .where(schedules.c.name == bindparam("of_name"))
    .values(paused=bindparam("to_paused"), next_at=bindparam("to_at"))
)
_FORGET = delete(schedules).where(
    one_of(schedules.c.name, "names"), schedules.c.armed_at < now_us() - bindparam("older_us")
)


def schedules_now(tx: Tx, /) -> tuple[int, dict[str, ScheduleRow]]:
    """The database's time, and every schedule that was ever armed, by name."""
    rows = tx.rows(_NOW_AND_ALL)
    now = rows[0][0] if rows else tx.rows(_NOW)[0][0]
    return int(now), {row[1]: _row(*row[1:]) for row in rows}


def _row(name: str, spec: str, next_at: int, paused: bool, *rest: Any) -> ScheduleRow:
    return ScheduleRow(name, spec, next_at, bool(paused), *rest)


def _arm_all(tx: Tx, arms: Sequence[Arm]) -> list[None]:
    tx.many(_ARM, [{"name": a.name, "spec": a.spec, "next_at": a.next_at} for a in arms])
    return [None] * len(arms)


ARM: Write[Arm, None] = Write("arm_schedule", 94, _arm_all)
"""Have a schedule; one that stands there with the same line is left alone."""


def _fire_all(tx: Tx, fires: Sequence[Fire]) -> list[Fired | None]:
    return [_fire(tx, each) for each in fires]


FIRE: Write[Fire, Fired | None] = Write("fire_schedule", 95, _fire_all)
"""Start what is due; None where another process was quicker, or it is paused."""


def _fire(tx: Tx, fire: Fire) -> Fired | None:
    params = {"of_name": fire.name, "from_at": fire.from_at, "to_at": fire.next_at}
    rows = tx.rows(_MOVE_ON, params)
    if not rows:
        return None
    if not fire.starts:
        return Fired()
    last_run = rows[0][0]
    if fire.alone and last_run is not None and tx.rows(_IS_ACTIVE, {"of_id": last_run}):
        tx.run(_NOTE_SKIP, {"of_name": fire.name})
        return Fired(skipped=True)
    insert_runs(tx, fire.starts)
    ids = tuple(start.id for start in fire.starts)
    noted = {"of_name": fire.name, "run": ids[-1], "fired": fire.fired_at, "count": len(ids)}
    tx.run(_NOTE_FIRES, noted)
    return Fired(ids)


def _pause_all(tx: Tx, pauses: Sequence[Pause]) -> list[bool]:
    return [
        bool(
            tx.run(
                _PAUSE,
                {"of_name": each.name, "to_paused": each.paused, "to_at": each.next_at},
            )
        )
        for each in pauses
    ]


PAUSE: Write[Pause, bool] = Write("pause_schedule", 96, _pause_all)
"""True if there is such a schedule."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Schedules that no stack has any more, if they were armed longer ago than that."""

    names: tuple[str, ...]
    older_us: int


def _forget_all(tx: Tx, forgets: Sequence[Forget]) -> list[int]:
    return [
        tx.run(_FORGET, {"names": list(each.names), "older_us": each.older_us}) for each in forgets
    ]


FORGET: Write[Forget, int] = Write("forget_schedules", 97, _forget_all)
"""How many were forgotten: one that comes back later catches up nothing."""


def find_schedule(tx: Tx, name: str) -> dict[str, Any] | None:
    """One row, or None."""
    return one(tx, schedules, name=name)
