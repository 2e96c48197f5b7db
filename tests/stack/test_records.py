"""Steps on records: what is kept, what the names hold then, and what is refused."""

from typing import Any

import pytest

from hub.model.json import Json
from hub.model.table import TableSpec
from hub.stack.journal import Failed
from tests.stack.make import add, answer, attempt, edit, get, into, let, query
from tests.stack.world import World, ran


def claim(table: str, where: Any, marks: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "claim_records", "table": table, "filter": where, "set": marks, **fields}


def upsert(table: str, where: Any, data: Any) -> dict[str, Any]:
    return {"function": "upsert_record", "table": table, "where": where, "data": data}


def bulk_add(table: str, records: Any) -> dict[str, Any]:
    return {"function": "bulk_add_records", "table": table, "records": records}


def bulk_edit(table: str, where: Any, data: Any) -> dict[str, Any]:
    return {"function": "bulk_edit_records", "table": table, "filter": where, "data": data}


def delete(table: str, **fields: Any) -> dict[str, Any]:
    return {"function": "delete_record", "table": table, **fields}


def count(table: str, **fields: Any) -> dict[str, Any]:
    return {"function": "count_records", "table": table, **fields}


def measure(table: str, measures: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "aggregate_records", "table": table, "measures": measures, **fields}


def with_rows(*docs: dict[str, Json], **columns: Any) -> World:
    """A world with the table ``t``."""
    world = World()
    if columns:
        world.specs["t"] = TableSpec.model_validate({"columns": columns})
    for doc in docs:
        world.have("t", **doc)
    return world


async def result(*steps: Any, world: World | None = None, given: Json = None) -> Any:
    done = await ran(*steps, world=world, given=given)
    return done.result


async def code(*steps: Any, world: World | None = None, given: Json = None) -> str:
    """The code of the failure; nothing was kept but what had been."""
    before = dict(world.records) if world else {}
    done = await ran(*steps, world=world, given=given)
    assert done.records == before
    return done.failure.code


# claims


async def test_a_claim_takes_marks_and_gives_what_it_took() -> None:
    world = with_rows(*({"n": n, "state": "new"} for n in range(5)))
    marks = {"state": "taken", "by": "{{input.who}}"}
    step = claim("t", {"state": "new"}, marks, sort={"n": "desc"}, limit=2)
    first = await result(step, answer("{{t}}"), world=world, given={"who": "ada"})
    assert [(each["n"], each["state"], each["by"]) for each in first] == [
        (4, "taken", "ada"),
        (3, "taken", "ada"),
    ]
    assert [doc["state"] for doc in world.docs("t")] == ["new"] * 3 + ["taken"] * 2


async def test_a_claim_of_nothing_gives_an_empty_list() -> None:
    assert await result(claim("t", {"n": 1}, {"n": 2}), answer("{{length(t)}}")) == 0


async def test_a_second_claim_takes_what_the_first_one_left() -> None:
    world = with_rows(*({"n": n, "state": "new"} for n in range(3)))
    one = claim("t", {"state": "new"}, {"state": "taken"}, limit=2)
    steps = (into("a", one), into("b", one), answer("{{concat(pluck(a,'n'), pluck(b,'n'))}}"))
    assert await result(*steps, world=world) == [0, 1, 2]


async def test_a_claim_sees_what_the_open_segment_has_done() -> None:
    steps = (add("t", {"state": "new"}), claim("t", {"state": "new"}, {"state": "taken"}))
    assert await result(*steps, answer("{{length(t)}}")) == 1


# upserts


async def test_an_upsert_adds_what_is_not_there_and_changes_what_is() -> None:
    step = upsert("t", {"mail": "{{input.mail}}"}, {"visits": {"$inc": 1}, "name": "A"})
    world = with_rows({"mail": "b", "visits": 4, "old": True})
    added = await result(step, answer("{{t}}"), world=world, given={"mail": "a"})
    assert (added["id"], added["mail"], added["visits"], added["name"]) == (2, "a", 1, "A")
    changed = await ran(step, answer("{{t}}"), world=world_of(world), given={"mail": "b"})
    assert changed.result["visits"] == 5
    assert changed.result["old"] is True


def world_of(world: World) -> World:
    """Another run in the same world."""
    return World(records=world.records, specs=world.specs)


async def test_an_upsert_of_several_fields_adds_all_that_it_compares_with() -> None:
    step = upsert("t", {"a": 1, "$and": [{"b": "x"}], "c": {"$gt": 1}}, {"d": None})
    doc = await result(step, answer("{{t}}"))
    assert {name: doc.get(name) for name in "abcd"} == {"a": 1, "b": "x", "c": None, "d": None}


