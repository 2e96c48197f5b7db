"""Deliveries and their attempts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import (
    LargeBinary,
    Text,
    Update,
    bindparam,
    case,
    func,
    literal,
    null,
    select,
    update,
)

from hub.model.delivery import ENDED, DeliveryStart, DeliveryStatus, Settlement
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.schema import attempts, deliveries
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

INSERT = insert_of(
    deliveries,
    due_at=now_us(),
    attempts=literal(0),
    spent=literal(0),
    pressed_since=null(),
    worker=null(),
    fence=literal(0),
    lease_until=null(),
    created_at=now_us(),
    finished_at=case((bindparam("failure", type_=Text()).is_not(None), now_us())),
    reason=bindparam("failure", type_=Text()),
    replayed=literal(False),
)


def insert_deliveries(tx: Tx, starts: Sequence[DeliveryStart]) -> None:
    """Queue deliveries inside a transaction."""
    tx.many(INSERT, [delivery_row(start) for start in starts])
    concurrency.DELIVERIES.let_go(tx, [start.ordering_key for start in starts])


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
        "status": (DeliveryStatus.PENDING if start.failure is None else DeliveryStatus.DEAD).value,
        "failure": start.failure,
        "ordering_key": start.ordering_key,
        "held": start.ordering_key is not None and start.failure is None,
    }


def _start(tx: Tx, starts: Sequence[DeliveryStart]) -> list[None]:
    insert_deliveries(tx, starts)
    return [None] * len(starts)


START_DELIVERY: Write[DeliveryStart, None] = Write("start_delivery", 43, _start)
"""Queue a delivery by itself."""


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
    concurrency.DELIVERIES.let_go(tx, [each.ordering_key for each in good if each.status in ENDED])
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
                "ended": int(status in ENDED),
            },
            sorted(each.delivery_id for each in group),
        )


def again(**given: Any) -> Update:
    """An ended delivery waits anew, as if it had never been tried; ``given`` are further values."""
    return (
        update(deliveries)
        .where(
            deliveries.c.id == bindparam("of_id"),
            deliveries.c.status.in_([inline(each.value) for each in ENDED]),
        )
        .values(
            {
                "status": inline("pending"),
                "reason": null(),
                "due_at": now_us(),
                "spent": literal(0),
                "pressed_since": null(),
                "finished_at": null(),
                "held": deliveries.c.ordering_key.is_not(None),
                "replayed": literal(True),
                **given,
            }
        )
    )


_TOOK = (
    select(deliveries.c.id)
    .where(
        deliveries.c.destination == bindparam("of_name"),
        deliveries.c.status == inline("delivered"),
        deliveries.c.finished_at >= bindparam("since"),
    )
    .limit(1)
)


def took_since(tx: Tx, destination: str, since: int) -> bool:
    """Whether a destination has taken anything since a time in microseconds."""
    return bool(tx.rows(_TOOK, {"of_name": destination, "since": since}))


_STATES = select(deliveries.c.id, deliveries.c.status, deliveries.c.reason).where(
    one_of(deliveries.c.id, "ids")
)


def delivery_states(tx: Tx, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Status and reason of deliveries, by their ids."""
    return {row[0]: (row[1], row[2]) for row in tx.rows(_STATES, {"ids": list(ids)})}


_REPLAY = again().returning(deliveries.c.ordering_key)


def _replay(tx: Tx, ids: Sequence[str]) -> list[bool]:
    found = [tx.rows(_REPLAY, {"of_id": each}) for each in ids]
    concurrency.DELIVERIES.let_go(tx, [rows[0][0] for rows in found if rows])
    return [bool(rows) for rows in found]


REPLAY: Write[str, bool] = Write("replay_delivery", 42, _replay)
"""Send an ended delivery again: the same bytes, the same key, a fresh schedule."""


@dataclass(frozen=True, slots=True)
class Rerender:
    """Send an ended delivery again with other bytes, under its own id and key."""

    delivery_id: str
    body: bytes = field(repr=False)
    content_type: str


_RERENDER = again(
    body=bindparam("with_body", type_=LargeBinary()), content_type=bindparam("of_type")
).returning(deliveries.c.ordering_key)


def _rerender(tx: Tx, wishes: Sequence[Rerender]) -> list[bool]:
    found = [
        tx.rows(
            _RERENDER,
            {"of_id": each.delivery_id, "with_body": each.body, "of_type": each.content_type},
        )
        for each in wishes
    ]
    concurrency.DELIVERIES.let_go(tx, [rows[0][0] for rows in found if rows])
    return [bool(rows) for rows in found]


RERENDER: Write[Rerender, bool] = Write("rerender_delivery", 44, _rerender)
"""False if it has not ended."""
