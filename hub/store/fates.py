"""What became of events: their fate, derived from their own row and from their work.

In this order: rejected, duplicate, unmatched (as the row says), then running while any of its
runs or deliveries is, held while one of them is held back, dead if one failed, else delivered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Table,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    not_,
    select,
)

from hub.store.lookup import LAST
from hub.store.schema import deliveries, events, runs
from hub.store.statement import inline, one_of
from hub.store.tx import Tx

WINDOW = 10_000
"""Events that one look for a fate goes through: a rare one may be pages away."""
MAX_IDS = 1000
_ID_SLACK_MS = 60_000
_SHOWN = [column for column in events.c if column.name not in ("headers", "body")]


def _found(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an event has such a row.

    Not by EXISTS: PostgreSQL makes a hash of all such rows of that, which reads the whole table.
    """
    of_event = select(literal(1)).where(table.c.event_id == events.c.id, *conditions)
    return of_event.limit(literal_column("1")).scalar_subquery().is_not(None)


def _any(table: Table, *statuses: str) -> ColumnElement[bool]:
    return _found(table, table.c.status.in_([inline(status) for status in statuses]))


def _goes_on() -> ColumnElement[bool]:
    """A delivery is under way, or waits and nothing holds it back."""
    waits = deliveries.c.status.in_((inline("pending"), inline("retrying")))
    is_held = deliveries.c.held | one_of(deliveries.c.destination, "held_by")
    return _found(
        deliveries, (deliveries.c.status == inline("delivering")) | (waits & not_(is_held))
    )


_FATE = case(
    (events.c.fate != inline("recorded"), events.c.fate),
    (_any(runs, "queued", "running", "waiting") | _goes_on(), inline("running")),
    (_any(deliveries, "pending", "retrying"), inline("held")),
    (_any(runs, "failed") | _any(deliveries, "dead"), inline("dead")),
    else_=inline("delivered"),
).label("derived")


@dataclass(frozen=True, slots=True)
class EventsWanted:
    """Which events: newest first, those before an id. ``since`` is in microseconds."""

    most: int
    before: str = LAST
    source: str | None = None
    fate: str | None = None
    since: int | None = None
    held_by: tuple[str, ...] = ()
    """The destinations that hold deliveries back."""


def events_page(tx: Tx, wanted: EventsWanted) -> tuple[list[dict[str, Any]], str | None]:
    """Rows without headers and body, ``fate`` derived, and the id that the next page is before."""
    page, window = _statements(wanted.source is not None, wanted.fate is not None)
    size = WINDOW if wanted.fate is not None else wanted.most + 1
    since = wanted.since or 0
    first_id = f"evt_{max(0, since // 1000 - _ID_SLACK_MS):012x}"
    params: dict[str, Any] = {"before": wanted.before, "first_id": first_id, "since": since}
    params |= {"window": size, "held_by": list(wanted.held_by)}
    params |= {"of_source": wanted.source} if wanted.source is not None else {}
    fate = {"of_fate": wanted.fate} if wanted.fate is not None else {}
    names = [column.name for column in _SHOWN]
    rows = [
        dict(zip(names, row, strict=False)) | {"fate": row[-1]}
        for row in tx.rows(page, {**params, **fate, "most": wanted.most + 1})
    ]
    if len(rows) > wanted.most:
        return rows[: wanted.most], rows[wanted.most - 1]["id"]
    count, last = tx.rows(window, params)[0]
    return rows, last if count == size else None


@lru_cache(maxsize=8)
def _statements(
    by_source: bool, by_fate: bool
) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    window = _window(by_source)
    page = (
        select(*_SHOWN, _FATE)
        .where(events.c.id.in_(select(window.c.id)))
        .order_by(events.c.id.desc())
        .limit(bindparam("most"))
    )
    if by_fate:
        page = page.where(bindparam("of_fate") == _FATE.element)
    return page, select(func.count(literal_column("1", Integer)), func.min(window.c.id))


def _window(by_source: bool) -> Subquery:
    chosen = select(events.c.id).where(
        events.c.id < bindparam("before"),
        events.c.id >= bindparam("first_id"),
        events.c.received_at >= bindparam("since"),
    )
    if by_source:
        chosen = chosen.where(events.c.source == bindparam("of_source"))
    return chosen.order_by(events.c.id.desc()).limit(bindparam("window")).subquery()


_ONE = select(*events.c, _FATE).where(events.c.id == bindparam("of_id"))
_REPEATS = select(func.count(literal_column("1", Integer))).where(
    events.c.duplicate_of == bindparam("of_id")
)


def _ids(table: Table) -> Select[Any]:
    return (
        select(table.c.id)
        .where(table.c.event_id == bindparam("of_id"))
        .order_by(table.c.id)
        .limit(literal_column(str(MAX_IDS)))
    )


_RUNS, _DELIVERIES = _ids(runs), _ids(deliveries)


def event_in_full(tx: Tx, event_id: str, held_by: Sequence[str] = ()) -> dict[str, Any] | None:
    """An event's row with its derived fate, the number of its duplicates, and its work's ids.

    ``held_by``: the destinations that hold deliveries back. Of runs and deliveries the first
    :data:`MAX_IDS` are named.
    """
    found = tx.rows(_ONE, {"of_id": event_id, "held_by": list(held_by)})
    if not found:
        return None
    row = dict(zip(events.c.keys(), found[0], strict=False)) | {"fate": found[0][-1]}
    return row | {
        "duplicates": tx.rows(_REPEATS, {"of_id": event_id})[0][0],
        "runs": [each[0] for each in tx.rows(_RUNS, {"of_id": event_id})],
        "deliveries": [each[0] for each in tx.rows(_DELIVERIES, {"of_id": event_id})],
    }
