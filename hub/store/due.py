"""Deliveries that are due: which destinations have any, and taking them by lease.

A claim asks for each destination by itself, so that however many wait for one that is held
back, nobody looks at them on the way to the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)

from hub.model.delivery import ClaimedDelivery
from hub.store.ledger import Ledger, Write
from hub.store.schema import deliveries, objects
from hub.store.statement import inline, now_us, one_of
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Due:
    """Of one destination, how many deliveries are due; counted no further than asked."""

    destination: str
    live: int
    replayed: int

    @property
    def count(self) -> int:
        """Both together."""
        return self.live + self.replayed


@dataclass(frozen=True, slots=True)
class Wanted:
    """Up to so many deliveries of one destination."""

    destination: str
    most: int
    concurrency: int | None = None
    """But never so many that more than this are under way, in the whole hub."""


@dataclass(frozen=True, slots=True)
class ClaimDue:
    """Take due deliveries for ``worker``, until ``lease_us`` from now."""

    worker: str
    lease_us: int
    wanted: tuple[Wanted, ...]
    replays_first: bool = False
    """Those that are replayed go before the live ones, this time."""


_waits = and_(
    deliveries.c.status.in_((inline("pending"), inline("retrying"))), not_(deliveries.c.held)
)
_other = deliveries.alias("other")
_in_front = exists(
    select(literal(1)).where(
        _other.c.ordering_key == deliveries.c.ordering_key,
        not_(_other.c.held),
        or_(
            _other.c.status == inline("delivering"),
            and_(
                _other.c.status.in_((inline("pending"), inline("retrying"))),
                _other.c.id < deliveries.c.id,
            ),
        ),
    )
)
_goes = and_(
    _waits,
    deliveries.c.due_at <= now_us(),
    or_(deliveries.c.ordering_key.is_(None), not_(_in_front)),
)


def waiting_names() -> Any:
    """Every destination that deliveries wait for: one look at the index for each."""
    first = (
        select(deliveries.c.destination)
        .where(_waits)
        .order_by(deliveries.c.destination)
        .limit(literal(1))
    )
    names = select(first.scalar_subquery().label("name")).cte("names", recursive=True)
    after = (
        select(deliveries.c.destination)
        .where(_waits, deliveries.c.destination > names.c.name)
        .order_by(deliveries.c.destination)
        .limit(literal(1))
        .scalar_subquery()
    )
    return names.union_all(select(after).where(names.c.name.is_not(None)))


def _count(of: ColumnElement[str], replayed: bool) -> Any:
    some = (
        select(literal(1))
        .where(
            _waits,
            deliveries.c.destination == of,
            deliveries.c.replayed == (true() if replayed else false()),
            deliveries.c.due_at <= now_us(),
        )
        .limit(bindparam("most"))
        .correlate_except(deliveries)
        .subquery()
    )
    return select(func.count(literal(1))).select_from(some).scalar_subquery()


_all_names = waiting_names()
_DUE = select(
    _all_names.c.name, _count(_all_names.c.name, False), _count(_all_names.c.name, True)
).where(_all_names.c.name.is_not(None))


def due_destinations(tx: Tx, most: int) -> list[Due]:
    """The destinations that have due deliveries, counted up to ``most`` for each."""
    rows = tx.rows(_DUE, {"most": most})
    return [Due(*row) for row in rows if row[1] or row[2]]


_GONE = (
    select(deliveries.c.destination, func.count(literal(1)))
    .where(
        deliveries.c.status == inline("delivering"), one_of(deliveries.c.destination, "of_names")
    )
    .group_by(deliveries.c.destination)
)
_LOCK = (
    select(objects.c.slug)
    .where(objects.c.kind == literal("destination"), one_of(objects.c.slug, "of_names"))
    .order_by(objects.c.slug)
    .with_for_update()
)
"""Who claims meanwhile waits, and counts these too."""


def _ids_of(destination: Any, most: Any, replayed: bool) -> Select[Any]:
    return (
        select(deliveries.c.id)
        .where(
            _goes,
            deliveries.c.destination == destination,
            deliveries.c.replayed == (true() if replayed else false()),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(most)
    )


_ONE = {
    replayed: _ids_of(bindparam("of_name"), bindparam("most"), replayed)
    for replayed in (False, True)
}
_given = (
    func.unnest(
        bindparam("names", type_=ARRAY(Text())), bindparam("limits", type_=ARRAY(BigInteger()))
    )
    .table_valued("destination", "most")
    .render_derived("given")
)


def _many(replayed: bool) -> Select[Any]:
    found = (
        _ids_of(_given.c.destination, _given.c.most, replayed)
        .with_for_update(skip_locked=True)
        .lateral("found")
    )
    return select(_given.c.destination, found.c.id).select_from(_given.join(found, true()))


_MANY = {replayed: _many(replayed) for replayed in (False, True)}
_CLAIM = (
    update(deliveries)
    .where(one_of(deliveries.c.id, "ids"))
    .values(
        status=inline("delivering"),
        worker=bindparam("by_worker"),
        fence=deliveries.c.fence + 1,
        lease_until=now_us() + bindparam("lease_us"),
    )
    .returning(
        deliveries.c.id,
        deliveries.c.destination,
        deliveries.c.body,
        deliveries.c.content_type,
        deliveries.c.idempotency_key,
        deliveries.c.attempts,
        deliveries.c.spent,
        func.coalesce(now_us() - deliveries.c.pressed_since, 0),
        deliveries.c.fence,
        deliveries.c.event_id,
        deliveries.c.run_id,
        deliveries.c.created_at,
        deliveries.c.url,
        deliveries.c.ordering_key,
    )
)


def _claim(tx: Tx, claims: Sequence[ClaimDue]) -> list[list[ClaimedDelivery]]:
    return [_claim_one(tx, each) for each in claims]


CLAIM: Write[ClaimDue, list[ClaimedDelivery]] = Write("claim_deliveries", 31, _claim)
"""Take due deliveries, of each destination the oldest due first."""


def _claim_one(tx: Tx, claim: ClaimDue) -> list[ClaimedDelivery]:
    limits = _within_concurrency(tx, claim.wanted)
    ids: list[str] = []
    for replayed in (claim.replays_first, not claim.replays_first):
        for name, delivery_id in _take(tx, limits, replayed):
            ids.append(delivery_id)
            limits[name] -= 1
    if not ids:
        return []
    params = {"ids": ids, "by_worker": claim.worker, "lease_us": claim.lease_us}
    rows = {row[0]: row for row in tx.rows(_CLAIM, params)}
    return [
        ClaimedDelivery(each, rows[each][1], bytes(rows[each][2]), *rows[each][3:]) for each in ids
    ]


def _within_concurrency(tx: Tx, wanted: Sequence[Wanted]) -> dict[str, int]:
    limits = {each.destination: each.most for each in wanted}
    bounded = {e.destination: e.concurrency for e in wanted if e.concurrency is not None}
    if bounded:
        names = {"of_names": sorted(bounded)}
        tx.rows(_LOCK, names)
        gone: dict[str, int] = dict(tx.rows(_GONE, names))
        for name, most in bounded.items():
            limits[name] = min(limits[name], most - gone.get(name, 0))
    return limits


def _take(tx: Tx, limits: dict[str, int], replayed: bool) -> list[tuple[str, str]]:
    """Destination and id of those to take, the oldest due of each destination first."""
    open_ones = {name: most for name, most in limits.items() if most > 0}
    if not open_ones:
        return []
    if tx.dialect == "postgresql":
        given = {"names": [*open_ones], "limits": [*open_ones.values()]}
        return [(row[0], row[1]) for row in tx.rows(_MANY[replayed], given)]
    return [
        (name, row[0])
        for name, most in open_ones.items()
        for row in tx.rows(_ONE[replayed], {"of_name": name, "most": most})
    ]


_NEXT = select(func.min(deliveries.c.due_at)).where(_waits)


def next_due_delivery(tx: Tx, /) -> int | None:
    """When the next delivery is due, in microseconds since the epoch."""
    due: int | None = tx.rows(_NEXT)[0][0]
    return due


async def claim_any(ledger: Ledger, worker: str, most: int, lease_us: int) -> list[ClaimedDelivery]:
    """Take what is due, ``most`` of each destination: where nothing is held back by anything."""
    due = await ledger.read(due_destinations, most)
    wanted = tuple(Wanted(each.destination, most) for each in due)
    return await ledger.write(CLAIM, ClaimDue(worker, lease_us, wanted)) if wanted else []
