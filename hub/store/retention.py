"""What goes when its time is over: events with all that came of them, and what stands by itself.

Looking is a read, window by window in the order of the ids, which is that of time. Dropping is a
write of few rows. It asks once more whether they have ended, and locks them in the order in which
everybody does, so that what is replayed meanwhile stays.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from hub.store.ledger import Write
from hub.store.schema import (
    attempts,
    audit,
    cache,
    dedup,
    deliveries,
    events,
    files,
    idempotency,
    journal,
    purges,
    resumes,
    run_attempts,
    runs,
    sessions,
)
from hub.store.statement import inline, now_us, one_of
from hub.store.tx import Row, Tx

T = TypeVar("T")
_ACTIVE = ("queued", "waiting", "running")
_MOST_SOURCES = 1_000


@dataclass(frozen=True, slots=True)
class Ended:
    """Before which times things have to have ended, in microseconds; ``dead``: were given up."""

    runs: int
    deliveries: int
    dead: int


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a table: those of it that may go, its last id, and whether more comes after it."""

    free: tuple[str, ...]
    last: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The next ``most`` rows whose ids come after one, and before another."""

    after: str
    until: str
    most: int

    def params(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return {"after": self.after, "until": self.until, "most": self.most}

    def window(self, ids: Sequence[str], free: Sequence[str]) -> Window:
        """The rows that were found there, and those of them that may go."""
        return Window(tuple(free), ids[-1] if ids else None, len(ids) == self.most)


def _ids(column: ColumnElement[str], *conditions: ColumnElement[bool]) -> Select[Any]:
    between = (column > bindparam("after"), column < bindparam("until"))
    return select(column).where(*conditions, *between).order_by(column).limit(bindparam("most"))


def _found(tx: Tx, statement: Select[Any], params: dict[str, Any]) -> list[str]:
    return [row[0] for row in tx.rows(statement, params)]


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many rows went, by their tables, and how long that took inside the transaction."""

    counts: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def _dropping(name: str, rank: int, drop: Callable[[Tx, T], dict[str, int]]) -> Write[T, Dropped]:
    def timed(tx: Tx, asked: T) -> Dropped:
        began = time.perf_counter()
        counts = drop(tx, asked)
        return Dropped(counts, time.perf_counter() - began)

    return Write(name, rank, lambda tx, all_asked: [timed(tx, each) for each in all_asked])


_NOW = select(now_us())


def ledger_now(tx: Tx, /) -> int:
    """The database's own time, in microseconds since the epoch."""
    return int(tx.rows(_NOW)[0][0])


# Events, with their runs and deliveries

_FIRST_OF_SOURCE = (
    select(events.c.source, events.c.id)
    .where(events.c.source > bindparam("after"))
    .order_by(events.c.source, events.c.id)
    .limit(1)
)


def sources_with_events(tx: Tx, /, after: str = "") -> list[tuple[str, str]]:
    """The sources that have events, with the oldest one's id, those after a name; 1,000 at most.

    One look at the index for each, however many events there are.
    """
    found: list[tuple[str, str]] = []
    while len(found) < _MOST_SOURCES:
        rows = tx.rows(_FIRST_OF_SOURCE, {"after": found[-1][0] if found else after})
        if not rows:
            break
        found.append((rows[0][0], rows[0][1]))
    return found


def _lasting(table: Table, ended: ColumnElement[bool]) -> Select[Any]:
    """The events of which something has not ended, or not long enough ago.

    A list of ids and one table: a planner that may join would read whole tables.
    """
    lasts = or_(table.c.finished_at.is_(None), not_(ended))
    return select(table.c.event_id).where(one_of(table.c.event_id, "ids"), lasts)


_is_dead = deliveries.c.status == inline("dead")
_LASTING_RUNS = _lasting(runs, runs.c.finished_at < bindparam("runs_before"))
_LASTING_DELIVERIES = _lasting(
    deliveries,
    or_(
        and_(_is_dead, deliveries.c.finished_at < bindparam("dead_before")),
        and_(not_(_is_dead), deliveries.c.finished_at < bindparam("deliveries_before")),
    ),
)
_OF_SOURCE = _ids(events.c.id, events.c.source == bindparam("of_source"))
_REJECTED = _ids(events.c.id, events.c.fate == inline("rejected"))


