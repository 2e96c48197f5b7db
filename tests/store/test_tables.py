"""Tables as they are declared, and the indexes that come of it."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from hub.errors import ConflictError, InvalidError
from hub.model.change import Change
from hub.model.filter import Compare, parse_filter
from hub.model.query import Place, Query, parse_sort
from hub.model.record import Record
from hub.model.table import UNDECLARED, TableSpec
from hub.store import stacks
from hub.store.changes import CHANGE
from hub.store.filter import select_of
from hub.store.ledger import Ledger
from hub.store.objects import revision
from hub.store.records import INSERT, find_records
from hub.store.tables import (
    DECLARE,
    FORGET,
    Declare,
    Forget,
    StoredTable,
    all_tables,
    find_table,
    records_in,
)
from hub.store.tx import Tx
from tests.store.explain import Explain
from tests.store.tables import record


def spec(**columns: dict[str, Any]) -> TableSpec:
    """A declaration."""
    return TableSpec.model_validate({"columns": columns})


async def put(ledger: Ledger, *docs: dict[str, Any], first: int = 1, table: str = "t") -> None:
    """Have records."""
    await ledger.write(INSERT, [record(1 + n % 28, d, table) for n, d in enumerate(docs, first)])


async def test_a_declaration_is_kept_changed_and_forgotten(ledger: Ledger) -> None:
    declared = spec(mail={"type": "text", "unique": True}, n={"type": "integer", "default": 1})
    before = await ledger.read(revision)
    assert await ledger.write(DECLARE, Declare("t", declared))
    assert await ledger.read(revision) == before + 1
    assert not await ledger.write(DECLARE, Declare("t", declared))
    assert await ledger.read(revision) == before + 1
    assert await ledger.read(find_table, "t") == StoredTable("t", declared, "api")
    other = spec(mail={"type": "text"})
    assert await ledger.write(DECLARE, Declare("t", other))
    assert await ledger.read(all_tables) == [StoredTable("t", other, "api")]
    assert await ledger.write(FORGET, Forget("t"))
    assert not await ledger.write(FORGET, Forget("t"))
    assert not await ledger.write(FORGET, Forget("never"))
    assert await ledger.read(find_table, "t") == StoredTable("t", UNDECLARED, None)


async def test_what_is_there_has_to_fit(ledger: Ledger) -> None:
    await put(ledger, {"n": 1}, {"n": "two"})
    with pytest.raises(InvalidError, match="Record 3 of t does not fit: 'n' must be a number"):
        await ledger.write(DECLARE, Declare("t", spec(n={"type": "number"})))
    with pytest.raises(InvalidError, match="does not fit"):
        await ledger.write(DECLARE, Declare("t", spec(m={"required": True})))
    assert await ledger.read(find_table, "t") is None
    await ledger.write(DECLARE, Declare("t", spec(n={"type": "any"}, m={"default": 5})))


async def test_values_that_are_there_twice_cannot_become_unique(ledger: Ledger) -> None:
    await put(ledger, {"n": 1}, {"n": 1.0}, {"n": None}, {})
    with pytest.raises(ConflictError) as refusal:
        await ledger.write(DECLARE, Declare("t", spec(n={"type": "number", "unique": True})))
    assert refusal.value.code == "not_unique"
    assert await ledger.read(find_table, "t") is None


async def test_the_index_itself_keeps_unique_what_nobody_looked_at(ledger: Ledger) -> None:
    unique = spec(mail={"type": "text", "unique": True}, n={"type": "number", "unique": True})
    await ledger.write(DECLARE, Declare("t", unique))
    await put(ledger, {"mail": "a", "n": 1}, {"mail": None}, {}, {"mail": "b", "n": 1.5})
    for doc in ({"mail": "a"}, {"n": 1.0}):
        with pytest.raises(ConflictError) as refusal:
            await ledger.write(INSERT, [record(9, doc)])
        assert refusal.value.code == "not_unique"
    await put(ledger, {"mail": "a", "n": 1}, table="beside")
    await ledger.write(FORGET, Forget("t"))
    await ledger.write(INSERT, [record(9, {"mail": "a"})])


async def test_a_table_is_declared_in_one_place(ledger: Ledger) -> None:
    one, other = spec(n={"type": "number"}), spec(n={"type": "text"})
    put = stacks.PutStack("shop", "v1", "{}", tables=(("t", one),))
    await ledger.write(stacks.PUT, put)
    assert await ledger.read(find_table, "t") == StoredTable("t", one, "stack:shop")
    for write, item in (
        (DECLARE, Declare("t", other)),
        (FORGET, Forget("t")),
        (stacks.PUT, stacks.PutStack("till", "v1", "{}", tables=(("t", other),))),
    ):
        with pytest.raises(ConflictError) as refusal:
            await ledger.write(write, item)  # type: ignore[arg-type]  # each with its own
        assert refusal.value.code == "declared_elsewhere"
    assert [each.name for each in await ledger.read(stacks.all_stacks)] == ["shop"]


async def test_what_a_stack_declares_goes_with_it(ledger: Ledger) -> None:
    declared = spec(n={"type": "number", "index": True})
    for tables in ((("a", declared), ("b", declared)), (("b", declared),)):
        await ledger.write(stacks.PUT, stacks.PutStack("shop", "v1", "{}", tables=tables))
        found = await ledger.read(all_tables)
        assert [each.name for each in found if each.managed_by] == [name for name, _ in tables]
    await ledger.write(stacks.DROP, stacks.DropStack("shop"))
    assert all(
        each == StoredTable(each.name, UNDECLARED, None) for each in await ledger.read(all_tables)
    )


async def test_indexes_come_and_go_with_what_is_declared(ledger: Ledger) -> None:
    def names(tx: Tx) -> set[str]:
        if tx.dialect == "sqlite":
            found = "SELECT name FROM sqlite_master WHERE tbl_name = 'records' AND sql IS NOT NULL"
        else:
            found = (
                "SELECT indexname FROM pg_indexes WHERE tablename = 'records' "
                "UNION SELECT statistics_name FROM pg_stats_ext_exprs"
            )
        return {row[0] for row in tx.rows(text(found))}

    bare = await ledger.read(names)
    await ledger.write(DECLARE, Declare("t", INDEXED))
    full = await ledger.read(names)
    assert len(full - bare) == (3 if ledger.engine.dialect == "sqlite" else 8)
    numbers = spec(n={"type": "number", "index": True})
    await ledger.write(DECLARE, Declare("t", numbers))
    less = await ledger.read(names)
    assert len(less - bare) == (1 if ledger.engine.dialect == "sqlite" else 3)
    assert less < full  # the index of whole numbers serves all numbers
    await ledger.write(DECLARE, Declare("t", spec(n={"type": "text", "index": True})))
    assert not (await ledger.read(names)) & (less - bare)
    await ledger.write(FORGET, Forget("t"))
    assert await ledger.read(names) == bare


async def test_records_are_counted_by_table(ledger: Ledger) -> None:
    await put(ledger, {}, {})
    await put(ledger, {}, table="beside")
    counts = [await ledger.read(records_in, name) for name in ("t", "beside", "unused")]
    assert counts == [2, 1, 0]


INDEXED = spec(
    mail={"type": "text", "unique": True},
    n={"type": "integer", "index": True},
    due={"type": "datetime", "index": True},
)


async def plan(ledger: Ledger, query: Query) -> str:
    """How the database goes about a query."""
    statement, params = select_of(query)

    def explained(tx: Tx) -> str:
        return "\n".join(str(row[-1]) for row in tx.rows(Explain(statement), params))

    return await ledger.read(explained)


async def many(ledger: Ledger, declared: TableSpec, *, first: bool = False) -> None:
    """Many records, and a declaration before or after them."""
    if first:
        await ledger.write(DECLARE, Declare("t", declared))
    docs = [
        {
            "mail": f"m{n}",
            "n": n % 5000,
            "due": f"2026-01-{1 + n % 28:02d}T00:00:{n % 60:02d}.000000Z",
        }
        for n in range(5000)
    ]
    await ledger.write(INSERT, [Record("t", n, doc, n, n) for n, doc in enumerate(docs, 1)])
    await ledger.write(DECLARE, Declare("t", declared))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("where", "sort", "index"),
    [
        ({"mail": "m7"}, None, "uq_records_t_mail"),
        ({"mail": {"$in": ["m7", "m8"]}}, None, "uq_records_t_mail"),
        ({"n": 7}, None, "ix_records_t_n"),
        ({"n": {"$gte": 10, "$lt": 20}}, None, "ix_records_t_n"),
        ({"n": {"$in": [1, 2, 3]}}, None, "ix_records_t_n"),
        ({"due": {"$lt": "2026-01-01T00:00:10Z"}}, None, "ix_records_t_due"),
        ({"n": {"$gte": 4985}}, None, "ix_records_t_n"),
        ({"n": {"$gte": 4985}}, {"n": "asc"}, "ix_records_t_n"),
        ({"$and": [{"n": 3}, {"name": {"$contains": "x"}}]}, None, "ix_records_t_n"),
        ({}, {"n": "asc"}, "ix_records_t_n"),
        ({}, {"n": "desc"}, "ix_records_t_n"),
        ({}, {"due": "desc"}, "ix_records_t_due"),
    ],
)
async def test_a_declared_index_is_used(
    ledger: Ledger, where: Any, sort: Any, index: str, first: bool
) -> None:
    await many(ledger, INDEXED, first=first)
    query = Query("t", parse_filter(where), parse_sort(sort, INDEXED), limit=10)
    told = await plan(ledger, query)
    assert index in told, told


async def test_pages_and_ids_go_by_the_primary_key(ledger: Ledger) -> None:
    await many(ledger, INDEXED)
    for query in (
        Query("t", Compare("id", "$eq", 7)),
        Query("t", limit=10),
        Query("t", limit=10, after=Place(2000)),
    ):
        told = await plan(ledger, query)
        assert "SCAN records" not in told, told
        assert "Seq Scan" not in told, told


async def test_dates_of_a_declared_column_are_kept_in_one_form(ledger: Ledger) -> None:
    declared = spec(due={"type": "datetime", "index": True})
    await ledger.write(DECLARE, Declare("t", declared))
    adds = {"due": "2026-03-01T12:00:00+02:00"}
    wish = Change(Query("t"), at=5, adds=adds, spec=declared)
    outcome = await ledger.write(CHANGE, wish)
    assert outcome.records[0].doc == {"due": "2026-03-01T10:00:00.000000Z"}
    found = await ledger.read(
        find_records, Query("t", parse_filter({"due": {"$lt": "2026-03-01T10:00:01Z"}}))
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"1a": {}}, "pattern"),
        ({"a-b": {}}, "pattern"),
        ({"id": {}}, "a column of every table"),
        ({"a": {"type": "money"}}, "type"),
        ({"a": {"kind": "text"}}, "Extra"),
        ({"a": {"type": "number", "enum": ["x"]}}, "enum"),
        ({"a": {"enum": []}}, "enum"),
        ({"a": {"type": "list", "index": True}}, "index"),
        ({"a": {"unique": True}}, "unique"),
        ({"a": {"type": "number", "default": "x"}}, "The default must be a number"),
        ({"a": {"enum": ["x"], "default": "y"}}, "The default must be one of x"),
        ({f"c{n}": {} for n in range(201)}, "200"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(columns: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TableSpec.model_validate({"columns": columns})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "a"], [1, True, [], {}]),
        ("integer", [0, -5, 2**70], [1.0, 1.5, "1", True]),
        ("number", [0, 1.5, 2**70], ["1", True, []]),
        ("boolean", [True, False], [0, 1, "true"]),
        ("datetime", ["2026-01-01", "2026-01-01T00:00:00+01:00"], ["soon", 5, "", True]),
        ("list", [[], [1]], ["a", {}, 1]),
        ("object", [{}, {"a": 1}], ["a", [], 1]),
        ("any", ["a", 1, [], {}, True], []),
    ],
)
def test_values_have_the_declared_type(kind: str, good: list[Any], bad: list[Any]) -> None:
    declared = spec(a={"type": kind})
    for value in [*good, None]:
        declared.check({"a": value})
    declared.check({})
    for value in bad:
        with pytest.raises(InvalidError) as refusal:
            declared.check({"a": value})
        assert list(refusal.value.details["faults"]) == ["a"]


def test_all_faults_of_a_record_are_named() -> None:
    declared = spec(a={"required": True}, b={"type": "text", "enum": ["x", "y"]}, c={"default": 1})
    assert declared.complete({"b": "x"}) == {"b": "x", "c": 1}
    with pytest.raises(InvalidError) as refusal:
        declared.check({"b": "z"})
    assert refusal.value.details["faults"] == {
        "a": "'a' must be a value, and not null.",
        "b": "'b' must be one of x, y, not \"z\".",
    }