@pytest.mark.parametrize(
    ("before", "kept"),
    [(None, False), (into("t", query("other")), True), (let("t", {"id": 99}), True)],
)
async def test_an_upsert_never_hides_a_list_or_another_record(before: Any, kept: bool) -> None:
    steps = [before] if before else []
    found = await result(*steps, upsert("t", {"a": 1}, {"b": 2}), answer("{{t.b ?? 'kept'}}"))
    assert found == ("kept" if kept else 2)


# counters, edits, deletes


async def test_an_increase_adds_to_what_is_there() -> None:
    world = with_rows({"n": 5, "x": 0.5})
    step = edit("t", 1, {"n": {"$inc": "{{input.by}}"}, "x": {"$inc": 0.25}, "new": {"$inc": -1}})
    doc = await result(step, answer("{{t}}"), world=world, given={"by": 3})
    assert (doc["n"], doc["x"], doc["new"]) == (8, 0.75, -1)


@pytest.mark.parametrize(
    ("before", "amount"),
    [(1.7e308, 1.7e308), (10**400, 0.5), (0.5, 10**400), (1, 2**4096)],
    ids=["two fractions", "whole and fraction", "fraction and whole", "two wholes"],
)
async def test_a_sum_beyond_every_number_is_refused(before: Any, amount: Any) -> None:
    step = edit("t", 1, {"n": {"$inc": "{{input.by}}"}})
    world = with_rows({"n": before})
    assert await code(step, world=world, given={"by": amount}) == "increase_invalid"


async def test_an_edit_by_what_matches_changes_the_first_alone() -> None:
    world = with_rows({"a": 1}, {"a": 1})
    step = {"function": "edit_record", "table": "t", "where": {"a": 1}, "data": {"b": 1}}
    assert await result(step, answer("{{t.id}}"), world=world) == 1
    assert world.docs("t") == [{"a": 1, "b": 1}, {"a": 1}]


async def test_bulk_edits_change_all_that_match_and_count_them() -> None:
    world = with_rows({"a": 1, "n": 1}, {"a": 2, "n": 1}, {"a": 1})
    step = into("many", bulk_edit("t", {"a": 1}, {"b": True, "n": {"$inc": 1}}))
    assert await result(step, answer("{{many}}"), world=world) == 2
    assert [doc.get("n") for doc in world.docs("t")] == [2, 1, 1]


async def test_bulk_edits_are_whole_or_not_at_all() -> None:
    world = with_rows({"n": 1}, {"n": "x"})
    assert await code(bulk_edit("t", {}, {"n": {"$inc": 1}}), world=world) == "increase_invalid"


async def test_records_are_deleted_by_their_id_or_by_what_matches() -> None:
    world = with_rows({"a": 1}, {"a": 2}, {"a": 2})
    gone = await result(
        into("x", delete("t", record_id=1)),
        into("y", delete("t", where={"a": 2})),
        into("z", delete("t", record_id=77)),
        answer(["{{x}}", "{{y}}", "{{z}}"]),
        world=world,
    )
    assert gone == [True, True, False]
    assert world.docs("t") == [{"a": 2}]


async def test_what_the_open_segment_has_deleted_is_gone() -> None:
    world = with_rows({"a": 1})
    steps = (delete("t", record_id=1), get("t", record_id=1), into("n", count("t")))
    assert await result(*steps, answer(["{{t}}", "{{n}}"]), world=world) == [None, 0]
    assert await code(delete("u", record_id=1), edit("u", 1, {"a": 2})) == "record_not_found"


# many at once, and measures


async def test_many_are_added_in_their_order() -> None:
    world = await ran(
        bulk_add("t", "{{input.rows}}"), answer("{{t}}"), given={"rows": [{"n": 2}, {"n": 1}]}
    )
    assert [(each["id"], each["n"]) for each in world.result] == [(1, 2), (2, 1)]
    assert await result(bulk_add("t", []), answer("{{t}}")) == []


@pytest.mark.parametrize("rows", [None, "x", 5, {"n": 1}, [{"n": 1}, 5], [None]])
async def test_many_are_a_list_of_objects(rows: Any) -> None:
    assert await code(bulk_add("t", "{{input.rows}}"), given={"rows": rows}) == "field_invalid"


async def test_measures_are_of_groups_or_of_all() -> None:
    world = with_rows(
        {"shop": "a", "total": 10}, {"shop": "b", "total": 5}, {"shop": "a", "total": None}, {}
    )
    measures = {"n": "count", "sum": {"sum": "total"}, "most": {"max": "total"}}
    everything, groups, few = await result(
        into("all", measure("t", measures)),
        measure("t", measures, group_by="shop"),
        into("few", count("t", filter={"total": {"$gte": 5}})),
        answer(["{{all}}", "{{groups}}", "{{few}}"]),
        world=world,
    )
    assert everything == {"n": 4, "sum": 15, "most": 10}
    assert {each["shop"]: each["n"] for each in groups} == {"a": 2, "b": 1, None: 1}
    assert few == 2


