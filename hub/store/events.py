"""Events, and the dedup keys that are claimed in their transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from hub.model.event import Arrival, Receipt, Recorded, Rejection
from hub.store.ledger import Write
from hub.store.runs import insert_runs
from hub.store.schema import dedup, events
from hub.store.statement import insert_of, now_us
from hub.store.tx import Row, Tx

_INSERT = insert_of(events)

_claim = insert(dedup).values(
    source=bindparam("source"),
    key=bindparam("key"),
    event_id=bindparam("event_id"),
    run_id=bindparam("run_id"),
    body_hash=bindparam("body_hash"),
    expires_at=now_us() + bindparam("window_us"),
)
_CLAIM = _claim.on_conflict_do_update(
    index_elements=["source", "key"],
    set_={
        name: _claim.excluded[name] for name in ("event_id", "run_id", "body_hash", "expires_at")
    },
    where=dedup.c.expires_at <= now_us(),
).returning(dedup.c.event_id)

_FIRST = select(dedup.c.event_id, dedup.c.run_id, dedup.c.body_hash).where(
    dedup.c.source == bindparam("source"), dedup.c.key == bindparam("key")
)
_PRUNE = delete(dedup).where(dedup.c.expires_at <= now_us() - bindparam("grace_us"))


def _record(tx: Tx, arrivals: Sequence[Arrival]) -> list[Receipt]:
    won = _claim_keys(tx, arrivals)
    rows: list[dict[str, Any]] = []
    receipts: list[Receipt] = []
    for arrival in arrivals:
        if arrival.dedup is None or arrival.event.id in won:
            fate = Recorded.RECORDED if arrival.runs else Recorded.UNMATCHED
            rows.append(_row(arrival, fate))
            receipts.append(Receipt(arrival.event.id, _run_id(arrival), duplicate=False))
        else:
            first = _first(tx, arrival)
            rows.append(_duplicate_row(arrival, first))
            receipts.append(Receipt(first[0], first[1], duplicate=True))
    tx.many(_INSERT, rows)
    insert_runs(
        tx,
        [
            run
            for arrival, receipt in zip(arrivals, receipts, strict=True)
            if not receipt.duplicate
            for run in arrival.runs
        ],
    )
    return receipts


RECORD: Write[Arrival, Receipt] = Write("record_event", 10, _record)
"""Commit events with their runs; a duplicate is recorded as such and starts nothing."""


def _claim_keys(tx: Tx, arrivals: Sequence[Arrival]) -> set[str]:
    """Claim the keys that are free or expired; gives the ids of the events that won one."""
    claims: dict[tuple[str, str], dict[str, Any]] = {}
    for arrival in arrivals:
        if arrival.dedup is not None:  # the first of a batch with the same key stands for it
            claims.setdefault(
                (arrival.event.source, arrival.dedup.key),
                {
                    "source": arrival.event.source,
                    "key": arrival.dedup.key,
                    "event_id": arrival.event.id,
                    "run_id": _run_id(arrival),
                    "body_hash": arrival.dedup.body_hash,
                    "window_us": arrival.dedup.window_us,
                },
            )
    in_order = [claims[key] for key in sorted(claims)]
    return {row[0] for row in tx.many_rows(_CLAIM, in_order)}


def _first(tx: Tx, arrival: Arrival) -> Row:
    key = arrival.dedup.key if arrival.dedup else None
    return tx.rows(_FIRST, {"source": arrival.event.source, "key": key})[0]


def _run_id(arrival: Arrival) -> str | None:
    return arrival.runs[0].id if arrival.runs else None


def _row(arrival: Arrival | Rejection, fate: Recorded) -> dict[str, Any]:
    event = arrival.event
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "fate": fate.value,
        "reason": None,
        "duplicate_of": None,
        "body_differs": False,
        "received_at": event.received_at,
        "method": event.method,
        "path": event.path,
        "query": event.query,
        "ip": event.ip,
        "headers": event.headers,
        "body": event.body,
    }


def _duplicate_row(arrival: Arrival, first: Row) -> dict[str, Any]:
    differs = arrival.dedup is not None and bytes(first[2]) != arrival.dedup.body_hash
    row = _row(arrival, Recorded.DUPLICATE)
    row |= {"duplicate_of": first[0], "body_differs": differs}
    return row if differs else row | {"body": b""}  # the same bytes stand with the first


def _reject(tx: Tx, rejections: Sequence[Rejection]) -> list[None]:
    tx.many(
        _INSERT,
        [
            _row(rejection, Recorded.REJECTED)
            | {"reason": f"{rejection.code}: {rejection.message}"}
            for rejection in rejections
        ],
    )
    return [None] * len(rejections)


REJECT: Write[Rejection, None] = Write("reject_event", 11, _reject)
"""Keep a refused request with its reason."""


def _prune(tx: Tx, graces_us: Sequence[int]) -> list[int]:
    return [tx.run(_PRUNE, {"grace_us": grace_us}) for grace_us in graces_us]


PRUNE_DEDUP: Write[int, int] = Write("prune_dedup", 90, _prune)
"""Delete keys that expired longer ago than the given microseconds; gives their number."""
