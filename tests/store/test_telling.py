"""What a change of a record tells, and that it is committed with the change or not at all."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.errors import ConflictError
from hub.model.change import Change
from hub.model.filter import parse_filter
from hub.model.message import MAX_DATA_BYTES
from hub.model.query import Query
from hub.model.record import Record
from hub.model.segment import Publication, Segment
from hub.model.table import TableSpec
from hub.model.telling import changed_fields, telling_of, tellings
from hub.store import outbox, runs
from hub.store.changes import ADD, CHANGE, Addition
from hub.store.ledger import Ledger, Write
from hub.store.records import INSERT, REMOVE, REMOVE_WHERE, Removal, count_records
from hub.store.schema import outbox as outbox_table
from hub.store.segments import COMMIT, Committed
from hub.store.tx import Tx
from tests.store.make import claim_runs, run_start

OPEN: Any = {"filter": {"state": "open"}}
STORE = Path(__file__).parents[2] / "hub/store"


def spec(live: Any, **columns: Any) -> TableSpec:
    """A declaration."""
    return TableSpec.model_validate({"live": live, "columns": columns})


def record(doc: dict[str, Any] | None) -> Record | None:
    """A record, or none."""
    return None if doc is None else Record("orders", 7, doc, 0, 1)


def told(
    live: Any, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> tuple[str, Any] | None:
    """The event and its data."""
    telling = telling_of("orders", spec(live))
    assert telling is not None
    found = telling.of(record(before), record(after))
    if found is None:
        return None
    assert found.channel == "tables.orders"
    assert found.id.startswith("msg_")
    return found.event.removeprefix("record."), json.loads(found.data)


def test_a_table_that_is_not_live_tells_nothing() -> None:
    assert telling_of("orders", TableSpec()) is None
    assert telling_of("orders", spec(live=False)) is None
    assert tellings([("a", TableSpec()), ("b", spec(live=True))]).keys() == {"b"}


def test_a_record_is_told_as_the_api_shows_it() -> None:
    event, data = told(True, None, {"n": 1, "list": [True]}) or ("", None)
    assert event == "added"
    assert data == {
        "table": "orders",
        "id": 7,
        "record": {
            "id": 7,
            "created_at": "1970-01-01T00:00:00.000000Z",
            "updated_at": "1970-01-01T00:00:00.000001Z",
            "fields": {"n": 1, "list": [True]},
        },
    }


def test_an_edit_names_what_has_changed_and_a_removal_has_no_record() -> None:
    event, data = told(True, {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3, "d": 4}) or ("", None)
    assert (event, data["changed"]) == ("edited", ["b", "c", "d"])
    assert told(True, {"a": 1}, None) == ("removed", {"table": "orders", "id": 7, "record": None})


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, "open", "added"),
        (None, "done", None),
        ("done", "open", "added"),
        ("open", "open", "edited"),
        ("open", "done", "removed"),
        ("done", "done", None),
        ("open", None, "removed"),
        ("done", None, None),
    ],
)
def test_to_whoever_listens_a_record_is_there_while_the_filter_means_it(
    before: str | None, after: str | None, event: str | None
) -> None:
    docs = [None if each is None else {"state": each} for each in (before, after)]
    found = told(OPEN, docs[0], docs[1])
    assert (found and found[0]) == event
    if event == "removed":
        assert found is not None
        assert found[1]["record"] is None


def test_fields_that_are_not_named_are_told_nowhere() -> None:
    live = {"fields": ["n", "absent"]}
    event, data = told(live, {"n": 1, "secret": "a"}, {"n": 2, "secret": "b"}) or ("", None)
    assert event == "edited"
    assert data["record"]["fields"] == {"n": 2}
    assert data["changed"] == ["n"]
    assert data["record"].keys() == {"id", "created_at", "updated_at", "fields"}


def test_a_filter_sees_fields_that_are_not_told_and_dates_as_moments() -> None:
    live = {"filter": {"due": {"$lt": "2026-03-01T12:00:00+02:00"}}, "fields": []}
    declared = spec(live, due={"type": "datetime"})
    telling = telling_of("orders", declared)
    assert telling is not None
    early, late = (declared.settle({"due": f"2026-03-01T{hour}:00:00Z"}) for hour in ("09", "11"))
    found = telling.of(None, record(early))
    assert found is not None
    assert json.loads(found.data)["record"]["fields"] == {}
    assert telling.of(None, record(late)) is None


def test_a_record_that_is_too_large_for_a_message_is_told_of_without_it() -> None:
    large = {"text": "ä" * (MAX_DATA_BYTES // 2)}
    assert told(True, {}, large) == (
        "edited",
        {"table": "orders", "id": 7, "record": None, "truncated": True},
    )
    event, data = told({"fields": ["n"]}, {}, {**large, "n": 1}) or ("", None)
    assert (event, data["record"]["fields"]) == ("edited", {"n": 1})


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": None}, {}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
    ],
)
def test_what_has_changed_is_what_is_not_equal(before: Any, after: Any, changed: list[str]) -> None:
    assert changed_fields(before, after) == changed


# in the ledger


class Told:
    """What the ledger hands on, and what stands in the outbox."""

    def __init__(self, ledger: Ledger, live: Any) -> None:
        self._ledger = ledger
        self.handed_on: list[Publication] = []
        ledger.live = tellings([("orders", spec(live))])
        ledger.on_told = self.handed_on.extend

    async def take(self) -> list[tuple[str, int]]:
        """Events and ids since the last time; both places hold the same."""
        kept = await self._ledger.read(outbox.overdue, age_us=0, most=10_000)
        await asyncio.gather(*(self._ledger.write(outbox.PUBLISHED, each.id) for each in kept))
        handed_on, self.handed_on[:] = list(self.handed_on), []
        assert sorted(kept, key=lambda each: each.id) == sorted(handed_on, key=lambda each: each.id)
        return [(each.event.removeprefix("record."), json.loads(each.data)["id"]) for each in kept]


def adds(*docs: dict[str, Any], table: str = "orders") -> Addition:
    """New records."""
    return Addition(table, [(doc, 5) for doc in docs], 5)


def change(where: Any, **given: Any) -> Change:
    """A change of orders."""
    return Change(Query("orders", parse_filter(where)), at=9, **given)


async def test_every_writer_tells_in_its_own_transaction(ledger: Ledger) -> None:
    told = Told(ledger, True)
    await ledger.write(ADD, adds({"n": 1}, {"n": 2}, {"n": 3}))
    assert await told.take() == [("added", 1), ("added", 2), ("added", 3)]
    await ledger.write(INSERT, [Record("orders", 9, {"n": 9}, 5, 5)])
    assert await told.take() == [("added", 9)]
    await ledger.write(CHANGE, change({"n": {"$lt": 3}}, set={"m": 1}))
    assert await told.take() == [("edited", 1), ("edited", 2)]
    await ledger.write(CHANGE, change({"n": 50}, set={"m": 1}, adds={"n": 50}))
    assert await told.take() == [("added", 4)]
    await ledger.write(CHANGE, change({"n": 50}, removes=True))
    assert await told.take() == [("removed", 4)]
    assert await ledger.write(REMOVE, Removal("orders", 9))
    assert not await ledger.write(REMOVE, Removal("orders", 9))
    assert await told.take() == [("removed", 9)]
    assert await ledger.write(REMOVE_WHERE, Query("orders", parse_filter({"n": {"$gt": 1}}))) == 2
    assert await told.take() == [("removed", 2), ("removed", 3)]


async def test_a_segment_tells_what_it_has_done_to_records(ledger: Ledger) -> None:
    told = Told(ledger, OPEN)
    await ledger.write(ADD, adds({"state": "open"}, {"state": "done"}, {"state": "open"}))
    await told.take()
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    segment = Segment(
        run.id,
        run.fence,
        0,
        added=[Record("orders", 8, {"state": "open"}, 5, 5), Record("other", 1, {}, 5, 5)],
        edited=[
            Record("orders", 1, {"state": "done"}, 5, 6),
            Record("orders", 2, {"state": "open"}, 5, 6),
        ],
        removed=[("orders", 3), ("orders", 77)],
    )
    assert (await ledger.write(COMMIT, segment))[0] is Committed.DONE
    assert sorted(await told.take(), key=lambda each: each[1]) == [
        ("removed", 1), ("added", 2), ("removed", 3), ("added", 8)
    ]  # fmt: skip
    fenced = Segment(run.id, run.fence + 1, 1, added=[Record("orders", 9, OPEN["filter"], 5, 5)])
    assert (await ledger.write(COMMIT, fenced))[0] is Committed.FENCED
    assert await told.take() == []


def _broken(tx: Tx, items: Any) -> Any:
    raise ConflictError("The last of a batch fails.")


BROKEN: Write[None, None] = Write("broken", 99, _broken)


async def test_what_is_rolled_back_tells_nothing_and_its_neighbours_tell_once(
    ledger: Ledger,
) -> None:
    told = Told(ledger, True)
    mails = TableSpec.model_validate({"columns": {"mail": {"type": "text", "unique": True}}})
    twice = [({"mail": "a"}, 5), ({"mail": "a"}, 5)]
    with pytest.raises(ConflictError):
        await ledger.write(ADD, Addition("orders", twice, 5, mails))
    assert await told.take() == []
    with pytest.raises(ConflictError):
        await asyncio.gather(
            *(ledger.write(ADD, adds({"n": n})) for n in range(5)), ledger.write(BROKEN, None)
        )
    async with asyncio.timeout(5):
        while await ledger.read(count_records, Query("orders")) < 5:
            await asyncio.sleep(0.01)
    assert [event for event, _ in await told.take()] == ["added"] * 5


async def test_tables_that_are_not_live_cost_no_statement_more(ledger: Ledger) -> None:
    statements: list[str] = []

    class Counting:
        """A transaction that notes its statements."""

        def __init__(self, tx: Tx) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._tx, name)
            if name in ("rows", "run", "many", "many_rows"):
                statements.append(name)
            return found

    async def count(live: Any) -> int:
        statements.clear()
        for write, item in (
            (ADD, adds({"n": 1})),
            (CHANGE, change({}, set={"n": 2})),
            (REMOVE_WHERE, Query("orders")),
        ):

            def work(tx: Tx, write: Any = write, item: Any = item) -> None:
                tx.live = tellings([("other", spec(live=True)), ("orders", spec(live))])
                write.apply(Counting(tx), [item])

            await ledger.engine.transact(work)
        return len(statements)

    assert await count(live=True) > await count(live=False) == 5
    told = Told(ledger, False)
    await ledger.write(ADD, adds({"n": 1}))
    assert told.handed_on == []


async def test_many_at_once_are_all_told_though_few_are_handed_on(ledger: Ledger) -> None:
    told = Told(ledger, {"fields": []})
    many = 10_500
    for _ in range(3):
        await ledger.write(ADD, adds(*({} for _ in range(many // 3))))
    assert len(told.handed_on) == many
    told.handed_on.clear()
    assert await ledger.write(REMOVE_WHERE, Query("orders")) == many
    assert len(told.handed_on) == 10_000
    kept = await ledger.read(lambda tx: tx.rows(select(func.count()).select_from(outbox_table)))
    assert kept[0][0] == 2 * many


def test_records_are_written_in_one_place_alone() -> None:
    writes = re.compile(r"\b(?:insert|insert_of|update|delete)\(records\)")
    homes = {path.name for path in STORE.glob("*.py") if writes.search(path.read_text())}
    assert homes == {"records.py", "filter.py"}
    uses = {path.name for path in STORE.glob("*.py") if "delete_of" in path.read_text()}
    assert uses == {"records.py", "filter.py"}