# pages


async def test_pages_go_on_behind_a_record_whatever_changes_in_front() -> None:
    world = with_rows(*({"n": n % 3, "open": True} for n in range(7)))
    sort = [{"n": "desc"}]
    page = query("t", filter={"open": True}, sort=sort, limit=3)
    steps = (
        into("a", page),
        edit("t", "{{a[0].id}}", {"open": False}),
        into("b", {**page, "after": "{{last(a)}}"}),
        into("c", {**page, "after": "{{last(b).id}}"}),
        answer("{{pluck(concat(a, b, c), 'id')}}"),
    )
    assert await result(*steps, world=world) == [3, 6, 2, 5, 1, 4, 7]


@pytest.mark.parametrize("after", [{"x": 1}, "x", [1], True, 99])
async def test_a_page_begins_behind_a_record_of_the_table(after: Any) -> None:
    step = query("t", sort={"n": "asc"}, after="{{input.after}}")
    assert await code(step, given={"after": after}) in ("field_invalid", "record_not_found")


# filters


@pytest.mark.parametrize(
    "given", [{"$ne": None}, {"$gt": ""}, {}, [], [{"$ne": 1}], {"a": {"$exists": True}}]
)
async def test_operators_that_come_from_outside_match_nothing_but_fail(given: Json) -> None:
    world = with_rows({"token": "secret"})
    said = {"token": "{{input.token}}"}
    for step in (
        get("t", filter=said),
        query("t", filter=said),
        query("t", filter={"token": {"$in": ["{{input.token}}"]}}),
        query("t", filter={"$or": [said, {"a": 1}]}),
        claim("t", said, {"a": 1}),
        upsert("t", said, {"a": 1}),
        bulk_edit("t", said, {"a": 1}),
        delete("t", where=said),
        count("t", filter=said),
        measure("t", {"n": "count"}, filter=said),
        {"function": "edit_record", "table": "t", "where": said, "data": {"a": 1}},
    ):
        assert await code(step, world=world_of(world), given={"token": given}) == "filter_invalid"


@pytest.mark.parametrize("given", [{"$ne": None}, [1], {"id": 1}, "x", 1.5])
async def test_a_record_id_is_a_number_whatever_comes(given: Json) -> None:
    world = with_rows({"a": 1})
    for step in (get("t", record_id="{{input.n}}"), edit("t", "{{input.n}}", {"a": 2})):
        assert await code(step, world=world_of(world), given={"n": given}) == "field_invalid"


async def test_a_list_from_outside_is_a_list_of_values() -> None:
    world = with_rows({"n": 1}, {"n": 2}, {"n": 3})
    step = query("t", filter={"n": {"$in": "{{input.wanted}}"}})
    found = await result(
        step, answer("{{pluck(t, 'n')}}"), world=world, given={"wanted": [3, 1, "2"]}
    )
    assert found == [1, 3]


async def test_an_object_that_is_kept_may_hold_anything_from_outside() -> None:
    odd = {"$inc": 5, "$ne": None}
    doc = await result(add("t", {"got": "{{input.got}}"}), answer("{{t.got}}"), given={"got": odd})
    assert doc == odd
    world = with_rows({"got": 1})
    done = await ran(
        edit("t", 1, {"got": "{{input.got}}"}), world=world, given={"got": {"$inc": 5}}
    )
    assert done.docs("t") == [{"got": {"$inc": 5}}]


# declared columns


COLUMNS: dict[str, Any] = {
    "mail": {"type": "text", "required": True, "unique": True},
    "plan": {"type": "text", "enum": ["free", "team"], "default": "free"},
    "due": {"type": "datetime"},
    "n": {"type": "integer"},
}


async def test_a_new_record_gets_what_is_missing() -> None:
    world = with_rows(**COLUMNS)
    step = add("t", {"mail": "a", "due": "2026-03-01T12:00:00+02:00", "more": 1})
    doc = await result(step, answer("{{t}}"), world=world)
    assert (doc["plan"], doc["due"], doc["more"]) == ("free", "2026-03-01T10:00:00.000000Z", 1)