def events_window(tx: Tx, /, source: str, span: Span, ended: Ended) -> Window:
    """Of a source's events; those may go whose runs and deliveries have ended long enough ago."""
    ids = _found(tx, _OF_SOURCE, {**span.params(), "of_source": source})
    if not ids:
        return span.window(ids, ids)
    lasting = {*_found(tx, _LASTING_RUNS, {"ids": ids, "runs_before": ended.runs})}
    before = {"deliveries_before": ended.deliveries, "dead_before": ended.dead}
    lasting |= {*_found(tx, _LASTING_DELIVERIES, {"ids": ids, **before})}
    return span.window(ids, [each for each in ids if each not in lasting])


def rejected_window(tx: Tx, /, span: Span) -> Window:
    """Of the rejected requests, whatever their sources: nothing ever came of them."""
    ids = _found(tx, _REJECTED, span.params())
    return span.window(ids, ids)


@dataclass(frozen=True, slots=True)
class DropEvents:
    """Drop these events, and runs, with all that came of them, where that has ended."""

    ids: tuple[str, ...]
    ended: Ended
    runs: tuple[str, ...] = ()
    """Runs that no event began."""
    files: bool = False
    """Whether the files that belong to them go too; otherwise they have a time of their own."""


def _of(table: Table, column: str) -> Delete:
    return delete(table).where(one_of(table.c[column], "ids"))


_LOCK_RUNS = (
    select(runs.c.id, runs.c.event_id, runs.c.finished_at)
    .where(one_of(runs.c.event_id, "ids"))
    .order_by(runs.c.id)
    .with_for_update()
)
_LOCK_OWN = (
    select(runs.c.id, runs.c.finished_at)
    .where(one_of(runs.c.id, "ids"))
    .order_by(runs.c.id)
    .with_for_update()
)
_LOCK_CHILDREN = (
    select(runs.c.id, runs.c.parent, runs.c.finished_at)
    .where(runs.c.parent.is_not(None), one_of(runs.c.parent, "ids"))  # as its index says
    .order_by(runs.c.id)
    .with_for_update()
)


def _lock_sent(column: str) -> Select[Any]:
    return (
        select(deliveries.c.id, deliveries.c[column], deliveries.c.finished_at, deliveries.c.status)
        .where(one_of(deliveries.c[column], "ids"))
        .order_by(deliveries.c.id)
        .with_for_update()
    )


_LOCK_SENT, _LOCK_SENT_BY_RUNS = _lock_sent("event_id"), _lock_sent("run_id")
_EVENTS, _RUNS, _DELIVERIES = _of(events, "id"), _of(runs, "id"), _of(deliveries, "id")
_ATTEMPTS, _RUN_ATTEMPTS = _of(attempts, "delivery_id"), _of(run_attempts, "run_id")
_OF_RUN = (_of(journal, "run_id"), _of(resumes, "run_id"), _RUN_ATTEMPTS)


def _expire(column: str) -> Update:
    """Files count as past their time from now on, and are swept up soon."""
    of_any = (files.c[column].is_not(None), one_of(files.c[column], "ids"))
    return update(files).where(*of_any).values(expires_at=literal(0))


_EXPIRE_BY_EVENT, _EXPIRE_BY_RUN = _expire("event_id"), _expire("run_id")


def drop_events(tx: Tx, asked: DropEvents) -> dict[str, int]:
    """Drop events inside a transaction; gives the numbers of rows by their tables."""
    ids, ended = sorted(asked.ids), asked.ended
    made = _runs_of(tx, ids, sorted(asked.runs))
    root = {row[0]: row[1] for row in made}
    sent = list(tx.rows(_LOCK_SENT, {"ids": ids}))
    if root:
        found = tx.rows(_LOCK_SENT_BY_RUNS, {"ids": sorted(root)})
        sent += [(row[0], root[row[1]], *row[2:]) for row in found]
    kept = {row[1] for row in made if _is_after(row[2], ended.runs)}
    kept |= {row[1] for row in sent if _is_after(row[2], _end_of(row, ended))}
    gone = [each for each in ids if each not in kept]
    gone_runs = [row[0] for row in made if row[1] not in kept]
    if asked.files:
        tx.run(_EXPIRE_BY_EVENT, {"ids": gone})
        tx.run(_EXPIRE_BY_RUN, {"ids": gone_runs})
    return {
        **drop_deliveries(tx, sorted({row[0] for row in sent if row[1] not in kept})),
        **drop_runs(tx, gone_runs),
        "events": tx.run(_EVENTS, {"ids": gone}),
    }


