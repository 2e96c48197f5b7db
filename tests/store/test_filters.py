"""Filters and sorts: one table of cases, the same in memory, on both databases, in expressions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.expr import DictContext, compile_expression
from hub.model.filter import And, FilterError, as_json, matches, parse_filter
from hub.model.query import Query, parse_sort, place_of
from hub.model.table import UNDECLARED, TableSpec
from hub.store.ledger import Ledger
from hub.store.records import REMOVE_WHERE, count_records, find_records
from tests import memory
from tests.store.tables import IN_MEMORY, RECORDS, cases, fill

FILTERS = cases("filters")["cases"]
SORTS = cases("sorts")
DECLARED = TableSpec.model_validate(SORTS["declared"])


async def ids(ledger: Ledger, query: Query) -> list[int]:
    """The ids that a query finds."""
    return [record.id for record in await ledger.read(find_records, query)]


def wrong(cases: list[dict[str, Any]], found: list[list[int]]) -> list[tuple[Any, list[int]]]:
    """The cases that came out otherwise."""
    return [(case, got) for case, got in zip(cases, found, strict=True) if got != case["ids"]]


def test_the_table_of_filters_is_large() -> None:
    assert len(FILTERS) >= 150


def test_filters_in_memory() -> None:
    found = [
        [each.id for each in RECORDS if matches(parse_filter(case["filter"]), each.as_fields())]
        for case in FILTERS
    ]
    assert wrong(FILTERS, found) == []


def test_a_filter_is_written_as_it_is_read() -> None:
    for case in FILTERS:
        found = parse_filter(case["filter"])
        assert parse_filter(as_json(found)) in (found, And((found,)))
        again = parse_filter(as_json(found))
        assert all(
            matches(found, each.as_fields()) == matches(again, each.as_fields()) for each in RECORDS
        )


def test_expressions_that_say_the_same_find_the_same() -> None:
    said = [case for case in FILTERS if "expression" in case]
    found = []
    for case in said:
        compiled = compile_expression(case["expression"])
        found.append(
            [
                each.id
                for each in RECORDS
                if compiled.evaluate(DictContext({"name": None, "n": None, **each.doc})) is True
            ]
        )
    assert wrong(said, found) == []


async def test_filters_in_a_database(ledger: Ledger) -> None:
    await fill(ledger)
    queries = [Query("t", parse_filter(case["filter"])) for case in FILTERS]
    found = [await ids(ledger, query) for query in queries]
    assert wrong(FILTERS, found) == []
    counts = [await ledger.read(count_records, query) for query in queries]
    assert counts == [len(case["ids"]) for case in FILTERS]


async def test_sorts_in_memory_and_in_a_database(ledger: Ledger) -> None:
    await fill(ledger)
    for case in SORTS["cases"]:
        spec = DECLARED if case.get("declared") else UNDECLARED
        query = Query("t", sort=parse_sort(case["sort"], spec))
        assert [each.id for each in memory.find(IN_MEMORY, query)] == case["ids"], case
        assert await ids(ledger, query) == case["ids"], case


@pytest.mark.parametrize("most", [1, 3, 13])
async def test_pages_behind_a_record_hold_every_record_once(ledger: Ledger, most: int) -> None:
    await fill(ledger)
    for case in SORTS["cases"]:
        spec = DECLARED if case.get("declared") else UNDECLARED
        sort = parse_sort(case["sort"], spec)
        seen: list[int] = []
        after = None
        while True:
            query = Query("t", sort=sort, limit=most, after=after)
            page = await ledger.read(find_records, query)
            assert [r.id for r in memory.find(IN_MEMORY, query)] == [r.id for r in page]
            seen += [record.id for record in page]
            if len(page) < most:
                break
            after = place_of(page[-1].as_fields(), sort)
        assert seen == case["ids"], case


async def test_limit_and_offset(ledger: Ledger) -> None:
    await fill(ledger)
    assert await ids(ledger, Query("t", limit=2)) == [1, 2]
    assert await ids(ledger, Query("t", limit=2, offset=11)) == [12, 13]
    assert await ids(ledger, Query("t", offset=11)) == [12, 13]
    assert await ids(ledger, Query("t", limit=0)) == []
    assert await ids(ledger, Query("t", offset=99)) == []


async def test_what_a_filter_means_is_removed_and_nothing_else(ledger: Ledger) -> None:
    await fill(ledger)
    assert await ledger.write(REMOVE_WHERE, Query("t", parse_filter({"n": {"$gt": 2}}))) == 4
    assert await ids(ledger, Query("t")) == [1, 4, 5, 6, 9, 10, 11, 12, 13]
    assert await ids(ledger, Query("beside")) == [1]


@pytest.mark.parametrize(
    ("written", "pointer"),
    [
        (None, ""),
        ([], ""),
        ("name", ""),
        ({"$or": {}}, "/$or"),
        ({"$or": [1]}, "/$or/0"),
        ({"$where": "1"}, "/$where"),
        ({"$eq": 1}, "/$eq"),
        ({"a": {"$gte": []}}, "/a/$gte"),
        ({"a": {"b": 1}}, "/a"),
        ({"a": [1]}, "/a"),
        ({"a": {"$in": 1}}, "/a/$in"),
        ({"a": {"$in": [[1]]}}, "/a/$in"),
        ({"a": {"$in": [{}]}}, "/a/$in"),
        ({"a": {"$nin": "abc"}}, "/a/$nin"),
        ({"a": {"$exists": 1}}, "/a/$exists"),
        ({"a": {"$starts_with": 1}}, "/a/$starts_with"),
        ({"a": {"$regex": "x"}}, "/a/$regex"),
        ({"a": {"$gt": 1, "b": 2}}, "/a/b"),
        ({"a": {"$not": 1}}, "/a/$not"),
        ({"": 1}, "/"),
        ({"a..b": 1}, "/a..b"),
        ({".a": 1}, "/.a"),
        ({"a'b": 1}, "/a'b"),
        ({'a"b': 1}, '/a"b'),
        ({"a\\b": 1}, "/a\\b"),
        ({"a[0]": 1}, "/a[0]"),
        ({"a\x00": 1}, "/a\x00"),
        ({"%(v0)s": 1}, "/%(v0)s"),
        ({"{{a}}": 1}, "/{{a}}"),
        ({"a.-1": 1}, "/a.-1"),
        ({"a.1.2.3.4.5": 1}, "/a.1.2.3.4.5"),
        ({"a.01": 1}, "/a.01"),
        ({"a. 1": 1}, "/a. 1"),
        ({"a.9999999999": 1}, "/a.9999999999"),
        ({"a/b~": {"$x": 1}}, "/a~1b~0/$x"),
        ({"x" * 101: 1}, "/" + "x" * 101),
        ({f"f{n}": 1 for n in range(201)}, "/f200"),
        ({"a": {"$in": [1] * 10_001}}, "/a/$in"),
    ],
)
def test_what_is_no_filter_is_refused_at_its_place(written: Any, pointer: str) -> None:
    with pytest.raises(FilterError) as refusal:
        parse_filter(written)
    assert refusal.value.details["pointer"] == pointer


def test_a_filter_is_not_nested_without_end() -> None:
    written: Any = {"a": 1}
    for _ in range(30):
        written = {"$not": written}
    with pytest.raises(FilterError, match="nested"):
        parse_filter(written)


def test_a_word_that_is_nearly_known_is_named() -> None:
    with pytest.raises(FilterError, match=r"Did you mean \$gte\?"):
        parse_filter({"a": {"$gtee": 1}})


@pytest.mark.parametrize(
    "written",
    [
        5, "n", ["n"], {"n": "up"}, {"n": 1}, {"n": {}}, {"a'b": "asc"}, [{"n": "asc"}, 5],
        [{f"f{n}": "asc"} for n in range(11)],
    ],
)  # fmt: skip
def test_what_is_no_sort_is_refused(written: Any) -> None:
    with pytest.raises(InvalidError) as refusal:
        parse_sort(written)
    assert refusal.value.code == "sort_invalid"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=4),
)
NAMES = st.sampled_from(["name", "n", "on", "big", "in.a", "in.0.a", "tags", "tags.0", "id", "x"])
ORDERS = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains"])
COMPARISONS = st.one_of(
    st.tuples(ORDERS, SCALARS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=4)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$starts_with"), st.text("ab1", max_size=2)),
)
LEAVES = st.builds(lambda name, pair: {name: dict([pair])}, NAMES, COMPARISONS)
ANY_FILTER = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"$and": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"$or": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=6,
)


@pytest_asyncio.fixture
async def filled(ledger: Ledger) -> AsyncIterator[Ledger]:
    await fill(ledger)
    yield ledger


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    written=ANY_FILTER,
    sorts=st.lists(st.tuples(NAMES, st.sampled_from(["asc", "desc"])), max_size=2),
)
async def test_any_filter_means_the_same_in_memory_and_in_a_database(
    filled: Ledger, written: Any, sorts: list[tuple[str, str]]
) -> None:
    sort = parse_sort([{name: direction} for name, direction in sorts])
    query = Query("t", parse_filter(written), sort)
    assert await ids(filled, query) == [each.id for each in memory.find(IN_MEMORY, query)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(max_size=8))
async def test_any_name_of_a_field_is_asked_for_or_refused(ledger: Ledger, name: str) -> None:
    try:
        query = Query("t", parse_filter({name: "x"}), parse_sort({name: "asc"}))
    except InvalidError:
        return
    assert await ids(ledger, query) == []
