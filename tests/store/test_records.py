"""Records: the same filters and sorts on both databases."""

import pytest

from hub.errors import InvalidError
from hub.model.query import Query
from hub.model.record import Record, check_text
from hub.store.ledger import Ledger
from hub.store.records import ADD, find_records

DOCS = [
    {"name": "b", "n": 2, "on": True, "in": {"a": "x"}},
    {"name": "a", "n": 10, "on": False},
    {"name": "ä", "n": 2.5, "on": None},
    {"name": "B", "n": "2"},
    {"n": -1, "on": True, "big": 2**70},
]
EQUAL = [
    ("name", "a", [2]),
    ("name", "A", []),
    ("n", 2, [1]),
    ("n", 2.0, [1]),
    ("n", "2", [4]),
    ("n", 2.5, [3]),
    ("on", True, [1, 5]),
    ("on", False, [2]),
    ("on", 1, []),
    ("on", None, [3, 4]),
    ("nowhere", None, [1, 2, 3, 4, 5]),
    ("in.a", "x", [1]),
    ("in.b", None, [1, 2, 3, 4, 5]),
    ("id", 3, [3]),
    ("id", "3", []),
    ("created_at", "1970-01-01T00:00:00.000002Z", [2]),
    ("created_at", "yesterday", []),
]
SORTED = [
    ((("name", "asc"),), [4, 2, 1, 3, 5]),
    ((("name", "desc"),), [3, 1, 2, 4, 5]),
    ((("n", "asc"),), [5, 1, 3, 2, 4]),
    ((("n", "desc"),), [2, 3, 1, 5, 4]),
    ((("nowhere", "asc"), ("id", "desc")), [5, 4, 3, 2, 1]),
    ((("created_at", "desc"),), [5, 4, 3, 2, 1]),
]


async def fill(ledger: Ledger) -> None:
    """The table ``t`` with the records above."""
    for number, doc in enumerate(DOCS, 1):
        await ledger.write(ADD, Record("t", number, doc, number, number))


async def ids(ledger: Ledger, query: Query) -> list[int]:
    """The ids that a query finds."""
    return [record.id for record in await ledger.read(find_records, query)]


async def test_filters_are_type_strict_and_missing_equals_null(ledger: Ledger) -> None:
    await fill(ledger)
    found = [
        (path, value, await ids(ledger, Query("t", ((path, value),)))) for path, value, _ in EQUAL
    ]
    assert found == EQUAL


async def test_sorts_go_by_number_then_code_point_with_the_rest_last(ledger: Ledger) -> None:
    await fill(ledger)
    found = [(sort, await ids(ledger, Query("t", sort=sort))) for sort, _ in SORTED]
    assert found == SORTED


async def test_pages_by_limit_offset_and_after(ledger: Ledger) -> None:
    await fill(ledger)
    assert await ids(ledger, Query("t", limit=2)) == [1, 2]
    assert await ids(ledger, Query("t", limit=2, offset=3)) == [4, 5]
    assert await ids(ledger, Query("t", after=3)) == [4, 5]
    assert await ids(ledger, Query("t", limit=0)) == []


async def test_documents_come_back_as_they_went_in(ledger: Ledger) -> None:
    await fill(ledger)
    records = await ledger.read(find_records, Query("t"))
    assert [record.doc for record in records] == DOCS
    assert [list(record.doc) for record in records] == [list(doc) for doc in DOCS]


@pytest.mark.parametrize("path", ["a'b", 'a"b', "a..b", "", "a[0]", "a\\b", "x" * 101])
async def test_a_path_that_is_no_path_is_refused(ledger: Ledger, path: str) -> None:
    with pytest.raises(InvalidError):
        await ledger.read(find_records, Query("t", ((path, 1),)))


async def test_a_filter_with_an_object_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InvalidError, match="an object"):
        await ledger.read(find_records, Query("t", (("a", {"$ne": None}),)))


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_a_database_cannot_hold_is_refused_before_it_gets_there(text: str) -> None:
    with pytest.raises(InvalidError):
        check_text({"a": [text]})


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert check_text({"a": "\\u0000"})
