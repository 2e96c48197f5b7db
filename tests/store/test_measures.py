"""Measures of groups: the same in memory and on both databases."""

from typing import Any

import pytest

from hub.errors import InvalidError
from hub.model.filter import parse_filter
from hub.model.json import dumps_text
from hub.model.query import Aggregate
from hub.store.ledger import Ledger
from hub.store.records import INSERT, aggregate_records
from tests import memory
from tests.store.tables import IN_MEMORY, fill, record

ALL = (
    ("rows", "count", ""),
    ("named", "count", "name"),
    ("kinds", "count_unique", "n"),
    ("sum", "sum", "n"),
    ("avg", "avg", "n"),
    ("least", "min", "n"),
    ("most", "max", "n"),
    ("first", "min", "name"),
    ("last", "max", "name"),
    ("deep", "max", "in.a"),
    ("none", "sum", "nowhere"),
    ("no_avg", "avg", "nowhere"),
    ("no_max", "max", "nowhere"),
)


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    """The groups as texts, in one order."""
    return sorted(dumps_text(row) for row in rows)


async def measured(ledger: Ledger, wanted: Aggregate) -> list[dict[str, Any]]:
    """What a database says; memory has to say the same."""
    rows = await ledger.read(aggregate_records, wanted)
    assert in_order(rows) == in_order(memory.aggregate(IN_MEMORY, wanted))
    return rows


@pytest.mark.parametrize("where", [{}, {"n": {"$lt": 1000}}, {"name": "a"}, {"name": "nobody"}])
async def test_all_records_together(ledger: Ledger, where: Any) -> None:
    await fill(ledger)
    [row] = await measured(ledger, Aggregate("t", parse_filter(where), (), ALL))
    assert list(row) == [name for name, _, _ in ALL]


@pytest.mark.parametrize("path", ["priority", "on", "n", "in.a", "tags", "tags.0", "nowhere"])
async def test_groups(ledger: Ledger, path: str) -> None:
    await fill(ledger)
    rows = await measured(ledger, Aggregate("t", group_by=(path,)))
    assert sum(row["count"] for row in rows) == 13


async def test_groups_of_two_fields_in_an_order_and_not_too_many(ledger: Ledger) -> None:
    sales = [("Rome", 1, 10), ("Oslo", 1, 7), ("Rome", 2, 5), ("Rome", 1, 0.5), (None, 2, 1)]
    docs = [{"shop": shop, "month": month, "total": total} for shop, month, total in sales]
    docs.append({"month": 2, "total": "many"})
    await ledger.write(INSERT, [record(n, doc) for n, doc in enumerate(docs, 1)])
    measures = (("orders", "count", ""), ("turnover", "sum", "total"))
    wanted = Aggregate("t", group_by=("shop", "month"), measures=measures)
    rows = await ledger.read(aggregate_records, wanted)
    assert rows == [
        {"shop": "Oslo", "month": 1, "orders": 1, "turnover": 7},
        {"shop": "Rome", "month": 1, "orders": 2, "turnover": 10.5},
        {"shop": "Rome", "month": 2, "orders": 1, "turnover": 5},
        {"shop": None, "month": 2, "orders": 2, "turnover": 1},
    ]
    few = Aggregate("t", group_by=("shop", "month"), measures=measures, limit=2)
    assert await ledger.read(aggregate_records, few) == rows[:2]


async def test_money_adds_up_and_numbers_stay_whole(ledger: Ledger) -> None:
    docs = [{"n": 0.1}, {"n": 0.2}, {"n": 2**53}, {"n": 1}]
    await ledger.write(INSERT, [record(n, doc) for n, doc in enumerate(docs, 1)])

    async def total(**where: Any) -> Any:
        wanted = Aggregate("t", parse_filter(where), (), (("sum", "sum", "n"),))
        return (await ledger.read(aggregate_records, wanted))[0]["sum"]

    assert await total(n={"$lt": 1}) == 0.3
    assert await total(n={"$gte": 1}) == 2**53 + 1


async def test_times_are_measured_too(ledger: Ledger) -> None:
    await fill(ledger)
    measures = (("first", "min", "created_at"), ("last", "max", "updated_at"), ("n", "max", "id"))
    assert await ledger.read(aggregate_records, Aggregate("t", measures=measures)) == [
        {"first": "2026-01-01T00:00:00.000000Z", "last": "2026-01-13T00:00:00.000000Z", "n": 13}
    ]


@pytest.mark.parametrize("path", ["created_at", "a'b", ""])
async def test_what_cannot_be_grouped_by_is_refused(ledger: Ledger, path: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        await ledger.read(aggregate_records, Aggregate("t", group_by=(path,)))
    assert refusal.value.code == "filter_invalid"
