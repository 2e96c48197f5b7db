"""Rows go into SQLite as they are; what it does not take so is fitted, and no row is lost."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, literal, select, text

from hub.store.sqlite import SqliteEngine
from hub.store.statement import insert_of, now_us
from hub.store.tx import Row, Tx

_TABLE = Table("odd", MetaData(), Column("n", Integer), Column("word", Text), Column("at", Integer))
_INSERT = insert_of(_TABLE, at=now_us())
_FIXED = insert_of(_TABLE, word=literal("fixed"))
_ALL = select(_TABLE.c.n, _TABLE.c.word, _TABLE.c.at)
_NOW_US = 7


async def kept(data: Path, *given: tuple[object, list[dict[str, object]]]) -> list[Row]:
    """What is in the table after each statement took its rows."""
    engine = SqliteEngine(data / "odd.sqlite", clock=lambda: _NOW_US)

    def work(tx: Tx) -> list[Row]:
        tx.run(text("CREATE TABLE odd (n, word, at)"))
        for statement, rows in given:
            tx.many(statement, rows)
        return list(tx.rows(_ALL))

    try:
        return await engine.transact(work)
    finally:
        await engine.close()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 200])
async def test_any_number_of_rows(tmp_path: Path, count: int) -> None:
    rows = [{"n": n, "word": f"w{n}"} for n in range(count)]
    found = await kept(tmp_path, (_INSERT, rows))
    assert found == [(n, f"w{n}", _NOW_US) for n in range(count)]


async def test_what_stands_in_the_statement_itself(tmp_path: Path) -> None:
    found = await kept(tmp_path, (_FIXED, [{"n": 1, "at": 2}, {"n": 3, "at": 4}]))
    assert found == [(1, "fixed", 2), (3, "fixed", 4)]


async def test_what_sqlite_does_not_take_is_fitted(tmp_path: Path) -> None:
    rows = [
        {"n": 2**63, "word": "large"},
        {"n": 2**63 - 1, "word": [1, "a"]},
        {"n": 5, "word": "x"},
    ]
    found = await kept(tmp_path, (_INSERT, rows))
    assert found == [
        (float(2**63), "large", _NOW_US),
        (2**63 - 1, '[1,"a"]', _NOW_US),
        (5, "x", _NOW_US),
    ]
