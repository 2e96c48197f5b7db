"""Rows of `task_queue` whose run has ended without a word of them: they wait again.

A run that was cancelled, or failed at a limit, leaves the rows that it had taken behind.
"""

import structlog

from hub.model.change import Change
from hub.model.filter import And, Compare
from hub.model.query import Query
from hub.model.record import Record
from hub.model.table import UNDECLARED
from hub.model.time import now_us
from hub.stack.steps.queue import TABLE
from hub.store.catalog import Catalog
from hub.store.changes import CHANGE
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.store.runs import active_runs

_TAKEN = ("processing", "queued")
_MOST = 500
_log = structlog.get_logger("hub.queue")


async def return_left_rows(ledger: Ledger, catalog: Catalog) -> int:
    """Have them be pending again; gives their number."""
    is_taken = Compare("status", "$in", list(_TAKEN))
    rows = await ledger.read(find_records, Query(TABLE, is_taken, limit=_MOST))
    ids = sorted({str(row.doc.get("run_id")) for row in rows})
    active = await ledger.read(active_runs, ids) if ids else set()
    left = [row for row in rows if str(row.doc.get("run_id")) not in active]
    spec = catalog.now.tables.get(TABLE, UNDECLARED)
    for row in left:
        where = And((Compare("id", "$eq", row.id), is_taken, _of(row)))
        marks = {"status": "pending", "run_id": None}
        await ledger.write(CHANGE, Change(Query(TABLE, where), now_us(), set=marks, spec=spec))
    if left:
        _log.warning("rows.returned", table=TABLE, rows=len(left))
    return len(left)


def _of(row: Record) -> Compare:
    return Compare("run_id", "$eq", row.doc.get("run_id"))
