"""The group commit: every caller gets its own commit, nobody pays for a neighbour."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from hub.errors import InvalidError, StoreError
from hub.model.event import Recorded
from hub.model.run import RunStart
from hub.store import events, lookup, runs, schema
from hub.store.ledger import Ledger, Write, open_ledger
from hub.store.migrate import is_current, migrate
from hub.store.sqlite import connect
from hub.store.tx import Tx
from tests.databases import prepare
from tests.store.make import arrival, run_start


def committed(ledger: Ledger) -> list[int]:
    """How many writes each commit took, as it goes on."""
    sizes: list[int] = []
    ledger.on_commit = lambda items, took_s, waited_s: sizes.append(items)
    return sizes


async def test_concurrent_writes_share_commits(ledger: Ledger) -> None:
    starts = [run_start() for _ in range(500)]
    ids = await asyncio.gather(*(ledger.write(runs.START, start) for start in starts))
    assert list(ids) == [start.id for start in starts]
    assert ledger.commits < 50
    assert len(await ledger.read(lookup.page, schema.runs, most=1000)) == 500


async def test_half_is_committed_while_the_other_half_is_heard(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = committed(ledger)
    asked, gate, transact = asyncio.Event(), asyncio.Event(), ledger.engine.transact

    async def behind_the_gate(
        work: Callable[[Tx], list[Any]], *, single: bool = False
    ) -> list[Any]:
        asked.set()
        await gate.wait()
        return await transact(work, single=single)

    monkeypatch.setattr(ledger.engine, "transact", behind_the_gate)
    first = asyncio.create_task(ledger.write(events.RECORD, arrival(None)))
    await asked.wait()
    others = [asyncio.create_task(ledger.write(events.RECORD, arrival(None))) for _ in range(49)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert sizes == [1, 25, 24]


async def test_who_writes_again_at_once_shares_the_next_commit(ledger: Ledger) -> None:
    sizes = committed(ledger)

    async def chain() -> None:
        for _ in range(5):
            await ledger.write(runs.START, run_start())

    await asyncio.gather(*(chain() for _ in range(20)))
    assert sizes == [20] * 5


async def test_one_bad_row_never_fails_its_neighbours(ledger: Ledger) -> None:
    twin = run_start()
    await ledger.write(runs.START, twin)
    good = [run_start() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(ledger.write(runs.START, start) for start in [*good[:10], twin, *good[10:]]),
        return_exceptions=True,
    )
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [InvalidError]
    assert [each for each in outcomes if isinstance(each, str)] == [start.id for start in good]
    assert len(await ledger.read(lookup.page, schema.runs, most=100)) == 21


async def test_a_write_that_fails_leaves_nothing_behind(ledger: Ledger) -> None:
    def half(tx: Tx, items: Sequence[int]) -> list[None]:
        runs.insert_runs(tx, [run_start()])
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        await ledger.write(Write("half", 1, half), 1)
    assert await ledger.read(lookup.page, schema.runs, most=10) == []


async def test_a_caller_that_gives_up_does_not_stop_the_others(ledger: Ledger) -> None:
    waiting = [asyncio.create_task(ledger.write(runs.START, run_start())) for _ in range(10)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(each, str) for each in outcomes) == 9


async def test_what_waits_is_committed_before_the_ledger_closes(
    database_url: str | None, tmp_path: Path
) -> None:
    prepare(database_url, tmp_path)
    first = await open_ledger(database_url, tmp_path)
    waiting = [asyncio.create_task(first.write(runs.START, run_start())) for _ in range(50)]
    await asyncio.sleep(0)
    await first.close()
    await asyncio.gather(*waiting)
    second = await open_ledger(database_url, tmp_path)
    assert len(await second.read(lookup.page, schema.runs, most=100)) == 50
    await second.close()


async def test_durability_is_at_its_strongest(ledger: Ledger) -> None:
    if ledger.dialect == "sqlite":
        assert await ledger.engine.transact(_pragmas) == ("wal", 2)
    else:
        shown = await ledger.read(_shown)
        assert shown == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


async def test_who_is_cut_off_in_a_transaction_does_not_keep_its_locks(ledger: Ledger) -> None:
    if ledger.dialect == "postgresql":
        name = "idle_in_transaction_session_timeout"
        for way in (ledger.read, ledger.engine.transact):
            assert await way(lambda tx: tx.rows(text(f"SHOW {name}"))[0][0]) == "5s"


async def test_a_single_statement_needs_no_transaction_and_gets_no_second_one(
    ledger: Ledger,
) -> None:
    def one(tx: Tx, starts: Sequence[RunStart]) -> list[None]:
        runs.insert_runs(tx, starts)
        return [None] * len(starts)

    def two(tx: Tx, starts: Sequence[RunStart]) -> list[None]:
        tx.rows(text("SELECT 1"))
        return one(tx, starts)

    await ledger.write(Write("one", 1, one, single=lambda item: True), run_start())
    assert len(await ledger.read(lookup.page, schema.runs, most=10)) == 1
    if ledger.dialect == "postgresql":
        with pytest.raises(AssertionError, match="without a transaction"):
            await ledger.write(Write("two", 1, two, single=lambda item: True), run_start())
        assert len(await ledger.read(lookup.page, schema.runs, most=10)) == 1


async def test_a_single_statement_that_fails_leaves_nothing_behind(ledger: Ledger) -> None:
    twin = run_start()
    await ledger.write(runs.START, twin)
    came = arrival("order-1")
    came = replace(came, runs=(*came.runs, twin))
    with pytest.raises(InvalidError):
        await ledger.write(events.RECORD, came)
    assert await ledger.read(lookup.page, schema.events, most=10) == []
    assert await ledger.read(lambda tx: tx.rows(select(schema.dedup.c.key))) == []
    assert len(await ledger.read(lookup.page, schema.runs, most=10)) == 1


async def test_inserts_that_go_together_keep_their_order_where_it_counts(ledger: Ledger) -> None:
    """Rows of one table in two goes, other tables between, and a look at them in the end."""
    starts = [run_start() for _ in range(3)]

    def work(tx: Tx, items: Sequence[int]) -> list[int]:
        runs.insert_runs(tx, starts[:2])
        tx.many(events.INSERT, [events.row_of(arrival(), Recorded.UNMATCHED)])
        runs.insert_runs(tx, starts[2:])
        return [len(tx.rows(select(schema.runs.c.id))) for _ in items]

    assert await ledger.write(Write("work", 1, work), 1) == 3
    assert len(await ledger.read(lookup.page, schema.events, most=10)) == 1


def _pragmas(tx: Tx) -> tuple[str, int]:
    mode = tx.rows(text("PRAGMA journal_mode"))[0][0]
    return mode, tx.rows(text("PRAGMA synchronous"))[0][0]


def _shown(tx: Tx) -> dict[str, str]:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    return {name: tx.rows(text(f"SHOW {name}"))[0][0] for name in names}


async def test_a_reader_cannot_write(ledger: Ledger) -> None:
    if ledger.dialect == "sqlite":
        with pytest.raises(StoreError, match="readonly"):
            await ledger.read(lambda tx: runs.insert_runs(tx, [run_start()]))
    else:  # there a read's transaction is given up
        await ledger.read(lambda tx: runs.insert_runs(tx, [run_start()]))
    assert await ledger.read(lookup.page, schema.runs, most=10) == []


async def test_a_database_that_is_away_is_a_store_error(tmp_path: Path) -> None:
    nobody = f"postgresql+asyncpg://nobody@/nothing?host={tmp_path}"
    with pytest.raises(StoreError):
        await open_ledger(nobody, tmp_path)


async def test_a_full_disk_is_named_and_the_ledger_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    prepare(None, tmp_path)
    ledger = await open_ledger(None, tmp_path)

    def pages(tx: Tx) -> int:
        return int(tx.rows(text("PRAGMA page_count"))[0][0])

    now = await ledger.engine.transact(pages)
    await ledger.engine.transact(lambda tx: tx.rows(text(f"PRAGMA max_page_count={now + 2}")))
    big = [run_start(input='{"a":"' + "x" * 9000 + '"}') for _ in range(20)]
    outcomes = await asyncio.gather(
        *(ledger.write(runs.START, start) for start in big), return_exceptions=True
    )
    assert {each.code for each in outcomes if isinstance(each, StoreError)} == {"disk_full"}
    kept = len(await ledger.read(lookup.page, schema.runs, most=100))
    await ledger.engine.transact(lambda tx: tx.rows(text("PRAGMA max_page_count=1000000")))
    await ledger.write(runs.START, run_start())
    assert len(await ledger.read(lookup.page, schema.runs, most=100)) == kept + 1
    await ledger.close()


async def test_migrating_twice_and_at_once_is_harmless(
    empty_database_url: str | None, tmp_path: Path
) -> None:
    await asyncio.gather(*(migrate(empty_database_url, tmp_path) for _ in range(3)))
    assert await is_current(empty_database_url, tmp_path)


async def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    for n in range(20):
        path = tmp_path / f"{n}.sqlite"
        opened = await asyncio.gather(*(asyncio.to_thread(connect, path) for _ in range(6)))
        for each in opened:
            each.close()


async def test_a_database_of_a_newer_hub_is_refused(tmp_path: Path) -> None:
    prepare(None, tmp_path)
    with sqlite3.connect(tmp_path / "hub.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer hub"):
        await migrate(None, tmp_path)
