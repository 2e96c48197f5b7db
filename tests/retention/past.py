"""Rows of long ago for the tests: as the hub would have written them then."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import Table, insert

from hub.model.ids import Prefix, first_id
from hub.model.time import US_PER_S, now_us
from hub.store import schema
from hub.store.ledger import Ledger, Write
from hub.store.tx import Tx

DAY_US = 86_400 * US_PER_S
_NUMBERS = count(1)


def ago(days: float) -> int:
    """So many days ago, in microseconds."""
    return now_us() - round(days * DAY_US)


def id_of(prefix: Prefix, days: float) -> str:
    """An id that was made so many days ago."""
    return f"{first_id(prefix, ago(days))[:-8]}{next(_NUMBERS):08x}"


@dataclass
class Past:
    """Writes rows into a ledger."""

    ledger: Ledger
    _insert: Write[tuple[Table, dict[str, Any]], None] = field(init=False)

    def __post_init__(self) -> None:
        def insert_all(tx: Tx, rows: Any) -> list[None]:
            for table, row in rows:
                tx.run(insert(table).values({k: v for k, v in row.items() if v is not None}))
            return [None] * len(rows)

        self._insert = Write("insert_past", 2, insert_all)

    async def _row(self, table: Table, **row: Any) -> str:
        await self.ledger.write(self._insert, (table, row))
        return str(row.get("id"))

    async def event(self, days: float, **given: Any) -> str:
        """An event of so many days ago, of the source ``shop``."""
        row: dict[str, Any] = {
            "id": id_of("evt", days),
            "source": "shop",
            "fate": "recorded",
            "body_differs": False,
            "received_at": ago(days),
            "method": "POST",
            "path": "",
            "query": "",
            "ip": "127.0.0.1",
            "headers": "[]",
            "body": b"{}",
        }
        return await self._row(schema.events, **{**row, **given})

    async def run(self, days: float, **given: Any) -> str:
        """A run that was made and has succeeded so many days ago, with a row in its journal."""
        row: dict[str, Any] = {
            "id": id_of("run", days),
            "task": "shop/sell",
            "status": "succeeded",
            "lane": "normal",
            "due_at": ago(days),
            "attempt": 1,
            "crashes": 0,
            "input": "{}",
            "chain_depth": 0,
            "fence": 1,
            "created_at": ago(days),
            "finished_at": ago(days),
        }
        run_id = await self._row(schema.runs, **{**row, **given})
        beside = {"run_id": run_id, "n": 0, "entries": b"x", "committed_at": ago(days)}
        await self._row(schema.journal, **beside)
        return run_id

    async def delivery(self, days: float, **given: Any) -> str:
        """A delivery that arrived so many days ago, at its first attempt."""
        row: dict[str, Any] = {
            "id": id_of("dlv", days),
            "destination": "till",
            "status": "delivered",
            "due_at": ago(days),
            "attempts": 1,
            "spent": 1,
            "idempotency_key": "k",
            "content_type": "application/json",
            "body": b"{}",
            "fence": 1,
            "created_at": ago(days),
            "finished_at": ago(days),
        }
        delivery_id = await self._row(schema.deliveries, **{**row, **given})
        await self._row(schema.attempts, delivery_id=delivery_id, n=1, **_attempt(days))
        return delivery_id

    async def step_attempt(self, days: float, run_id: str) -> None:
        """A request that a step of a run sent so many days ago."""
        more = {"run_id": run_id, "path": "0", "method": "GET", "url": "https://x.test/"}
        await self._row(schema.run_attempts, **more, **_attempt(days))


def _attempt(days: float) -> dict[str, Any]:
    return {
        "id": id_of("att", days),
        "started_at": ago(days),
        "duration_ms": 1,
        "outcome": "delivered",
        "message": "Taken.",
    }
