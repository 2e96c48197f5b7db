"""Deliveries and their attempts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Text, bindparam, case, func, literal, not_, null, select, update

from hub.model.delivery import ClaimedDelivery, DeliveryStart, DeliveryStatus, Settlement
from hub.store.ledger import Write
from hub.store.schema import attempts, deliveries
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

INSERT = insert_of(
    deliveries,
    status=literal(DeliveryStatus.PENDING.value),
    reason=null(),
    due_at=now_us(),
    attempts=literal(0),
    spent=literal(0),
    pressed_since=null(),
    worker=null(),
    fence=literal(0),
    lease_until=null(),
    created_at=now_us(),
    finished_at=null(),
)


def insert_deliveries(tx: Tx, starts: Sequence[DeliveryStart]) -> None:
    """Queue deliveries inside a transaction."""
    tx.many(INSERT, [delivery_row(start) for start in starts])


def delivery_row(start: DeliveryStart) -> dict[str, Any]:
    """A delivery's row for :data:`INSERT`."""
    return {
        "id": start.id,
        "destination": start.destination,
        "event_id": start.event_id,
        "run_id": start.run_id,
        "idempotency_key": start.idempotency_key,
        "content_type": start.content_type,
        "body": start.body,
        "url": start.url,
    }


def _start(tx: Tx, starts: Sequence[DeliveryStart]) -> list[None]:
    insert_deliveries(tx, starts)
    return [None] * len(starts)


START_DELIVERY: Write[DeliveryStart, None] = Write("start_delivery", 43, _start)
"""Queue a delivery by itself."""


@dataclass(frozen=True, slots=True)
class ClaimDue:
    """Take up to ``most`` due deliveries, but none to the destinations that are ``full``."""

    worker: str
    most: int
    lease_us: int
    full: tuple[str, ...] = ()


_is_due = deliveries.c.status.in_((inline("pending"), inline("retrying")))
_DUE = (
    select(deliveries.c.id)
    .where(
        _is_due,
        deliveries.c.due_at <= now_us(),
        not_(one_of(deliveries.c.destination, "full")),
    )
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")  # so that it is computed once, whatever the plan
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(select(_DUE.c.id)))
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
    )
)


def _claim(tx: Tx, claims: Sequence[ClaimDue]) -> list[list[ClaimedDelivery]]:
    return [
        [
            ClaimedDelivery(row[0], row[1], bytes(row[2]), *row[3:])
            for row in tx.rows(
                _CLAIM,
                {
                    "by_worker": claim.worker,
                    "most": claim.most,
                    "lease_us": claim.lease_us,
                    "full": list(claim.full),
                },
            )
        ]
        for claim in claims
    ]


CLAIM: Write[ClaimDue, list[ClaimedDelivery]] = Write("claim_deliveries", 31, _claim)
"""Take due deliveries, oldest due first."""


_HELD = (
    select(deliveries.c.id, deliveries.c.fence)
    .where(one_of(deliveries.c.id, "ids"), deliveries.c.status == inline("delivering"))
    .order_by(deliveries.c.id)
    .with_for_update()
)
_ATTEMPT = insert_of(attempts)
_SETTLE = (
    update(deliveries)
    .where(one_of(deliveries.c.id, "ids"))
    .values(
        status=bindparam("to_status"),
        reason=bindparam("for_reason", type_=Text()),
        due_at=now_us() + bindparam("delay_us"),
        attempts=deliveries.c.attempts + 1,
        spent=deliveries.c.spent + bindparam("spends"),
        pressed_since=case(
            (bindparam("pressed") == 1, func.coalesce(deliveries.c.pressed_since, now_us())),
            else_=null(),
        ),
        worker=null(),
        lease_until=null(),
        finished_at=case((bindparam("ended") == 1, now_us()), else_=null()),
    )
)
_ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.DEAD)


def _settle(tx: Tx, settlements: Sequence[Settlement]) -> list[bool]:
    ids = sorted({each.delivery_id for each in settlements})
    held: dict[str, int] = dict(tx.rows(_HELD, {"ids": ids}))
    good = [each for each in settlements if held.get(each.delivery_id) == each.fence]
    tx.many(
        _ATTEMPT,
        [
            {
                "id": each.attempt.id,
                "delivery_id": each.delivery_id,
                "n": each.attempt.n,
                "started_at": each.attempt.started_at,
                "duration_ms": each.attempt.duration_ms,
                "status_code": each.attempt.status_code,
                "outcome": each.attempt.outcome,
                "message": each.attempt.message,
                "response_body": each.attempt.response_body,
            }
            for each in good
        ],
    )
    for values, group in _alike(good):
        tx.run(_SETTLE, {"ids": group, **values})
    return [held.get(each.delivery_id) == each.fence for each in settlements]


SETTLE: Write[Settlement, bool] = Write("settle_delivery", 41, _settle)
"""Record an attempt and what follows; False if the delivery was no longer this worker's."""


def _alike(settlements: Sequence[Settlement]) -> Iterable[tuple[dict[str, Any], list[str]]]:
    """Deliveries that settle alike, together: most are delivered at the first attempt."""

    def values(each: Settlement) -> tuple[Any, ...]:
        return (each.status.value, each.reason or "", each.delay_us, each.spends, each.pressed)

    for key, group in groupby(sorted(settlements, key=values), key=values):
        status, reason, delay_us, spends, pressed = key
        yield (
            {
                "to_status": status,
                "for_reason": reason or None,
                "delay_us": delay_us,
                "spends": int(spends),
                "pressed": int(pressed),
                "ended": int(status in _ENDED),
            },
            sorted(each.delivery_id for each in group),
        )


_HAS_DUE = select(deliveries.c.id).where(_is_due, deliveries.c.due_at <= now_us()).limit(1)


def has_due_deliveries(tx: Tx) -> bool:
    """Whether a drain would find something."""
    return bool(tx.rows(_HAS_DUE))


_NEXT = select(func.min(deliveries.c.due_at)).where(_is_due)


def next_due_delivery(tx: Tx, /) -> int | None:
    """When the next delivery is due, in microseconds since the epoch."""
    due: int | None = tx.rows(_NEXT)[0][0]
    return due


_REPLAY = (
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("of_id"),
        deliveries.c.status.in_((inline("dead"), inline("delivered"))),
    )
    .values(
        status=inline("pending"),
        reason=null(),
        due_at=now_us(),
        spent=0,
        pressed_since=null(),
        finished_at=null(),
    )
)


def _replay(tx: Tx, ids: Sequence[str]) -> list[bool]:
    return [bool(tx.run(_REPLAY, {"of_id": each})) for each in ids]


REPLAY: Write[str, bool] = Write("replay_delivery", 42, _replay)
"""Send an ended delivery again: the same bytes, the same key, a fresh schedule."""
