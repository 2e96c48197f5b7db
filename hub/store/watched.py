"""What alerts watch in the ledger. Every count ends at a limit, and every look is by an index.

However many rows there are, a look touches no more of them than it is asked for.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    select,
)

from hub.store.due import waiting_names
from hub.store.schema import deliveries, events, runs, schedules
from hub.store.statement import inline, now_us
from hub.store.tx import Tx

MOST_SEEN = 5000
"""Of so many rows a share is taken, the newest."""
MOST_COUNTED = 10_000
"""No count of what failed goes further."""
_since: BindParameter[Any] = bindparam("since")
_most: BindParameter[int] = bindparam("most")


def _grouped(inner: Select[Any], name: str) -> Select[Any]:
    found = inner.subquery("found")
    return select(found.c[name], func.count(literal(1))).group_by(found.c[name])


_FAILED_RUNS = _grouped(
    select(runs.c.task)
    .where(runs.c.status == inline("failed"), runs.c.finished_at >= _since)
    .order_by(runs.c.finished_at.desc())
    .limit(_most),
    "task",
)
_DEAD = _grouped(
    select(deliveries.c.destination)
    .where(deliveries.c.status == inline("dead"), deliveries.c.finished_at >= _since)
    .order_by(deliveries.c.finished_at.desc())
    .limit(_most),
    "destination",
)
_REJECTED = _grouped(
    select(events.c.source)
    .where(
        events.c.fate == inline("rejected"), events.c.id >= _since, events.c.id < bindparam("until")
    )
    .order_by(events.c.id.desc())
    .limit(_most),
    "source",
)


def failed_runs(tx: Tx, since: int) -> dict[str, int]:
    """How many runs of each task have failed since a time in microseconds."""
    return _counts(tx, _FAILED_RUNS, since)


def dead_letters(tx: Tx, since: int) -> dict[str, int]:
    """How many deliveries to each destination were given up since a time in microseconds."""
    return _counts(tx, _DEAD, since)


def rejected(tx: Tx, since: str, until: str) -> dict[str, int]:
    """How many requests to each source were rejected; from one event's id to before another's."""
    return _counts(tx, _REJECTED, since, until=until)


def _counts(tx: Tx, query: Select[Any], since: int | str, **more: str) -> dict[str, int]:
    params = {"since": since, "most": MOST_COUNTED, **more}
    return {name: int(count) for name, count in tx.rows(query, params)}


def _shares(inner: Select[Any], bad: Any, name: str) -> Select[Any]:
    """Of each name how many are bad, and how many there are."""
    found = inner.limit(_most).subquery("found")
    return select(
        found.c[name], func.sum(case((bad(found), literal(1)), else_=literal(0))), func.count()
    ).group_by(found.c[name])


_newest_runs = select(runs.c.task, runs.c.status).where(runs.c.id >= _since)
_newest_deliveries = select(
    deliveries.c.destination, deliveries.c.status, deliveries.c.attempts
).where(deliveries.c.id >= _since)


def _runs_share(inner: Select[Any]) -> Select[Any]:
    query = _shares(
        inner.order_by(runs.c.id.desc()), lambda found: found.c.status == inline("failed"), "task"
    )
    found = query.get_final_froms()[0]
    return query.where(found.c.status.in_((inline("failed"), inline("succeeded"))))


def _deliveries_share(inner: Select[Any]) -> Select[Any]:
    query = _shares(
        inner.order_by(deliveries.c.id.desc()),
        lambda found: found.c.status != inline("delivered"),
        "destination",
    )
    found = query.get_final_froms()[0]
    tried = and_(
        found.c.attempts > 0, found.c.status.in_((inline("retrying"), inline("delivering")))
    )
    ended = found.c.status.in_((inline("delivered"), inline("dead")))
    return query.where(tried | ended)


_RUNS = _runs_share(_newest_runs)
_RUNS_OF = _runs_share(_newest_runs.where(runs.c.task == bindparam("name")))
_DELIVERIES = _deliveries_share(_newest_deliveries)
_DELIVERIES_OF = _deliveries_share(
    _newest_deliveries.where(deliveries.c.destination == bindparam("name"))
)


def run_shares(tx: Tx, since: str, name: str | None) -> dict[str, tuple[int, int]]:
    """How many of the newest runs of each task failed, of those that have ended.

    Not before the id ``since``; with ``name`` of that task only, and of more of its runs.
    """
    return _tried(tx, _RUNS if name is None else _RUNS_OF, since, name)


def delivery_shares(tx: Tx, since: str, name: str | None) -> dict[str, tuple[int, int]]:
    """How many of the newest deliveries to each destination have not arrived, of those tried.

    Not before the id ``since``; with ``name`` of that destination only, and of more of its own.
    """
    return _tried(tx, _DELIVERIES if name is None else _DELIVERIES_OF, since, name)


def _tried(tx: Tx, query: Select[Any], since: str, name: str | None) -> dict[str, tuple[int, int]]:
    params: dict[str, Any] = {"since": since, "most": MOST_SEEN}
    if name is not None:
        params["name"] = name
    return {row[0]: (int(row[1]), int(row[2])) for row in tx.rows(query, params)}


_run_waits = and_(
    runs.c.status.in_((inline("queued"), inline("waiting"))),
    not_(runs.c.held),
    runs.c.lane == bindparam("of_lane"),
    runs.c.due_at <= now_us(),
)
_LANE_DEPTH = select(func.count(literal(1))).select_from(
    select(literal(1)).select_from(runs).where(_run_waits).limit(_most).subquery()
)
_LANE_OLDEST = (
    select(now_us() - runs.c.due_at).where(_run_waits).order_by(runs.c.due_at).limit(literal(1))
)


def lane_depths(tx: Tx, lanes: Sequence[str], most: int) -> dict[str, int]:
    """How many runs of each lane are due; counted up to ``most``."""
    return {
        lane: int(tx.rows(_LANE_DEPTH, {"of_lane": lane, "most": most})[0][0]) for lane in lanes
    }


def lane_ages(tx: Tx, lanes: Sequence[str]) -> dict[str, int]:
    """How long the oldest run of each lane that has one has been due, in microseconds."""
    oldest = {lane: tx.rows(_LANE_OLDEST, {"of_lane": lane}) for lane in lanes}
    return {lane: int(rows[0][0]) for lane, rows in oldest.items() if rows}


_names = waiting_names()
_delivery_waits = and_(
    deliveries.c.status.in_((inline("pending"), inline("retrying"))), not_(deliveries.c.held)
)


def _of(name: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(_delivery_waits, deliveries.c.destination == name)


def _oldest(replayed: str) -> Any:
    """Of one kind, so that the index gives it at once."""
    return (
        select(deliveries.c.due_at)
        .where(_of(_names.c.name), deliveries.c.replayed == bindparam(replayed))
        .order_by(deliveries.c.due_at)
        .limit(literal(1))
        .correlate(_names)
        .scalar_subquery()
    )


_some = (
    select(literal(1))
    .select_from(deliveries)
    .where(_of(_names.c.name))
    .limit(_most)
    .correlate(_names)
    .subquery()
)
_WAITING = select(
    _names.c.name, select(func.count(literal(1))).select_from(_some).scalar_subquery()
).where(_names.c.name.is_not(None))
_AGES = select(_names.c.name, now_us(), _oldest("live"), _oldest("again")).where(
    _names.c.name.is_not(None)
)


def waiting_deliveries(tx: Tx, most: int) -> dict[str, int]:
    """How many deliveries wait for each destination, also for a next try; up to ``most``."""
    return {name: int(count) for name, count in tx.rows(_WAITING, {"most": most})}


def delivery_ages(tx: Tx, /) -> dict[str, int]:
    """How long the oldest due delivery to each destination has been due, in microseconds."""
    found = {}
    for name, now, live, again in tx.rows(_AGES, {"live": False, "again": True}):
        first = min(each for each in (live, again) if each is not None)
        if first <= now:
            found[name] = int(now - first)
    return found


_LATE = select(schedules.c.name, now_us() - schedules.c.next_at).where(
    not_(schedules.c.paused), schedules.c.next_at <= now_us()
)


def late_schedules(tx: Tx, /) -> dict[str, int]:
    """How long each schedule that is due has been so, in microseconds."""
    return {name: int(late) for name, late in tx.rows(_LATE)}
