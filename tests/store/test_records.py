"""Records: kept as they went in, added and removed whole."""

import asyncio
from typing import Any

import pytest

from hub.errors import ConflictError, InvalidError
from hub.model.adding import new_doc
from hub.model.query import Query
from hub.model.record import check_text
from hub.model.table import UNDECLARED, TableSpec
from hub.store.changes import ADD, Addition
from hub.store.ledger import Ledger
from hub.store.records import REMOVE, Removal, find_records, get_record
from tests.store.tables import DOCS, fill


async def test_documents_come_back_as_they_went_in(ledger: Ledger) -> None:
    await fill(ledger)
    records = await ledger.read(find_records, Query("t"))
    assert [record.doc for record in records] == DOCS
    assert [list(record.doc) for record in records] == [list(doc) for doc in DOCS]


async def test_records_are_added_together_and_get_their_numbers(ledger: Ledger) -> None:
    first = await ledger.write(ADD, Addition("t", [({"n": 1}, 5), ({"n": 2}, 6)], 9))
    assert [(each.id, each.doc, each.created_at, each.updated_at) for each in first] == [
        (1, {"n": 1}, 5, 9),
        (2, {"n": 2}, 6, 9),
    ]
    lists = await asyncio.gather(
        *(ledger.write(ADD, Addition("t", [({"n": n}, 5)] * 3, 9)) for n in range(5))
    )
    assert sorted(each.id for added in lists for each in added) == list(range(3, 18))
    assert await ledger.read(find_records, Query("t", limit=2)) == first


async def test_a_bad_record_keeps_no_neighbour_out(ledger: Ledger) -> None:
    spec = TableSpec.model_validate({"columns": {"mail": {"type": "text", "unique": True}}})

    async def add(*mails: str) -> bool:
        try:
            docs = [({"mail": mail}, 5) for mail in mails]
            await ledger.write(ADD, Addition("t", docs, 5, spec))
        except ConflictError as error:
            assert error.code == "not_unique"  # noqa: PT017 - each of them may be the one
            return False
        return True

    assert await add("a")
    assert await asyncio.gather(add("b"), add("c", "c"), add("d"), add("a"), add("e", "b")) == [
        True, False, True, False, False
    ]  # fmt: skip
    found = await ledger.read(find_records, Query("t"))
    assert [each.doc["mail"] for each in found] == ["a", "b", "d"]


async def test_a_record_is_removed_once(ledger: Ledger) -> None:
    await fill(ledger)
    assert await ledger.write(REMOVE, Removal("t", 1))
    assert not await ledger.write(REMOVE, Removal("t", 1))
    assert await ledger.read(get_record, "t", 1) is None
    assert await ledger.read(get_record, "beside", 1) is not None


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_a_database_cannot_hold_is_refused_before_it_gets_there(text: str) -> None:
    with pytest.raises(InvalidError):
        check_text({"a": [text]})


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert check_text({"a": "\\u0000"})


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"id": 1}, ["id"]),
        ({"id": None}, ["id"]),
        ({"created_at": "soon"}, ["created_at"]),
        ({"created_at": 5, "id": 1}, ["id", "created_at"]),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, ["created_at"]),
    ],
)
def test_all_that_is_wrong_with_a_new_record_is_said_at_once(
    fields: dict[str, Any], faulty: list[str]
) -> None:
    with pytest.raises(InvalidError) as refusal:
        new_doc(fields, UNDECLARED, 5)
    assert list(refusal.value.details["faults"]) == faulty


def test_a_created_at_is_kept_and_updated_at_is_not() -> None:
    given = {"created_at": "1970-01-01T00:00:01Z", "updated_at": "2000-01-01", "n": 1}
    assert new_doc(given, UNDECLARED, 5) == ({"n": 1}, 1_000_000)
    assert new_doc({"created_at": None}, UNDECLARED, 5) == ({}, 5)