@pytest.mark.parametrize(
    "data",
    [{}, {"mail": None}, {"mail": 5}, {"mail": "a", "plan": "x"}, {"mail": "a", "n": 1.5},
     {"mail": "a", "due": "soon"}],
)  # fmt: skip
async def test_what_does_not_fit_is_refused_by_every_step(data: dict[str, Any]) -> None:
    world = with_rows(**COLUMNS)
    assert await code(add("t", data), world=world) == "record_invalid"
    assert (
        await code(bulk_add("t", [{"mail": "ok"}, data]), world=world_of(world)) == "record_invalid"
    )
    assert await code(upsert("t", {"x": 1}, data), world=world_of(world)) == "record_invalid"
    if data:
        world = with_rows({"mail": "z", "plan": "free"}, **COLUMNS)
        for step in (
            edit("t", 1, data),
            bulk_edit("t", {}, data),
            claim("t", {}, data),
            upsert("t", {"mail": "z"}, data),
        ):
            assert await code(step, world=world_of(world)) == "record_invalid"


async def test_dates_are_compared_as_moments() -> None:
    world = with_rows({"mail": "a", "due": "2026-03-01T10:00:00.000000Z"}, **COLUMNS)
    for where, hits in (
        ({"due": "{{input.at}}"}, 1),
        ({"due": {"$lt": "{{input.at}}"}}, 0),
        ({"due": {"$in": ["{{input.at}}"]}}, 1),
    ):
        steps = (count("t", filter=where), answer("{{count}}"))
        given = {"at": "2026-03-01T11:00:00+01:00"}
        assert await result(*steps, world=world_of(world), given=given) == hits


async def test_a_value_that_is_there_already_can_be_caught() -> None:
    world = with_rows({"mail": "a"}, **COLUMNS)
    for step in (
        add("t", {"mail": "a"}),
        bulk_add("t", [{"mail": "b"}, {"mail": "a"}]),
        bulk_add("t", [{"mail": "c"}, {"mail": "c"}]),
        upsert("t", {"n": 1}, {"mail": "a"}),
    ):
        steps = (attempt([step], [let("code", "{{error.code}}")]), answer("{{code}}"))
        done = await ran(*steps, world=world_of(world))
        assert done.result == "not_unique", step
        assert done.docs("t") == [{"mail": "a"}]


async def test_unique_values_of_the_open_segment_count_and_those_it_frees_do_not() -> None:
    world = with_rows({"mail": "a"}, **COLUMNS)
    done = await ran(add("t", {"mail": "b"}), add("t", {"mail": "b"}), world=world_of(world))
    assert done.failure.code == "not_unique"
    done = await ran(delete("t", where={"mail": "b"}), world=world_of(world))
    done = await ran(edit("t", 1, {"mail": "z"}), add("t", {"mail": "a"}), world=world_of(world))
    assert [doc["mail"] for doc in done.docs("t")] == ["z", "a"]
    done = await ran(delete("t", record_id=1), add("t", {"mail": "z"}), world=world_of(done))
    assert [doc["mail"] for doc in done.docs("t")] == ["a", "z"]


# what a failure leaves behind


async def test_a_change_that_fails_leaves_what_was_done_before_it() -> None:
    world = with_rows({"n": "x"})
    bad = edit("t", 1, {"n": {"$inc": 1}})
    steps = (
        add("u", {"a": 1}),
        attempt([bad], [let("said", "{{error.step}}")]),
        answer("{{said}}"),
    )
    done = await ran(*steps, world=world)
    assert done.result == "1/try/0"
    assert done.docs("u") == [{"a": 1}]
    failed = [entry for entry in done.entries if isinstance(entry.failure, Failed)]
    assert [entry.failure.code for entry in failed if entry.failure] == ["increase_invalid"]


async def test_fields_of_the_hub_are_not_changed() -> None:
    world = with_rows({"a": 1})
    plain, added = {"{{input.name}}": 5}, {"{{input.name}}": {"$inc": 1}}
    for name in ("id", "created_at", "updated_at"):
        for step in (
            *(edit("t", 1, fields) for fields in (plain, added)),
            *(bulk_edit("t", {}, fields) for fields in (plain, added)),
            *(claim("t", {}, fields) for fields in (plain, added)),
            *(upsert("t", {"a": 1}, fields) for fields in (plain, added)),
        ):
            assert await code(step, world=world_of(world), given={"name": name}) == "field_reserved"


async def test_the_field_that_is_increased_may_come_from_outside() -> None:
    done = await ran(
        edit("t", 1, {"{{input.name}}": {"$inc": "{{input.by}}"}}),
        world=with_rows({"clicks": 2}),
        given={"name": "clicks", "by": 3},
    )
    assert done.docs("t") == [{"clicks": 5}]


@pytest.mark.parametrize("limit", [-1, 1.5, "x", [1], True])
async def test_a_limit_is_a_number_of_records(limit: Any) -> None:
    for step in (query("t", limit="{{input.n}}"), claim("t", {}, {"a": 1}, limit="{{input.n}}")):
        assert await code(step, given={"n": limit}) == "field_invalid"
