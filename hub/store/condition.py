"""The condition of the ledger: what the database says of itself, and what waits for too long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    false,
    func,
    literal,
    not_,
    select,
    text,
    true,
)

from hub.store.postgresql import DURABLE
from hub.store.schema import deliveries, events, runs
from hub.store.statement import inline, now_us
from hub.store.tx import Tx

COUNTED = 10_000
"""Nothing is counted further than this: a look costs the same however much there is."""


@dataclass(frozen=True, slots=True)
class Server:
    """The database itself."""

    version: str
    now_us: int
    """Its clock, in microseconds since the epoch."""
    settings: Mapping[str, str]
    """Those that durability rests on."""


_NOW = select(now_us())
_PRAGMAS = ("journal_mode", "synchronous")


def server(tx: Tx, /) -> Server:
    """What it says of itself."""
    names: Sequence[str]
    if tx.dialect == "sqlite":
        names, ask, version = _PRAGMAS, "PRAGMA", "SELECT sqlite_version()"
    else:
        names, ask, version = DURABLE, "SHOW", "SHOW server_version"
    shown = {name: str(tx.rows(text(f"{ask} {name}"))[0][0]) for name in names}
    return Server(str(tx.rows(text(version))[0][0]), int(tx.rows(_NOW)[0][0]), shown)


def _counted(statement: Select[Any]) -> Select[Any]:
    return select(func.count(literal(1))).select_from(statement.limit(COUNTED).subquery())


def _overdue(table: Table, status: str) -> Select[Any]:
    return _counted(
        select(literal(1)).where(
            table.c.status == inline(status),
            table.c.lease_until < now_us() - bindparam("late_us"),
        )
    )


_OVERDUE = {"runs": _overdue(runs, "running"), "deliveries": _overdue(deliveries, "delivering")}


def overdue_leases(tx: Tx, late_us: int) -> dict[str, int]:
    """How many ``runs`` and ``deliveries`` are held by a lease that ended so long ago."""
    return {name: int(tx.rows(each, {"late_us": late_us})[0][0]) for name, each in _OVERDUE.items()}


@lru_cache(64)
def _first_run(without: tuple[str, ...]) -> Select[Any]:
    """The run of a lane that has been due the longest."""
    others: list[ColumnElement[bool]] = [
        not_(runs.c.task.startswith(f"{each}/", autoescape=True)) for each in without
    ]
    return (
        select(now_us() - runs.c.due_at)
        .where(
            runs.c.status.in_((inline("queued"), inline("waiting"))),
            not_(runs.c.held),
            runs.c.lane == bindparam("in_lane"),
            runs.c.due_at <= now_us(),
            *others,
        )
        .order_by(runs.c.due_at)
        .limit(1)
    )


_RUNNING = _counted(
    select(literal(1)).where(
        runs.c.status == inline("running"), runs.c.lane == bindparam("in_lane")
    )
)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of runs or deliveries."""

    name: str
    due_us: int | None
    """For how long the first of it has been due; None: none is."""
    under_way: int


def run_queues(tx: Tx, lanes: Sequence[str], without: tuple[str, ...] = ()) -> list[Queue]:
    """How these lanes stand; ``without`` are the stacks whose runs may wait."""
    found = []
    for lane in lanes:
        first = tx.rows(_first_run(without), {"in_lane": lane})
        busy = tx.rows(_RUNNING, {"in_lane": lane})[0][0]
        found.append(Queue(lane, int(first[0][0]) if first else None, int(busy)))
    return found


def _first_delivery(replayed: bool) -> Select[Any]:
    return (
        select(now_us() - deliveries.c.due_at)
        .where(
            deliveries.c.status.in_((inline("pending"), inline("retrying"))),
            not_(deliveries.c.held),
            deliveries.c.destination == bindparam("to"),
            deliveries.c.replayed == (true() if replayed else false()),
            deliveries.c.due_at <= now_us(),
        )
        .order_by(deliveries.c.due_at)
        .limit(1)
    )


_FIRST_DELIVERIES = (_first_delivery(False), _first_delivery(True))
_DELIVERING = _counted(
    select(literal(1)).where(
        deliveries.c.status == inline("delivering"), deliveries.c.destination == bindparam("to")
    )
)


def delivery_queues(tx: Tx, destinations: Sequence[str]) -> list[Queue]:
    """How what is due for these destinations stands."""
    found = []
    for name in destinations:
        firsts = [row[0] for each in _FIRST_DELIVERIES for row in tx.rows(each, {"to": name})]
        busy = tx.rows(_DELIVERING, {"to": name})[0][0]
        found.append(Queue(name, max(map(int, firsts)) if firsts else None, int(busy)))
    return found


def _lately(table: Table, word: str) -> Select[Any]:
    newest = (
        select(table.c[word].label("word"))
        .where(table.c.id > bindparam("since"))
        .order_by(table.c.id.desc())
        .limit(COUNTED)
        .subquery()
    )
    return select(newest.c.word, func.count(literal(1))).group_by(newest.c.word)


_LATELY = {
    "evt": _lately(events, "fate"),
    "run": _lately(runs, "status"),
    "dlv": _lately(deliveries, "status"),
}


def lately(tx: Tx, since: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Events by what they were recorded as, runs and deliveries by status, by their prefix.

    ``since`` are the ids of the moment from which on they count.
    """
    return {
        prefix: {row[0]: int(row[1]) for row in tx.rows(each, {"since": since[prefix]})}
        for prefix, each in _LATELY.items()
    }


_DEAD = _counted(select(literal(1)).where(deliveries.c.status == inline("dead")))


def dead_letters(tx: Tx, /) -> int:
    """How many dead letters there are, up to :data:`COUNTED`."""
    return int(tx.rows(_DEAD)[0][0])
