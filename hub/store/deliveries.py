"""Deliveries and their attempts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    LargeBinary,
    Text,
    Update,
    bindparam,
    case,
    literal,
    null,
    select,
    update,
)

from hub.model.delivery import ENDED, DeliveryStart, DeliveryStatus
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.schema import deliveries
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
    .order_by(deliveries.c.id.desc())  # what it takes it has mostly taken of late
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
