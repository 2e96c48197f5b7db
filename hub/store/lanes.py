"""How the lanes stand."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, case, func, literal, select

from hub.model.time import US_PER_S
from hub.store.schema import runs
from hub.store.statement import inline, now_us
from hub.store.tx import Tx

_MINUTE_US = 60 * US_PER_S


@dataclass(frozen=True, slots=True)
class LaneState:
    """Of one lane: runs that could begin, that wait for their time, that are under way."""

    due: int = 0
    waiting: int = 0
    running: int = 0
    oldest_due_us: int | None = None
    """How long the oldest one has been due, in microseconds."""
    finished: int = 0
    """In the last minute, of the runs that were asked for in the last ten."""


_is_due = runs.c.due_at <= now_us()
_QUEUED = (
    select(
        runs.c.lane,
        func.count(case((_is_due, literal(1)))),
        func.count(case((~_is_due, literal(1)))),
        now_us() - func.min(case((_is_due, runs.c.due_at))),
    )
    .where(runs.c.status.in_((inline("queued"), inline("waiting"))))
    .group_by(runs.c.lane)
)
_RUNNING = (
    select(runs.c.lane, func.count(literal(1)))
    .where(runs.c.status == inline("running"))
    .group_by(runs.c.lane)
)
_FINISHED = (
    select(runs.c.lane, func.count(literal(1)))
    .where(and_(runs.c.id > bindparam("since"), runs.c.finished_at > now_us() - _MINUTE_US))
    .group_by(runs.c.lane)
)


def lane_states(tx: Tx, since: str) -> dict[str, LaneState]:
    """How each lane stands, by name; ``since`` is the id of ten minutes ago."""
    queued = {row[0]: row for row in tx.rows(_QUEUED)}
    running = {row[0]: int(row[1]) for row in tx.rows(_RUNNING)}
    finished = {row[0]: int(row[1]) for row in tx.rows(_FINISHED, {"since": since})}
    states = {}
    for name in queued.keys() | running.keys() | finished.keys():
        _, due, waiting, oldest = queued.get(name, (name, 0, 0, None))
        states[name] = LaneState(
            int(due), int(waiting), running.get(name, 0), oldest, finished.get(name, 0)
        )
    return states
