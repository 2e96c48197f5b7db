"""How the lanes stand."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, literal, not_, select

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


def _queued(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            runs.c.lane,
            func.count(case((_is_due, literal(1)))),
            func.count(case((~_is_due, literal(1)))),
            now_us() - func.min(case((_is_due, runs.c.due_at))),
        )
        .where(which)
        .group_by(runs.c.lane)
    )


# those that may begin, and those behind another: each has an index, both together have none
_QUEUED = (
    _queued(and_(runs.c.status.in_((inline("queued"), inline("waiting"))), not_(runs.c.held))),
    _queued(and_(runs.c.status == inline("queued"), runs.c.held)),
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
    queued = [row for statement in _QUEUED for row in tx.rows(statement)]
    running = {row[0]: int(row[1]) for row in tx.rows(_RUNNING)}
    finished = {row[0]: int(row[1]) for row in tx.rows(_FINISHED, {"since": since})}
    states = {}
    for name in {row[0] for row in queued} | running.keys() | finished.keys():
        rows = [row for row in queued if row[0] == name]
        states[name] = LaneState(
            sum(int(row[1]) for row in rows),
            sum(int(row[2]) for row in rows),
            running.get(name, 0),
            max((row[3] for row in rows if row[3] is not None), default=None),
            finished.get(name, 0),
        )
    return states
