"""How the whole hub stands: what waits, for how long, and what was given up.

Everything is counted up to :data:`MOST` by an index, so that it costs little however much waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, literal, not_, select, true

from hub.store.due import WAITS, waiting_names
from hub.store.files import used_bytes
from hub.store.schema import deliveries, outbox, runs
from hub.store.statement import inline, now_us
from hub.store.tx import Tx

MOST = 10_000
MOST_DESTINATIONS = 500


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits: due now, due later, and how long the first has been due, in microseconds."""

    due: int
    later: int
    oldest_due_us: int | None
    running: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The whole hub; deliveries by destination, runs by lane."""

    lanes: dict[str, Queued]
    destinations: dict[str, Queued]
    runs_held: int
    dead_letters: int
    outbox: int
    files_bytes: int


def capped(where: ColumnElement[bool], along: Any, most: int = MOST) -> Any:
    """How many rows hold, counted no further than ``most``.

    They are counted ``along`` a column, so that nobody takes reading the table for cheaper.
    """
    some = select(literal(1)).select_from(along.table).where(where).order_by(along)
    within = some.limit(literal(most)).correlate_except(along.table).subquery()
    return select(func.count(literal(1))).select_from(within).scalar_subquery()


def _oldest(where: ColumnElement[bool], due_at: Any) -> Any:
    first = select(due_at).where(where).order_by(due_at).limit(literal(1))
    return now_us() - first.correlate_except(due_at.table).scalar_subquery()


_in_lane = and_(
    runs.c.status.in_((inline("queued"), inline("waiting"))),
    not_(runs.c.held),
    runs.c.lane == bindparam("in_lane"),
)
_run_is_due = and_(_in_lane, runs.c.due_at <= now_us())
_LANE = select(
    capped(_run_is_due, runs.c.due_at),
    capped(and_(_in_lane, runs.c.due_at > now_us()), runs.c.due_at),
    _oldest(_run_is_due, runs.c.due_at),
    capped(
        and_(runs.c.status == inline("running"), runs.c.lane == bindparam("in_lane")),
        runs.c.lease_until,
    ),
)
_names = waiting_names()


def _to_it(replayed: bool) -> ColumnElement[bool]:
    return and_(
        WAITS,
        deliveries.c.destination == _names.c.name,
        deliveries.c.replayed == (true() if replayed else false()),
    )


def _due_to_it(replayed: bool) -> ColumnElement[bool]:
    return and_(_to_it(replayed), deliveries.c.due_at <= now_us())


_DESTINATIONS = (
    select(
        _names.c.name,
        *(capped(_due_to_it(replayed), deliveries.c.due_at) for replayed in (False, True)),
        *(
            capped(and_(_to_it(replayed), deliveries.c.due_at > now_us()), deliveries.c.due_at)
            for replayed in (False, True)
        ),
        *(_oldest(_due_to_it(replayed), deliveries.c.due_at) for replayed in (False, True)),
    )
    .where(_names.c.name.is_not(None))
    .limit(literal(MOST_DESTINATIONS))
)
_REST = select(
    capped(and_(runs.c.status == inline("queued"), runs.c.held), runs.c.concurrency_key),
    capped(deliveries.c.status == inline("dead"), deliveries.c.id),
    capped(true(), outbox.c.id),
)


def standing(tx: Tx, lanes: Sequence[str]) -> Standing:
    """How the hub stands now."""
    held, dead, waiting = tx.rows(_REST)[0]
    return Standing(
        lanes={name: Queued(*tx.rows(_LANE, {"in_lane": name})[0]) for name in lanes},
        destinations=dict(_queued(row) for row in tx.rows(_DESTINATIONS)),
        runs_held=held,
        dead_letters=dead,
        outbox=waiting,
        files_bytes=used_bytes(tx),
    )


def _queued(row: Sequence[Any]) -> tuple[str, Queued]:
    name, due, due_again, later, later_again, *ages = row
    oldest = max((age for age in ages if age is not None), default=None)
    return name, Queued(due + due_again, later + later_again, oldest)
