"""Settling: an attempt is recorded, and its delivery ends or waits for the next one."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    case,
    column,
    func,
    null,
    select,
    type_coerce,
    update,
)

from hub.model.delivery import ENDED, Settlement
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.schema import attempts, deliveries
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_HELD = (
    select(deliveries.c.id, deliveries.c.fence)
    .where(one_of(deliveries.c.id, "ids"), deliveries.c.status == inline("delivering"))
    .order_by(deliveries.c.id)
    .with_for_update()
)
_ATTEMPT = insert_of(attempts)


def _changes(given: Callable[[str], Any]) -> dict[str, Any]:
    """What becomes of a delivery; ``given`` finds what is said of it."""
    since = func.coalesce(deliveries.c.pressed_since, now_us())
    return {
        "status": type_coerce(given("to_status"), Text()),
        "reason": type_coerce(given("for_reason"), Text()),
        "due_at": now_us() + given("delay_us"),
        "attempts": deliveries.c.attempts + 1,
        "spent": deliveries.c.spent + given("spends"),
        "pressed_since": case((given("pressed") == 1, since), else_=null()),
        "worker": null(),
        "lease_until": null(),
        "finished_at": case((given("ended") == 1, now_us()), else_=null()),
    }


_SETTLE = update(deliveries).where(one_of(deliveries.c.id, "ids")).values(_changes(bindparam))


def _settle(tx: Tx, settlements: Sequence[Settlement]) -> list[bool]:
    settle = _in_one if tx.dialect == "postgresql" else _by_and_by
    done = settle(tx, settlements)
    good = [each for each in settlements if each.delivery_id in done]
    concurrency.DELIVERIES.let_go(tx, [each.ordering_key for each in good if each.status in ENDED])
    return [each.delivery_id in done for each in settlements]


def _has_no_key(settlement: Settlement) -> bool:
    return settlement.ordering_key is None


SETTLE: Write[Settlement, bool] = Write("settle_delivery", 41, _settle, single=_has_no_key)
"""Record an attempt and what follows; False if the delivery was no longer this worker's."""


def _by_and_by(tx: Tx, settlements: Sequence[Settlement]) -> set[str]:
    """Where a statement costs little: those that settle alike together."""
    ids = sorted({each.delivery_id for each in settlements})
    held: dict[str, int] = dict(tx.rows(_HELD, {"ids": ids}))
    good = [each for each in settlements if held.get(each.delivery_id) == each.fence]
    tx.many(_ATTEMPT, [_attempt_row(each) for each in good])
    for values, group in _alike(good):
        tx.run(_SETTLE, {"ids": group, **values})
    return {each.delivery_id for each in good}


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


_SETTLED: dict[str, Any] = {
    "delivery_id": Text(),
    "fence": BigInteger(),
    "to_status": Text(),
    "for_reason": Text(),
    "delay_us": BigInteger(),
    "spends": Integer(),
    "pressed": Integer(),
    "ended": Integer(),
}
_TRIED: dict[str, Any] = {
    column.name: column.type for column in attempts.c if column.name != "delivery_id"
}
_given = func.unnest(
    *(bindparam(f"each_{name}", type_=ARRAY(kind)) for name, kind in (_SETTLED | _TRIED).items())
).table_valued(*(column(name, kind) for name, kind in (_SETTLED | _TRIED).items()))
_all = _given.render_derived("given")
_settled = (
    update(deliveries)
    .where(
        deliveries.c.id == _all.c.delivery_id,
        deliveries.c.fence == _all.c.fence,
        deliveries.c.status == inline("delivering"),
    )
    .values(_changes(_all.c.__getitem__))
    .returning(*(_all.c[name] for name in ("delivery_id", *_TRIED)))
    .cte("settled")
)
_noted = (
    attempts.insert()
    .from_select(
        ["delivery_id", *_TRIED], select(*(_settled.c[name] for name in ("delivery_id", *_TRIED)))
    )
    .cte("noted")
)
_IN_ONE = select(_settled.c.delivery_id).add_cte(_noted)


def _in_one(tx: Tx, settlements: Sequence[Settlement]) -> set[str]:
    """Where each statement is an exchange: all of it in one."""
    given: dict[str, list[Any]] = {f"each_{name}": [] for name in _SETTLED | _TRIED}
    for each in settlements:
        row = _attempt_row(each) | {
            "fence": each.fence,
            "to_status": each.status.value,
            "for_reason": each.reason,
            "delay_us": each.delay_us,
            "spends": int(each.spends),
            "pressed": int(each.pressed),
            "ended": int(each.status in ENDED),
        }
        for name, value in row.items():
            given[f"each_{name}"].append(value)
    return {row[0] for row in tx.rows(_IN_ONE, given)}


def _attempt_row(settlement: Settlement) -> dict[str, Any]:
    attempt = settlement.attempt
    return {
        "id": attempt.id,
        "delivery_id": settlement.delivery_id,
        "n": attempt.n,
        "started_at": attempt.started_at,
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "outcome": attempt.outcome,
        "message": attempt.message,
        "response_body": attempt.response_body,
    }
