"""Events, and the dedup keys that are claimed in their transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from hub.model.event import Arrival, DedupKey, Receipt, Recorded, Rejection
from hub.store import concurrency, deliveries, runs
from hub.store.ledger import Ledger, Write
from hub.store.schema import dedup, events
from hub.store.statement import insert_of, now_us
from hub.store.tx import CLAIMED, Row, Tx

INSERT = insert_of(events)

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


async def record(ledger: Ledger, arrival: Arrival) -> Receipt:
    """Commit an event with its runs; a duplicate is recorded as such and starts nothing.

    Raises:
        StoreError: it is not known to be committed.
    """
    receipt: Receipt | None = None
    while receipt is None:
        receipt = await ledger.write(RECORD, arrival) or await ledger.write(REPEAT, arrival)
    return receipt


def _record(tx: Tx, arrivals: Sequence[Arrival]) -> list[Receipt | None]:
    claims: dict[tuple[str, str], dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    started: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []
    for arrival in arrivals:
        event_id = arrival.event.id
        if arrival.dedup is not None:  # the first of a batch with the same key stands for it
            claim = _claim_of(arrival, arrival.dedup)
            if claims.setdefault((claim["source"], claim["key"]), claim) is not claim:
                continue
        claimed = {CLAIMED: event_id if arrival.dedup else None}
        rows.append(row_of(arrival, _taken(arrival)) | claimed)
        started += [runs.run_row(run) | claimed for run in arrival.runs]
        sent += [deliveries.delivery_row(each) | claimed for each in arrival.deliveries]
    in_order = [claims[key] for key in sorted(claims)]
    then = [(INSERT, rows), (runs.INSERT, started), (deliveries.INSERT, sent)]
    won = tx.claim(_CLAIM, in_order, then)
    concurrency.RUNS.let_go(tx, [run["concurrency_key"] for run in started])
    concurrency.DELIVERIES.let_go(tx, [each["ordering_key"] for each in sent])
    return [
        Receipt(arrival.event.id, _run_id(arrival), duplicate=False)
        if arrival.dedup is None or arrival.event.id in won
        else None
        for arrival in arrivals
    ]


def _taken(arrival: Arrival) -> Recorded:
    return Recorded.RECORDED if arrival.runs or arrival.deliveries else Recorded.UNMATCHED


def insert_events(tx: Tx, arrivals: Sequence[Arrival]) -> None:
    """Insert events of the hub's own inside a transaction; what they start is up to the caller."""
    tx.many(INSERT, [row_of(each, _taken(each)) for each in arrivals])


def _has_no_keys(arrival: Arrival) -> bool:
    """Nothing of it waits behind a key, so nothing is to be let go."""
    return all(each.ordering_key is None for each in arrival.deliveries) and all(
        run.concurrency_key is None for run in arrival.runs
    )


RECORD: Write[Arrival, Receipt | None] = Write("record_event", 10, _record, single=_has_no_keys)
"""Claim the dedup key and commit the event with its runs; None, and nothing, for a duplicate."""


def _record_all(tx: Tx, groups: Sequence[Sequence[Arrival]]) -> list[list[Receipt | None]]:
    receipts = iter(_record(tx, [arrival for group in groups for arrival in group]))
    return [[next(receipts) for _ in group] for group in groups]


RECORD_ALL: Write[Sequence[Arrival], list[Receipt | None]] = Write("record_events", 9, _record_all)
"""As RECORD, for the events of one request: all of them are committed, or none is."""


async def record_all(ledger: Ledger, arrivals: Sequence[Arrival]) -> list[Receipt]:
    """Commit the events of one request together; duplicates are recorded as such.

    Raises:
        StoreError: they are not known to be committed.
    """
    receipts = await ledger.write(RECORD_ALL, arrivals)
    return [
        receipt or await record(ledger, arrival)
        for receipt, arrival in zip(receipts, arrivals, strict=True)
    ]


def _claim_of(arrival: Arrival, dedup: DedupKey) -> dict[str, Any]:
    return {
        "source": arrival.event.source,
        "key": dedup.key,
        "event_id": arrival.event.id,
        "run_id": _run_id(arrival),
        "body_hash": dedup.body_hash,
        "window_us": dedup.window_us,
    }


def _repeat(tx: Tx, arrivals: Sequence[Arrival]) -> list[Receipt | None]:
    firsts = [_first(tx, arrival) for arrival in arrivals]
    pairs = zip(arrivals, firsts, strict=True)
    tx.many(INSERT, [_duplicate_row(arrival, first) for arrival, first in pairs if first])
    return [Receipt(first[0], first[1], duplicate=True) if first else None for first in firsts]


REPEAT: Write[Arrival, Receipt | None] = Write("repeat_event", 12, _repeat)
"""Record an event as the duplicate that it is; None, and nothing, if its key is free again."""


def _first(tx: Tx, arrival: Arrival) -> Row | None:
    key = arrival.dedup.key if arrival.dedup else None
    rows = tx.rows(_FIRST, {"source": arrival.event.source, "key": key})
    return rows[0] if rows else None


def _run_id(arrival: Arrival) -> str | None:
    return arrival.runs[0].id if arrival.runs else None


def row_of(arrival: Arrival | Rejection, fate: Recorded) -> dict[str, Any]:
    """An event's row for :data:`INSERT`."""
    event = arrival.event
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "fate": fate.value,
        "reason": arrival.reason if isinstance(arrival, Arrival) else None,
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
    row = row_of(arrival, Recorded.DUPLICATE)
    row |= {"duplicate_of": first[0], "body_differs": differs}
    return row if differs else row | {"body": b""}  # the same bytes stand with the first


def _reject(tx: Tx, rejections: Sequence[Rejection]) -> list[None]:
    tx.many(
        INSERT,
        [
            row_of(rejection, Recorded.REJECTED)
            | {"reason": f"{rejection.code}: {rejection.message}"}
            for rejection in rejections
        ],
    )
    return [None] * len(rejections)


REJECT: Write[Rejection, None] = Write("reject_event", 11, _reject)
"""Keep a refused request with its reason."""


_SINCE = select(events).where(events.c.id > bindparam("after")).order_by(events.c.id).limit(10_000)


def events_since(tx: Tx, after: str) -> list[dict[str, Any]]:
    """Events whose ids come after one, the oldest first, with their bodies; at most 10,000."""
    names = [column.name for column in events.c]
    return [dict(zip(names, row, strict=True)) for row in tx.rows(_SINCE, {"after": after})]
