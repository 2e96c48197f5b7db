"""The past: events with all that came of them, written as if they had been worked on long ago."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from hub.model.ids import first_id
from hub.store.ledger import open_ledger
from hub.store.planner import count_tables
from hub.store.schema import attempts, deliveries, events, journal, runs
from hub.store.statement import insert_of
from hub.store.tx import Tx

Rows: TypeAlias = dict[str, dict[str, Any]]
"""A row for each table, by the table's name."""
_TABLES = (events, runs, journal, deliveries, attempts)
_PART = 2_000


async def fill(
    database_url: str | None, data: Path, count: int, rows: Callable[[int], Rows]
) -> None:
    """Write what ``rows`` gives for each number up to ``count``."""
    store = await open_ledger(database_url, data)
    try:
        for begin in range(0, count, _PART):
            numbers = range(begin, min(begin + _PART, count))
            await store.engine.transact(partial(_insert, made=[rows(each) for each in numbers]))
        await store.engine.transact(count_tables)  # as it is on any server that has run for a while
    finally:
        await store.close()


def _insert(tx: Tx, made: Sequence[Rows]) -> None:
    for table in _TABLES:
        if table.name in made[0]:
            tx.many(insert_of(table), [each[table.name] for each in made])


def rows_of(number: int, at_us: int, body: bytes) -> Rows:
    """What came of one event: a run, its journal, a delivery and its attempt, all of them well."""
    at = at_us
    event, run, delivery, attempt = (
        f"{first_id(kind, at)[:-8]}{number:08x}" for kind in ("evt", "run", "dlv", "att")
    )
    given: tuple[dict[str, Any], ...] = (
        {
            "id": event,
            "source": "bench",
            "fate": "recorded",
            "body_differs": False,
            "received_at": at,
            "method": "POST",
            "path": "",
            "query": "",
            "ip": "127.0.0.1",
            "headers": "[]",
            "body": body,
        },
        {
            "id": run,
            "task": "bench/bench",
            "status": "succeeded",
            "lane": "normal",
            "due_at": at,
            "attempt": 1,
            "crashes": 0,
            "event_id": event,
            "chain_depth": 0,
            "fence": 1,
            "created_at": at,
            "started_at": at,
            "finished_at": at,
            "held": False,
        },
        {"run_id": run, "n": 0, "entries": body, "committed_at": at},
        {
            "id": delivery,
            "destination": "bench",
            "status": "delivered",
            "due_at": at,
            "attempts": 1,
            "spent": 1,
            "event_id": event,
            "run_id": run,
            "fence": 1,
            "idempotency_key": run,
            "content_type": "application/json",
            "body": body,
            "created_at": at,
            "finished_at": at,
            "held": False,
            "replayed": False,
        },
        {
            "id": attempt,
            "delivery_id": delivery,
            "n": 1,
            "started_at": at,
            "duration_ms": 5,
            "status_code": 200,
            "outcome": "delivered",
            "message": "Taken.",
        },
    )
    return {
        table.name: {column.name: row.get(column.name) for column in table.c}
        for table, row in zip(_TABLES, given, strict=True)
    }
