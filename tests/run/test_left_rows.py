"""Rows of the queue whose run is gone wait again; those of a run that goes on do not."""

from typing import Any

from hub.model.ids import new_id
from hub.model.query import Query
from hub.model.record import Record
from hub.model.run import RunStart
from hub.run.left_rows import return_left_rows
from hub.store.catalog import Catalog
from hub.store.control import CANCEL
from hub.store.ledger import Ledger
from hub.store.records import INSERT, find_records
from hub.store.runs import START


async def test_rows_of_runs_that_have_ended_wait_again(ledger: Ledger) -> None:
    going, ended = [RunStart(new_id("run"), "shop/t", "{}") for _ in range(2)]
    for each in (going, ended):
        await ledger.write(START, each)
    await ledger.write(CANCEL, ended.id)
    docs: list[dict[str, Any]] = [
        {"status": "processing", "run_id": going.id},
        {"status": "processing", "run_id": ended.id},
        {"status": "queued", "run_id": "run_gone"},
        {"status": "queued"},
        {"status": "completed", "run_id": ended.id},
        {"status": "pending"},
    ]
    rows = [Record("task_queue", n, doc, 1, 1) for n, doc in enumerate(docs, 1)]
    await ledger.write(INSERT, rows)
    catalog = Catalog(ledger, {})
    assert await return_left_rows(ledger, catalog) == 3
    found = await ledger.read(find_records, Query("task_queue"))
    assert [each.doc["status"] for each in found] == [
        "processing",
        *["pending"] * 3,
        "completed",
        "pending",
    ]
    assert await return_left_rows(ledger, catalog) == 0


async def test_without_a_queue_there_is_nothing_to_do(ledger: Ledger) -> None:
    assert await return_left_rows(ledger, Catalog(ledger, {})) == 0
