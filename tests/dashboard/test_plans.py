"""No page reads a whole table: every statement that a page's first answer needs uses an index."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import Select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.selectable import CompoundSelect

from hub.bench.dashboard import SEARCHES
from hub.bench.past import Rows, fill, rows_of
from hub.bootstrap import Hub, open_hub
from hub.dashboard.pages import PAGES
from hub.model.time import now_us
from hub.settings import Settings
from hub.store.postgresql import PostgresTx
from hub.store.schema import metadata
from hub.store.sqlite import SqliteTx
from hub.valkey import EmbeddedValkey
from tests.dashboard.conftest import enter
from tests.databases import prepare
from tests.store.explain import Explain

LARGE = (
    *("events", "runs", "deliveries", "attempts", "run_attempts", "journal", "audit", "records"),
    *("files", "dedup", "cache", "sessions", "purges", "idempotency"),
)
"""Tables that grow with what happens."""
PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
"""Indexes of a few rows: of what is under way, or went wrong."""
PLAIN = sorted({each.path for each in PAGES if each.method == "GET" and "{" not in each.path})
_WHOLE = re.compile(rf"SCAN ({'|'.join(LARGE)})\b(.*)|Seq Scan on ({'|'.join(LARGE)})\b")
DIALECT = sqlite.dialect()
Plan = tuple[str, str]
"""A statement, and how the database goes about it."""


@pytest_asyncio.fixture
async def hub(
    database_url: str | None, tmp_path: Path, valkey: EmbeddedValkey, redis: Redis
) -> AsyncIterator[Hub]:
    """A hub with some hundred events that were worked on."""
    prepare(database_url, tmp_path)
    began = now_us() - 3_600_000_000

    def rows(number: int) -> Rows:
        made = rows_of(number, began + number * 1_000_000, b"{}")
        del made["journal"]
        return made

    await fill(database_url, tmp_path, 300, rows)
    settings = Settings(data=tmp_path, database_url=database_url)
    async with open_hub(settings, valkey.url) as opened:
        yield opened


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """What was asked, and how it was gone about, as it is asked."""
    found: list[Plan] = []
    for kind in (SqliteTx, PostgresTx):
        rows = kind.rows

        def explained(tx: Any, statement: Any, params: Any = None, rows: Any = rows) -> Any:
            if isinstance(statement, Select | CompoundSelect):
                if tx.dialect == "postgresql":
                    tx.run(text("SET enable_seqscan = off"))
                lines = rows(tx, Explain(statement), params)
                found.append(
                    (
                        str(statement.compile(dialect=DIALECT)),
                        "\n".join(str(line[-1]) for line in lines),
                    )
                )
            return rows(tx, statement, params)

        monkeypatch.setattr(kind, "rows", explained)
    return found


def _is_bounded(statement: str, how: str) -> bool:
    """Whether a walk through an index has an end: of the statement, or of the index itself."""
    found = re.search(r"INDEX (\S+)", how)
    return found is not None and (found[1] in PARTIAL or "LIMIT" in statement.upper())


def whole_reads(plans: Sequence[Plan]) -> list[Plan]:
    """Those that read a large table, or a whole index of it without an end."""
    return [
        (statement, plan)
        for statement, plan in plans
        for found in _WHOLE.finditer(plan)
        if found[3] or not _is_bounded(statement, found[2])
    ]


async def test_no_page_reads_a_whole_table(hub: Hub, plans: list[Plan]) -> None:
    visitor = await enter(hub)
    paths = [*PLAIN, *SEARCHES]
    for path in paths:
        plans.clear()
        page = await visitor.see(path)
        assert whole_reads(plans) == [], path
        noun = path.rpartition("/")[2]
        paths += _ones(page, noun) if path in PLAIN else []
    assert plans
    seen = {path.split("/")[2] for path in paths if "_0" in path}
    assert seen >= {"events", "runs", "deliveries"}
    await visitor.client.aclose()


def test_what_reads_a_whole_table_is_found() -> None:
    bad = [
        ("SELECT 1 FROM events", "SCAN events"),
        ("SELECT 1 FROM runs", "SCAN runs USING COVERING INDEX ix_runs_x"),
        ("SELECT 1 FROM events LIMIT 1", "Limit\n  ->  Seq Scan on events  (cost=0)"),
    ]
    good = [
        ("SELECT 1 FROM events LIMIT 9", "SCAN events USING COVERING INDEX ix_events"),
        ("SELECT 1 FROM events", "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"),
        ("SELECT 1 FROM objects", "SCAN objects"),
        ("SELECT 1 FROM runs", "SCAN runs USING INDEX ix_runs_running"),
        ("SELECT 1 FROM runs", "Index Scan using pk_runs on runs"),
    ]
    assert whole_reads([*bad, *good]) == bad


def _ones(page: str, noun: str) -> list[str]:
    return re.findall(rf"/dashboard/{noun}/[a-z]{{3}}_[0-9a-f]{{32}}", page)[:1]
