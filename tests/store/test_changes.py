"""Changes that are decided inside the commit."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hub.model.change import Change, Outcome
from hub.model.filter import parse_filter
from hub.model.query import Query, parse_sort
from hub.model.record import Record
from hub.model.segment import Segment
from hub.model.table import UNDECLARED, TableSpec
from hub.store import runs
from hub.store.changes import ADD, CHANGE, Addition
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.store.runs import journal_of
from hub.store.segments import COMMIT
from tests.store.make import claim_runs, run_start
from tests.store.tables import fill

NUMBERS = TableSpec.model_validate({"columns": {"n": {"type": "number"}}})
MAILS = TableSpec.model_validate({"columns": {"mail": {"type": "text", "unique": True}}})


def change(where: Any = None, limit: int | None = None, sort: Any = None, **what: Any) -> Change:
    """A change of the table ``t``."""
    query = Query("t", parse_filter(where or {}), parse_sort(sort), limit=limit)
    return Change(query, at=7, **what)


async def have(ledger: Ledger, *docs: dict[str, Any], spec: TableSpec = UNDECLARED) -> list[Record]:
    """Records that are there."""
    return await ledger.write(ADD, Addition("t", [(doc, 5) for doc in docs], 5, spec))


async def docs(ledger: Ledger) -> list[dict[str, Any]]:
    """Every document, by id."""
    return [record.doc for record in await ledger.read(find_records, Query("t"))]


def told(outcome: Outcome) -> str:
    """The code of its error."""
    assert outcome.error is not None
    assert outcome.records == []
    return outcome.error.code


async def test_what_matches_is_merged_and_nothing_else(ledger: Ledger) -> None:
    await have(ledger, {"n": 1, "a": {"b": 1}}, {"n": 2}, {"n": 3})
    outcome = await ledger.write(CHANGE, change({"n": {"$lt": 3}}, set={"a": None, "c": [1]}))
    assert [each.doc for each in outcome.records] == [
        {"n": 1, "a": None, "c": [1]},
        {"n": 2, "a": None, "c": [1]},
    ]
    assert not outcome.added
    found = await ledger.read(find_records, Query("t"))
    assert [(each.doc.get("c"), each.updated_at, each.rev) for each in found] == [
        ([1], 7, 2), ([1], 7, 2), (None, 5, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "amount", "after"),
    [
        (1, 1, 2),
        (None, 5, 5),
        (1, 0.5, 1.5),
        (2**70, 1, 2**70 + 1),
        (0.1, 0.2, 0.30000000000000004),
    ],
)
async def test_amounts_are_added(ledger: Ledger, before: Any, amount: Any, after: Any) -> None:
    await have(ledger, {"n": before})
    outcome = await ledger.write(CHANGE, change(increase={"n": amount}))
    assert outcome.records[0].doc == {"n": after}
    assert await docs(ledger) == [{"n": after}]


async def test_a_thousand_increments_at_once_are_all_counted(ledger: Ledger) -> None:
    await have(ledger, {"n": 0})
    await asyncio.gather(
        *(ledger.write(CHANGE, change({"id": 1}, increase={"n": 1})) for _ in range(1000))
    )
    assert await docs(ledger) == [{"n": 1000}]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"increase": {"word": 1}}, "increase_invalid"),
        ({"increase": {"on": 1}}, "increase_invalid"),
        ({"set": {"word": "a\x00"}}, "json_unfit"),
        ({"set": {"n": "x"}, "spec": NUMBERS}, "record_invalid"),
        ({"most_bytes": 3}, "limit_memory"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_leaves_everything_as_it_was(
    ledger: Ledger, what: Any, code: str
) -> None:
    before = [{"n": 1}, {"n": 2, "word": "x", "on": True}]
    await have(ledger, *before)
    assert told(await ledger.write(CHANGE, change(**what))) == code
    assert await docs(ledger) == before


async def test_claims_at_once_take_every_record_once(ledger: Ledger) -> None:
    await have(ledger, *({"n": n, "taken": False} for n in range(100)))
    claims = [
        change({"taken": False}, 7, {"n": "desc"}, set={"taken": True}, skips=True)
        for _ in range(20)
    ]
    outcomes = await asyncio.gather(*(ledger.write(CHANGE, each) for each in claims))
    taken = [record.doc["n"] for each in outcomes for record in each.records]
    assert len(taken) == 100
    assert set(taken) == set(range(100))
    assert [record.doc["n"] for record in outcomes[0].records] == [99, 98, 97, 96, 95, 94, 93]


async def test_of_upserts_at_once_one_adds(ledger: Ledger) -> None:
    upsert = change({"page": "/"}, 1, adds={"page": "/", "n": 1}, increase={"n": 1})
    outcomes = await asyncio.gather(*(ledger.write(CHANGE, upsert) for _ in range(50)))
    assert sum(each.added for each in outcomes) == 1
    assert await docs(ledger) == [{"page": "/", "n": 50}]


async def test_an_upsert_adds_what_fits_the_table_with_its_defaults(ledger: Ledger) -> None:
    spec = TableSpec.model_validate(
        {"columns": {"plan": {"default": "free"}, "n": {"type": "integer", "required": True}}}
    )
    assert told(await ledger.write(CHANGE, change(adds={}, spec=spec))) == "record_invalid"
    outcome = await ledger.write(CHANGE, change(adds={"n": 1}, spec=spec))
    assert outcome.added
    assert outcome.records[0].doc == {"plan": "free", "n": 1}


async def test_no_two_records_have_the_same_unique_value(ledger: Ledger) -> None:
    await have(ledger, {"mail": "a"}, {"mail": "b"}, {"mail": None}, {}, spec=MAILS)

    async def code(**what: Any) -> str:
        return told(await ledger.write(CHANGE, change(**what, spec=MAILS)))

    assert await code(where={"id": 2}, set={"mail": "a"}) == "not_unique"
    assert await code(set={"mail": "c"}) == "not_unique"
    assert await code(where={"mail": "z"}, adds={"mail": "a"}) == "not_unique"
    fine = await ledger.write(CHANGE, change({"id": 2}, set={"mail": "b", "n": 1}, spec=MAILS))
    assert fine.error is None
    assert await docs(ledger) == [{"mail": "a"}, {"mail": "b", "n": 1}, {"mail": None}, {}]


async def test_what_matches_is_removed(ledger: Ledger) -> None:
    await fill(ledger)
    outcome = await ledger.write(CHANGE, change({"n": {"$gt": 2}}, 2, removes=True))
    assert [each.id for each in outcome.records] == [2, 3]
    assert len(await docs(ledger)) == 11


async def test_a_change_of_a_run_is_journaled_behind_its_segment(ledger: Ledger) -> None:
    await have(ledger, {"n": 1, "word": "x"})
    for _ in range(3):
        await ledger.write(runs.START, run_start())
    claimed = await claim_runs(ledger)
    wishes = [change(increase={"n": 1}), change(increase={"word": 1}), change(set={"n": 9})]

    def entry(outcome: Outcome) -> bytes:
        return repr([each.doc["n"] for each in outcome.records]).encode()

    segments = [
        Segment(run.id, run.fence, 0, entries=b"before" * n, change=replace(wish, entry=entry))
        for n, (run, wish) in enumerate(zip(claimed, wishes, strict=True))
    ]
    segments[2].fence += 1
    results = await asyncio.gather(*(ledger.write(COMMIT, each) for each in segments))
    assert [fate.value for fate, _ in results] == ["done", "done", "fenced"]
    assert [each.doc for each in results[0][1].records] == [{"n": 2, "word": "x"}]
    assert results[1][1].error.code == "increase_invalid"
    assert results[2][1] is None
    assert [await ledger.read(journal_of, run.id) for run in claimed] == [
        [b"[2]"],
        [b"before", b"[]"],
        [],
    ]
    assert await docs(ledger) == [{"n": 2, "word": "x"}]