def _runs_of(tx: Tx, event_ids: list[str], run_ids: list[str]) -> list[Row]:
    """The runs of events, these runs, and those that they have started: id, root, its end."""
    found = list(tx.rows(_LOCK_RUNS, {"ids": event_ids}))
    if run_ids:
        found += [(row[0], row[0], row[1]) for row in tx.rows(_LOCK_OWN, {"ids": run_ids})]
    known = {row[0]: row[1] for row in found}
    newest = list(known)
    while newest:
        children = tx.rows(_LOCK_CHILDREN, {"ids": sorted(newest)})
        fresh = [(row[0], known[row[1]], row[2]) for row in children if row[0] not in known]
        known |= {row[0]: row[1] for row in fresh}
        found += fresh
        newest = [row[0] for row in fresh]
    return found


def _is_after(finished_at: int | None, before: int) -> bool:
    return finished_at is None or finished_at >= before


def _end_of(delivery: Row, ended: Ended) -> int:
    return ended.dead if delivery[3] == "dead" else ended.deliveries


def drop_deliveries(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    """Drop deliveries with their attempts; they are locked, and have ended."""
    tried = tx.run(_ATTEMPTS, {"ids": list(ids)}) if ids else 0
    return {"deliveries": tx.run(_DELIVERIES, {"ids": list(ids)}) if ids else 0, "attempts": tried}


def drop_runs(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    """Drop runs with what they did and what came for them; they are locked, and have ended."""
    beside = sum(tx.run(each, {"ids": list(ids)}) for each in _OF_RUN) if ids else 0
    return {"runs": tx.run(_RUNS, {"ids": list(ids)}) if ids else 0, "of_runs": beside}


DROP_EVENTS: Write[DropEvents, Dropped] = _dropping("drop_events", 101, drop_events)
"""Events of which something goes on, or has ended too late, stay with all of it."""


# Runs and deliveries by themselves


@dataclass(frozen=True, slots=True)
class Past:
    """A run or a delivery that has ended: when, how, and of which source its event is."""

    id: str
    finished_at: int
    status: str
    source: str | None


@lru_cache(2)
def _past(table: Table) -> Select[Any]:
    names = ("id", "finished_at", "status", "event_id", "parent" if table is runs else "run_id")
    return (
        select(*(table.c[name] for name in names))
        .where(one_of(table.c.id, "ids"), table.c.finished_at.is_not(None))
        .order_by(table.c.id)
    )


_SOURCES = select(events.c.id, events.c.source).where(one_of(events.c.id, "ids"))
_GOING_ON = select(runs.c.id).where(
    one_of(runs.c.id, "ids"), runs.c.status.in_([inline(each) for each in _ACTIVE])
)
_RUN_IDS, _DELIVERY_IDS = _ids(runs.c.id), _ids(deliveries.c.id)
Over = Callable[[Past], bool]
"""Whether the time of something is over."""


def runs_window(tx: Tx, /, span: Span, over: Over) -> Window:
    """Of the runs; those may go that have ended and whose parent has, if their time is over."""
    return _past_window(tx, runs, _RUN_IDS, span, over)


def deliveries_window(tx: Tx, /, span: Span, over: Over) -> Window:
    """Of the deliveries; those may go that have ended, and whose run has, if their time is over."""
    return _past_window(tx, deliveries, _DELIVERY_IDS, span, over)


def _past_window(tx: Tx, table: Table, ids_of: Select[Any], span: Span, over: Over) -> Window:
    ids = _found(tx, ids_of, span.params())
    rows = tx.rows(_past(table), {"ids": ids}) if ids else []
    sources = {row[0]: row[1] for row in _looked_up(tx, _SOURCES, [row[3] for row in rows])}
    makers = _looked_up(tx, _GOING_ON, [row[4] for row in rows])
    going_on = {row[0] for row in makers}  # what a run has started stays while it goes on
    past = [
        Past(row[0], row[1], row[2], sources.get(row[3])) for row in rows if row[4] not in going_on
    ]
    return span.window(ids, [each.id for each in past if over(each)])


def _looked_up(tx: Tx, statement: Select[Any], ids: Sequence[str | None]) -> Sequence[Row]:
    known = sorted({each for each in ids if each is not None})
    return tx.rows(statement, {"ids": known}) if known else ()


@dataclass(frozen=True, slots=True)
class DropRows:
    """Drop these, where they have ended before a time, in microseconds."""

    ids: tuple[str, ...]
    before: int


@lru_cache(2)
def _lock_ended(table: Table) -> Select[Any]:
    return (
        select(table.c.id)
        .where(one_of(table.c.id, "ids"), table.c.finished_at < bindparam("before"))
        .order_by(table.c.id)
        .with_for_update()
    )


def _ended_among(tx: Tx, table: Table, asked: DropRows) -> list[str]:
    return _found(tx, _lock_ended(table), {"ids": sorted(asked.ids), "before": asked.before})


DROP_RUNS: Write[DropRows, Dropped] = _dropping(
    "drop_runs", 102, lambda tx, asked: drop_runs(tx, _ended_among(tx, runs, asked))
)
DROP_DELIVERIES: Write[DropRows, Dropped] = _dropping(
    "drop_deliveries",
    103,
    lambda tx, asked: drop_deliveries(tx, _ended_among(tx, deliveries, asked)),
)


# Attempts, which go before what they were made for


@dataclass(frozen=True)
class Tries:
    """Where attempts stand: by the ids of what, a run or a delivery, in an index."""

    table: Table
    column: str
    owner: Table

    def window(self, tx: Tx, /, span: Span, before: int) -> Window:
        """Of the owners with attempts; those may go that ended before a time, or are gone."""
        ids_of, lasting = _tries(self)
        ids = _found(tx, ids_of, span.params())
        lasts = set(_found(tx, lasting, {"ids": ids, "before": before})) if ids else set()
        return span.window(ids, [each for each in ids if each not in lasts])


@lru_cache(2)
def _tries(tries: Tries) -> tuple[Select[Any], Select[Any]]:
    owner = tries.owner
    lasts = or_(owner.c.finished_at.is_(None), owner.c.finished_at >= bindparam("before"))
    return (
        _ids(tries.table.c[tries.column]).distinct(),
        select(owner.c.id).where(one_of(owner.c.id, "ids"), lasts),
    )


OF_DELIVERIES: Final = Tries(attempts, "delivery_id", deliveries)
OF_RUNS: Final = Tries(run_attempts, "run_id", runs)
DROP_ATTEMPTS: Write[tuple[str, ...], Dropped] = _dropping(
    "drop_attempts", 104, lambda tx, ids: {"attempts": tx.run(_ATTEMPTS, {"ids": sorted(ids)})}
)
"""By the ids of their deliveries."""
DROP_RUN_ATTEMPTS: Write[tuple[str, ...], Dropped] = _dropping(
    "drop_run_attempts",
    105,
    lambda tx, ids: {"run_attempts": tx.run(_RUN_ATTEMPTS, {"ids": sorted(ids)})},
)
"""By the ids of their runs."""


# What only has a time


@dataclass(frozen=True)
class Aged:
    """A table whose rows go when ``column``, an indexed time, is long enough ago."""

    table: Table
    column: str

    @property
    def name(self) -> str:
        """That of the table."""
        return self.table.name


AGED: Final = {
    each.name: each
    for each in (
        Aged(dedup, "expires_at"),
        Aged(cache, "expires_at"),
        Aged(purges, "finished_at"),
        Aged(idempotency, "expires_at"),
        Aged(sessions, "ends_at"),
        Aged(audit, "at"),
    )
}
"""By their names. The times that these keep are in :class:`hub.retention.terms.Terms`."""


@dataclass(frozen=True, slots=True)
class DropAged:
    """Drop ``most`` rows of a table of :data:`AGED` from before a time, in microseconds."""

    name: str
    before: int
    most: int


@lru_cache(len(AGED))
def _aged(name: str) -> Delete:
    aged = AGED[name]
    table, keys = aged.table, tuple(aged.table.primary_key.columns)
    old = (
        select(*keys)
        .where(table.c[aged.column] <= bindparam("before"))
        .order_by(table.c[aged.column])
        .limit(bindparam("most"))
    )
    return delete(table).where(tuple_(*keys).in_(old) if len(keys) > 1 else keys[0].in_(old))


def _drop_aged(tx: Tx, asked: DropAged) -> dict[str, int]:
    return {asked.name: tx.run(_aged(asked.name), {"before": asked.before, "most": asked.most})}


DROP_AGED: Write[DropAged, Dropped] = _dropping("drop_aged", 106, _drop_aged)
