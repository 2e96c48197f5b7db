"""Each step: what it gives, what it binds, what it queues and what it refuses."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.errors import ExpressionError, InvalidError, StepError
from hub.model.json import loads
from hub.model.message import MAX_DATA_BYTES
from hub.model.time import to_iso
from hub.run.world import LedgerWorld
from hub.stack.scope import RESERVED
from hub.store.catalog import Variable
from tests.stack.make import (
    add,
    answer,
    choose,
    deliver,
    deliver_each,
    each,
    edit,
    get,
    into,
    let,
    only_if,
    publish,
    query,
    start,
)
from tests.stack.world import MORNING_US, RUN_ID, World, execute, ran, task_of

HUGE = 12345678901234567890123


def deepened(levels: int) -> list[dict[str, Any]]:
    """Steps that make ``deep``: so many lists inside each other."""
    return [let("deep", 1), each("{{levels}}", let("deep", ["{{deep}}"]))]


async def refusal(*steps: Any, world: World | None = None, given: Any = None) -> tuple[str, str]:
    """Code and message of what the last step fails with."""
    failed = (await ran(*steps, world=world, given=given)).failure
    assert failed.step == str(len(steps) - 1)
    return failed.code, failed.message


# records


async def test_add_record_gives_the_record_and_binds_its_table() -> None:
    world = await ran(add("orders", {"n": 1}), add("orders", {"n": 2}), answer("{{orders}}"))
    record = world.records["orders", 2]
    assert world.docs("orders") == [{"n": 1}, {"n": 2}]
    assert record.created_at == record.updated_at > MORNING_US
    now = to_iso(record.created_at)
    assert world.result == {"id": 2, "created_at": now, "updated_at": now, "n": 2}


async def test_as_takes_the_result_and_leaves_the_table_s_name_alone() -> None:
    world = World()
    world.have("stock", n=1)
    await ran(
        into("a", add("orders", {})),
        into("b", get("stock", record_id=1)),
        into("c", query("stock")),
        into("d", edit("stock", 1, {})),
        answer(["{{a.id}}", "{{b.id}}", "{{c.length}}", "{{d.id}}", "{{orders}}", "{{stock}}"]),
        world=world,
    )
    assert world.result == [1, 1, 1, 1, None, None]


async def test_a_given_created_at_is_brought_to_utc_and_kept_and_updated_at_is_the_hub_s() -> None:
    moments = {"created_at": "2024-05-06T09:08:07.5+02:00", "updated_at": "2000-01-01T00:00:00Z"}
    world = await ran(add("orders", moments), edit("orders", 1, {"n": 1}), answer("{{orders}}"))
    assert world.result["created_at"] == "2024-05-06T07:08:07.500000Z"
    assert world.result["updated_at"] > "2026"
    assert world.docs("orders") == [{"n": 1}]


@pytest.mark.parametrize(
    "moment", ["soon", 5, True, "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"]
)
async def test_a_created_at_that_is_no_moment_is_refused(moment: Any) -> None:
    code, message = await refusal(add("orders", {"created_at": moment}))
    assert (code, message) == (
        "record_invalid",
        "'created_at' must be an ISO 8601 date and time.",
    )


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (None, "null"),
        ([1], "a list"),
        ("text", "'text'"),
        (5, "'5'"),
        (True, "true or false"),
    ],
)
@pytest.mark.parametrize("step", [add("t", "{{sent}}"), edit("t", 1, "{{sent}}")])
async def test_data_that_is_no_object_is_refused(
    step: dict[str, Any], data: Any, shown: str
) -> None:
    world = World()
    world.have("t", n=1)
    code, message = await refusal(step, world=world, given={"sent": data})
    assert (code, message) == (
        "field_invalid",
        f"'data' must be an object and came out as {shown}.",
    )
    assert world.docs("t") == [{"n": 1}]


async def test_an_id_in_the_data_of_a_new_record_is_refused() -> None:
    code, message = await refusal(add("t", "{{input}}"), given={"id": 7})
    assert code == "record_invalid"
    assert "leave it out" in message


@pytest.mark.parametrize("name", ["id", "created_at", "updated_at"])
async def test_what_the_hub_sets_cannot_be_edited(name: str) -> None:
    for step in (edit("t", 1, "{{input}}"), edit("t", 1, {"{{keys(input)[0]}}": {"$inc": 1}})):
        world = World()
        world.have("t", n=1)
        assert await refusal(step, world=world, given={name: 1}) == (
            "field_reserved",
            f"{name!r} is set by the hub: leave it out of 'data'.",
        )


@pytest.mark.parametrize("table", ["", "1a", "a b", "a;b", "a" * 64, 5, None])
@pytest.mark.parametrize("step", [add("", {}), edit("", 1, {}), get(""), query("")])
async def test_a_table_s_name_is_checked(step: dict[str, Any], table: Any) -> None:
    code, message = await refusal({**step, "table": "{{input.t}}"}, given={"t": table})
    assert code == "table_invalid"
    assert "no table name" in message
    with pytest.raises(InvalidError, match="no table name") as found:
        task_of({**step, "table": table})
    assert found.value.details["problems"][0]["pointer"] == "/function_stack/0/table"


@pytest.mark.parametrize("where", ["{{x}}", {"{{x}}": 1}, {"a": [{"b": "{{x}}"}]}])
async def test_a_nul_character_is_refused_wherever_it_stands_in_a_record(where: Any) -> None:
    for step in (add("t", {"x": where}), edit("t", 1, {"x": where})):
        world = World()
        world.have("t")
        code, message = await refusal(step, world=world, given={"x": "a\0b"})
        assert (code, "NUL" in message) == ("json_unfit", True)


async def test_half_a_character_never_comes_into_a_run() -> None:
    world = await execute(World(), task_of(), input='{"x": "\\ud800"}')
    assert (world.failure.code, world.failure.step) == ("json_broken", None)


async def test_big_whole_numbers_stay_exact_on_their_way_through_a_run() -> None:
    world = await ran(
        add("t", {"n": "{{n}}", "more": "{{n + 1}}"}),
        into("again", get("t", record_id="{{t.id}}")),
        query("t"),
        deliver("{{t[0].n}}"),
        start(data={"n": "{{again.n}}"}),
        answer("{{again.more}}"),
        given={"n": HUGE},
    )
    assert world.docs("t") == [{"n": HUGE, "more": HUGE + 1}]
    assert world.deliveries[0].body == str(HUGE).encode()
    assert world.runs[0].input == f'{{"n":{HUGE}}}'
    assert world.result == HUGE + 1


async def test_what_could_not_be_read_again_is_not_kept() -> None:
    given = {"levels": list(range(198))}
    kept = await ran(
        *deepened(198), add("t", {"d": "{{deep}}"}), query("t"), answer("{{deep}}"), given=given
    )
    assert kept.result
    given["levels"].append(0)
    given["levels"].append(0)
    world = World()
    world.have("t")
    for step in (
        add("t", {"d": "{{deep}}"}),
        edit("t", 1, {"d": "{{deep}}"}),
        start(data={"d": "{{deep}}"}),
        publish({"d": "{{deep}}"}),
        answer({"d": "{{deep}}"}),
    ):
        world.ending = None
        world.rows.clear()
        code, message = await refusal(*deepened(200), step, world=world, given=given)
        assert code == "json_too_deep"
        assert "nested deeper than 200 levels" in message


async def test_edit_record_merges_at_top_level_and_binds_what_it_gives() -> None:
    world = World()
    world.have("t", a={"x": 1}, b=2, c=3)
    await ran(edit("t", "{{id}}", {"a": {"y": 1}, "b": None}), answer("{{t}}"), given={"id": "1"},
              world=world)  # fmt: skip
    record = world.records["t", 1]
    assert record.doc == {"a": {"y": 1}, "b": None, "c": 3}
    assert (record.created_at, record.rev) == (MORNING_US, 2)
    assert record.updated_at > MORNING_US
    assert world.result == record.as_fields()


async def test_edit_record_never_replaces_a_list_or_another_record() -> None:
    world = World()
    world.have("t", n=1)
    world.have("t", n=2)
    await ran(
        edit("t", 1, {"n": 10}),
        let("unbound", "{{t.n}}"),
        edit("t", 1, {"n": 11}),
        let("itself", "{{t.n}}"),
        edit("t", 2, {"n": 20}),
        let("another", "{{t.n}}"),
        get("t", record_id=None),
        edit("t", 2, {"n": 21}),
        let("empty", "{{t.n}}"),
        query("t"),
        edit("t", 2, {"n": 22}),
        answer(["{{unbound}}", "{{itself}}", "{{another}}", "{{empty}}", "{{t[1].n}}"]),
        world=world,
    )
    assert world.result == [10, 11, 11, 21, 21]
    assert world.docs("t") == [{"n": 11}, {"n": 22}]


@pytest.mark.parametrize(
    ("record_id", "shown"),
    [
        (None, "null"),
        ("{{missing}}", "null"),
        (7, "7"),
        (0, "0"),
        (-1, "-1"),
        (2**63, str(2**63)),
        ("7", "7"),
        (True, "True"),
    ],
)
async def test_editing_a_record_that_is_not_there_raises(record_id: Any, shown: str) -> None:
    world = World()
    world.have("t")
    code, message = await refusal(edit("t", record_id, {"n": 1}), world=world)
    assert (code, message) == ("record_not_found", f"There is no record {shown} in t.")


async def test_get_record_gives_one_record_by_its_id() -> None:
    world = World()
    world.have("t", n=1)
    for record_id in (1, "1", 1.0, "{{one}}"):
        world.ending = None
        world.rows.clear()
        await ran(get("t", record_id=record_id), answer("{{t.n}}"), given={"one": 1}, world=world)
        assert world.result == 1


@pytest.mark.parametrize(
    "record_id", [None, "{{missing}}", "{{null}}", 0, -1, 2, 2**63, 1e300, False, "9" * 19]
)
async def test_get_record_of_an_id_that_is_null_or_unknown_gives_null_never_the_first_row(
    record_id: Any,
) -> None:
    world = World()
    world.have("t", n=1)
    await ran(let("t", 5), get("t", record_id=record_id), answer(["{{t}}"]), world=world)
    assert world.result == [None]


async def test_get_record_without_an_id_gives_the_first_that_matches_or_null() -> None:
    world = World()
    for n in (1, 2, 3):
        world.have("t", n=n, odd=n % 2 == 1)
    await ran(
        into("a", get("t")),
        into("b", get("t", filter={"odd": True}, sort={"n": "desc"})),
        into("c", get("t", filter={"n": 9})),
        into("d", get("t", sort=None)),
        get("t", filter={"n": 9}),
        answer(["{{a.n}}", "{{b.n}}", "{{c}}", "{{d.n}}", "{{t}}"]),
        world=world,
    )
    assert world.result == [1, 3, None, 1, None]


async def test_query_all_records_binds_the_list_in_order_and_cut_as_asked() -> None:
    world = World()
    for n in range(5):
        world.have("t", n=n, kind="ab"[n % 2], deep={"n": n})
    some = query("t", filter={"kind": "a"}, sort=[{"n": "desc"}], limit=2, offset="{{1}}")
    counts = ["{{all.length}}", "{{far.length}}", "{{none.length}}"]
    await ran(
        query("t"),
        into("some", some),
        into("all", query("t", limit=None, offset=None, sort=None)),
        into("far", query("t", limit=10**30)),
        into("none", query("t", limit=0)),
        into("deep", query("t", filter={"deep.n": 3})),
        answer(["{{pluck(t, 'n')}}", "{{pluck(some, 'n')}}", counts, "{{pluck(deep, 'n')}}"]),
        world=world,
    )
    assert world.result == [[0, 1, 2, 3, 4], [2, 0], [5, 5, 0], [3]]


@pytest.mark.parametrize("read", [get, query])
@pytest.mark.parametrize(
    "wanted",
    [
        {"token": "{{sent}}"},
        {"token": {"$ne": "{{sent}}"}},
        {"token": {"$in": ["a", "{{sent}}"]}},
        {"token": {"$in": "{{sent}}"}},
        {"token": "{{list}}"},
        {"$or": [{"token": "x"}, {"$not": {"token": "{{sent}}"}}]},
    ],
)
async def test_an_operator_that_comes_out_of_an_expression_is_no_operator(
    read: Any, wanted: Any
) -> None:
    world = World()
    world.have("t", token="x")
    given = {"sent": {"$ne": None}, "list": [1]}
    code, message = await refusal(read("t", filter=wanted), world=world, given=given)
    assert code == "filter_invalid"
    assert "text" in message
    assert world.reads == []


@pytest.mark.parametrize("read", [get, query])
@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ("{{missing}}", ""),
        ([], ""),
        ({"{{key}}": None}, "/{{key}}"),
        ({"$or": 1}, "/$or"),
        ({"token": ["a"]}, "/token"),
        ({"token": {"a": "{{b}}"}}, "/token"),
        ({"token": {"$gt": "{{(}}"}}, "/token/$gt"),
        ({"token": {"$regex": "a"}}, "/token/$regex"),
    ],
)
def test_what_is_no_filter_is_found_when_the_stack_is_loaded(
    read: Any, wanted: Any, pointer: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        task_of(read("t", filter=wanted))
    [problem] = refusal.value.details["problems"]
    assert problem["pointer"] == f"/function_stack/0/filter{pointer}"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (get("t", record_id="{{sent}}"), "field_invalid"),
        (get("t", record_id="one {{sent}}"), "field_invalid"),
        (get("t", record_id="{{1.5}}"), "field_invalid"),
        (get("t", record_id="{{[sent]}}"), "field_invalid"),
        (edit("t", "{{sent}}", {}), "field_invalid"),
        (query("t", sort={"n": "{{sent}}"}), "sort_invalid"),
        (query("t", limit="{{sent}}"), "field_invalid"),
        (query("t", offset="{{sent}}"), "field_invalid"),
    ],
)
async def test_ids_orders_and_counts_that_are_none_are_refused(
    step: dict[str, Any], code: str
) -> None:
    assert (await refusal(step, given={"sent": {"$gt": 0}}))[0] == code


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (get("t", sort={"n": "up"}), "sort"),
        (query("t", sort="n"), "sort"),
        (query("t", limit=-1), "limit"),
        (query("t", limit=True), "limit"),
        (query("t", offset=1.5), "offset"),
        (get("t", record_id="one"), "record_id"),
        (edit("t", 1.5, {"a": 1}), "record_id"),
        (edit("t", {"$ne": None}, {"a": 1}), "record_id"),
        (add("t", None), "data"),
        (add("t", [{"a": 1}]), "data"),
        (add("t", {"id": 7, "a": "{{a}}"}), "data/id"),
        (edit("t", 1, "{a}"), "data"),
        (edit("t", 1, {"id": "{{a}}"}), "data/id"),
        (edit("t", 1, {"created_at": {"$inc": 1}}), "data/created_at"),
        (edit("t", 1, {"n": {"$inc": "1"}}), "data/n/$inc"),
        (edit("t", 1, {"n": {"$inc": None}}), "data/n/$inc"),
        (into("a", {"function": "aggregate_records", "table": "t", "measures": {}}), "measures"),
    ],
)
def test_what_is_written_out_is_refused_when_it_is_loaded(step: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        task_of(step)
    [problem] = refusal.value.details["problems"]
    assert problem["pointer"] == f"/function_stack/0/{field}"


# variables


async def test_variables_are_made_and_changed_and_may_be_named_by_expressions() -> None:
    world = await ran(
        let("a", 1),
        {"function": "update_variable", "variable": "a", "value": "{{a + 1}}"},
        {"function": "update_variable", "name": "a", "value": "{{a + 1}}"},
        into("copy", let("{{which}}", {"n": "{{a}}"})),
        answer(["{{a}}", "{{b}}", "{{copy}}"]),
        given={"which": "b"},
    )
    assert world.result == [3, {"n": 3}, {"n": 3}]


async def test_variables_and_tables_win_over_input_fields_and_reserved_names_over_all() -> None:
    world = await ran(
        into("before", let("x", "{{t}}")),
        let("a", "mine"),
        add("t", {}),
        answer(["{{before}}", "{{a}}", "{{t.id}}", "{{input.a}}", "{{run.id}}", "{{input.run}}"]),
        given={"a": "theirs", "t": "field", "run": "theirs"},
    )
    assert world.result == ["field", "mine", 1, "theirs", RUN_ID, "theirs"]


@pytest.mark.parametrize("name", [None, "", 5, ["a"], "{{missing}}"])
async def test_a_variable_s_name_must_be_text(name: Any) -> None:
    code, message = await refusal(let(name, 1))
    assert code == "field_invalid"
    assert message.startswith("'name' must be text and came out as")


@pytest.mark.parametrize("name", sorted(RESERVED))
async def test_reserved_names_are_refused_before_anything_is_done(name: str) -> None:
    for step in (
        let(name, 1),
        into(name, let("a", 1)),
        into(name, add("t", {})),
        add(name, {}),
        edit(name, 1, {}),
        get(name),
        into(name, query("t")),
        into(name, deliver(1)),
        into(name, start()),
        into(name, publish()),
    ):
        world = World()
        world.have(name)
        code, message = await refusal(step, world=world)
        assert (code, message) == (
            "name_reserved",
            f"{name!r} is a name of the hub's own: choose another one for the variable.",
        )
        assert (world.docs("t"), world.docs(name)) == ([], [{}])
        assert [world.deliveries, world.runs, world.publications, world.reads] == [[]] * 4


# choices and loops


@pytest.mark.parametrize(
    ("condition", "took"),
    [(True, "yes"), ("{{1}}", "yes"), ("no", "yes"), ("{{[]}}", "yes"), (None, "no"),
     ("{{missing}}", "no"), (0, "no"), ("", "no"), (False, "no")],
)  # fmt: skip
async def test_a_conditional_runs_one_of_its_stacks(condition: Any, took: str) -> None:
    world = await ran(choose(condition, [let("a", "yes")], [let("a", "no")]), answer("{{a}}"))
    assert world.result == took


async def test_a_conditional_may_lack_the_stack_that_it_takes() -> None:
    assert (await ran(choose(True), choose(False), answer(1))).result == 1


async def test_a_step_whose_if_does_not_hold_is_passed_over() -> None:
    world = await ran(
        let("a", 0),
        only_if("{{yes}}", let("a", 1)),
        only_if("{{no}}", let("a", 2)),
        only_if(None, let("a", 3)),
        only_if("{{no}}", add("t", "{{null}}")),
        only_if("{{no}}", each(5)),
        answer("{{a}}"),
        given={"yes": True},
    )
    assert world.result == 1
    assert not any(entry.path in ("2", "3", "4", "5") for entry in world.entries)


async def test_a_broken_if_fails_its_step() -> None:
    code, _ = await refusal(let("a", 1), only_if("{{env.X}}", let("a", 2)))
    assert code == "env_unknown"


async def test_loops_name_item_and_index_and_give_the_outer_ones_back() -> None:
    inner = each("{{loop_item}}", let("seen", "{{append(seen, [loop_index, loop_item])}}"))
    note = let("after", "{{append(after, [loop_index, loop_item])}}")
    world = await ran(
        let("seen", []),
        let("after", []),
        each([["a", "b"], ["c"], []], inner, note),
        answer(["{{seen}}", "{{after}}", "{{loop_item}}", "{{loop_index}}"]),
    )
    assert world.result == [
        [[0, "a"], [1, "b"], [0, "c"]],
        [[0, ["a", "b"]], [1, ["c"]], [2, []]],
        None,
        None,
    ]


@pytest.mark.parametrize("array", [None, "{{missing}}", []])
async def test_a_loop_over_nothing_does_nothing(array: Any) -> None:
    assert (await ran(each(array, add("t", "{{null}}")), answer(1))).result == 1


@pytest.mark.parametrize("array", [5, "text", {"a": 1}, True])
async def test_a_loop_over_what_is_no_list_is_refused(array: Any) -> None:
    assert await refusal(each(array)) == ("field_invalid", "'array' must be a list.")


async def test_a_failure_inside_is_told_with_its_whole_path() -> None:
    inside = choose("{{loop_index == 1}}", [let("a", 1), add("t", "{{null}}")])
    world = await ran(let("a", 0), each([7, 8], inside))
    assert world.failure.step == "1/1/0/true/1"


# deliveries


async def test_deliver_queues_the_payload_as_json_under_a_key_of_its_own() -> None:
    world = await ran(into("sent", deliver({"n": "{{n}}"})), answer("{{sent}}"), given={"n": "ü"})
    [delivery] = world.deliveries
    assert (delivery.destination, delivery.content_type) == ("till", "application/json")
    assert delivery.body == '{"n":"ü"}'.encode()
    assert (delivery.run_id, delivery.idempotency_key) == (RUN_ID, f"{RUN_ID}:0")
    assert world.result == {"id": delivery.id, "destination": "till", "status": "pending"}


@pytest.mark.parametrize("payload", [None, "{{missing}}", 0, False, "", [], {}])
async def test_a_payload_may_be_anything_null_too(payload: Any) -> None:
    world = await ran(deliver(payload))
    expected = None if payload == "{{missing}}" else payload
    assert [loads(delivery.body) for delivery in world.deliveries] == [expected]


async def test_deliver_items_queues_one_delivery_for_each() -> None:
    own = {**deliver_each(["x", None]), "idempotency_key": "k"}
    world = await ran(into("sent", deliver_each("{{items}}")), own, answer("{{pluck(sent, 'id')}}"),
                      given={"items": [{"n": 1}, {"n": 2}]})  # fmt: skip
    assert [(each.body, each.idempotency_key) for each in world.deliveries] == [
        (b'{"n":1}', f"{RUN_ID}:0.0"),
        (b'{"n":2}', f"{RUN_ID}:0.1"),
        (b'"x"', "k.0"),
        (b"null", "k.1"),
    ]
    assert world.result == [each.id for each in world.deliveries[:2]]


@pytest.mark.parametrize(
    ("sizes", "batch_size", "expected"),
    [
        ([10] * 5, 2, [2, 2, 1]),
        ([10] * 5, 99, [5]),
        ([], 2, []),
        ([400, 400, 400], 10, [2, 1]),
        ([5, 3000, 5], 10, [1, 1, 1]),
        ([995], 10, [1]),
    ],
)
async def test_items_go_in_batches_of_a_count_and_of_so_many_bytes(
    sizes: list[int], batch_size: int, expected: list[int]
) -> None:
    """The destination takes 1,000 bytes; what is too large goes, and is refused, by itself."""
    items = ["x" * (size - 2) for size in sizes]
    step = {**deliver_each("{{items}}"), "batch_size": batch_size}
    world = await ran(into("sent", step), answer("{{sent}}"), given={"items": items})
    assert [len(loads(each.body)) for each in world.deliveries] == expected
    assert [item for each in world.deliveries for item in loads(each.body)] == items
    assert [each["items"] for each in world.result] == expected
    keys = [each.idempotency_key for each in world.deliveries]
    assert keys == [f"{RUN_ID}:0.{n}" for n in range(len(expected))]
    assert all(len(each.body) <= 1000 or len(loads(each.body)) == 1 for each in world.deliveries)


@pytest.mark.parametrize("size", [0, -1, 1.5, "many", None])
async def test_a_batch_size_is_a_whole_number(size: Any) -> None:
    code, _ = await refusal({**deliver_each([1]), "batch_size": size})
    assert code == "field_invalid"


async def test_deliver_can_wait_for_the_end() -> None:
    step = {**deliver(1), "wait": True}
    world = await ran(into("sent", step), answer("{{sent.status}}"))
    assert world.result == "delivered"
    world = World(end_as=("dead", "Gave up."))
    code, message = await refusal({**deliver(1), "wait": "{{1 == 1}}"}, world=world)
    assert code == "not_delivered"
    assert message.endswith("is dead: Gave up.")
    assert len(world.deliveries) == 1


async def test_of_several_that_are_waited_for_each_tells_its_end() -> None:
    world = World(end_as=("dead", "Too large."))
    step = {**deliver_each([1, 2]), "wait": True}
    world = await ran(into("sent", step), answer("{{sent}}"), world=world)
    assert [(each["status"], each["reason"]) for each in world.result] == [
        ("dead", "Too large."),
    ] * 2


@pytest.mark.parametrize("items", [None, "{{missing}}", {"a": 1}, "text"])
async def test_items_that_are_no_list_are_refused(items: Any) -> None:
    world = World()
    assert await refusal(deliver_each(items), world=world) == (
        "field_invalid",
        "'items' must be a list.",
    )
    assert world.deliveries == []


async def test_keys_are_the_same_in_every_life_and_differ_from_step_to_step() -> None:
    steps = [
        deliver(1),
        deliver(1),
        each([1, 1], deliver(1), choose(True, [deliver(1)], [deliver(1)])),
        deliver_each([1, 1]),
    ]
    keys = [each.idempotency_key for each in (await ran(*steps)).deliveries]
    again = [each.idempotency_key for each in (await ran(*steps)).deliveries]
    assert keys == again
    assert len(set(keys)) == 8


@pytest.mark.parametrize("key", ["", "ü", "a\nb", "x" * 201, True, None, "{{missing}}"])
async def test_a_key_of_one_s_own_is_checked(key: Any) -> None:
    code, message = await refusal({**deliver(1), "idempotency_key": key})
    assert code == "field_invalid"
    assert message.startswith("'idempotency_key' must be")


async def test_an_unknown_destination_is_refused() -> None:
    code, message = await refusal({**deliver(1), "destination": "tlil"})
    assert (code, message) == (
        "destination_unknown",
        "There is no destination 'tlil'.",
    )
    assert (await refusal({**deliver(1), "destination": None}))[0] == "field_invalid"


# messages


async def test_realtime_publish_queues_a_message() -> None:
    world = await ran(into("said", publish({"n": "{{n}}"})), publish(), answer("{{said.id}}"),
                      given={"n": 1})  # fmt: skip
    first, second = world.publications
    assert (first.channel, first.event, first.data) == ("orders", "placed", '{"n":1}')
    assert second.data == "null"
    assert world.result == first.id != second.id


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (publish(channel="a b"), "channel_invalid"),
        (publish(channel="x" * 201), "channel_invalid"),
        (publish(channel=None), "field_invalid"),
        (publish(event="a\nb"), "message_invalid"),
        (publish(event=5), "field_invalid"),
        (publish("x" * MAX_DATA_BYTES), "too_large"),
    ],
)
async def test_a_message_that_cannot_be_published_is_refused(
    step: dict[str, Any], code: str
) -> None:
    world = World()
    assert (await refusal(step, world=world))[0] == code
    assert world.publications == []


# tasks


async def test_background_task_queues_a_run() -> None:
    world = await ran(
        into("begun", start(data={"n": "{{n}}"}, delay=1.5)),
        start("shop/ship"),
        start(data=None, delay=None),
        start(delay=-5),
        answer("{{begun}}"),
        given={"n": 1},
    )
    first = world.runs[0]
    assert (first.task, first.input, first.parent) == ("shop/ship", '{"n":1}', RUN_ID)
    assert (first.delay_us, first.chain_depth) == (1_500_000, 0)
    assert [(run.input, run.delay_us, run.chain_depth) for run in world.runs[1:]] == [
        ("{}", 0, 1)
    ] * 3
    assert world.result == {"id": first.id, "task": "shop/ship"}
    assert len({run.id for run in world.runs}) == 4


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (start("sihp"), "task_unknown"),
        (start("{{missing}}"), "field_invalid"),
        (start(data=[1]), "field_invalid"),
        (start(data="{{run.id}}"), "field_invalid"),
        (start(delay="soon"), "field_invalid"),
        (start(delay=True), "field_invalid"),
        (start(delay=1e12), "field_invalid"),
    ],
)
async def test_a_task_that_cannot_be_started_is_refused(step: dict[str, Any], code: str) -> None:
    world = World()
    assert (await refusal(step, world=world))[0] == code
    assert world.runs == []


# answers


async def test_the_steps_behind_the_answer_still_run() -> None:
    world = await ran(answer({"n": "{{n}}"}), add("t", {}), given={"n": 1})
    assert world.result == {"n": 1}
    assert world.docs("t") == [{}]


async def test_a_run_that_answers_null_has_answered() -> None:
    world = await ran(answer(None))
    assert world.ending is not None
    assert world.ending.result == "null"
    assert (await ran()).ending != world.ending


async def test_a_run_answers_once() -> None:
    for first in (None, 1, "{{missing}}"):
        assert await refusal(answer(first), answer(2)) == (
            "answered_twice",
            "The run has answered already.",
        )


# the clock, chance, and env


async def test_now_is_one_instant_within_a_step_its_if_included() -> None:
    guard = "{{[now()]}}"
    world = await ran(
        only_if(guard, add("t", {"a": "{{now()}}", "b": "{{now()}}"})),
        let("later", "{{now()}}"),
        answer(["{{t}}", "{{later}}"]),
    )
    record, later = world.result
    assert record["a"] == record["b"] == record["created_at"] == record["updated_at"] < later
    [seen] = [entry.output["now"] for entry in world.entries if entry.path == "0?"]
    assert to_iso(seen) == record["a"]


async def test_chance_differs_within_a_step_and_is_the_same_in_every_life() -> None:
    guard = "{{append([], generate_uuid())}}"
    steps = [
        only_if(guard, let("a", ["{{generate_uuid()}}", "{{generate_uuid()}}"])),
        only_if("{{now() && generate_uuid()}}", let("b", "{{[now(), generate_uuid()][1]}}")),
        each([1, 2], into("last", let("c", "{{generate_uuid()}}"))),
        answer(["{{a}}", "{{b}}", "{{c}}"]),
    ]
    first, again = (await ran(*steps)).result, (await ran(*steps)).result
    assert first == again
    assert len({*first[0], first[1], first[2]}) == 4


async def test_a_guard_and_its_step_draw_different_chances() -> None:
    steps = [
        let("a", "{{generate_uuid()}}"),
        let("b", "{{[now(), generate_uuid()][1]}}"),
        answer(["{{a}}", "{{b}}"]),
    ]
    plain = (await ran(*steps)).result
    steps[0] = only_if("{{generate_uuid()}}", steps[0])
    steps[1] = only_if("{{[now(), generate_uuid()]}}", steps[1])
    guarded = (await ran(*steps)).result
    assert len({*plain, *guarded}) == 4


async def test_env_gives_variables_and_refuses_unknown_and_secret_ones() -> None:
    world = World(variables={"REGION": "north"}, secrets={"TOKEN"})
    assert (await ran(answer("{{env.REGION}}"), world=world)).result == "north"
    for name, code in (("TOKEN", "env_secret"), ("NONE", "env_unknown")):
        for step in (
            let("a", f"{{{{env.{name}}}}}"),
            add("t", {"a": f"x{{{{env.{name}}}}}"}),
            deliver(f"{{{{env.{name}}}}}"),
            publish(f"{{{{env.{name}}}}}"),
            start(data={"a": f"{{{{env.{name}}}}}"}),
            only_if(f"{{{{env.{name}}}}}", answer(1)),
        ):
            world = World(secrets={"TOKEN"})
            assert (await refusal(step, world=world))[0] == code
            assert (world.docs("t"), world.deliveries) == ([], [])
            assert [entry.failure and entry.failure.code for entry in world.entries] == [code]


async def test_the_ledger_s_world_says_what_is_meant_by_an_unknown_name() -> None:
    catalog = SimpleNamespace(
        now=SimpleNamespace(
            destinations={"till": None}, variables={"TOKEN": Variable("x", secret=True)}
        )
    )
    rest: Any = None
    world = LedgerWorld(rest, cast(Any, catalog), rest, rest, rest, "UTC", datasets=rest)
    with pytest.raises(StepError, match="There is no destination 'tlil'; did you mean 'till'"):
        world.check_destination("tlil")
    with pytest.raises(StepError, match="There is no destination 'x': create it first"):
        world.check_destination("x")
    with pytest.raises(ExpressionError, match="'TOKEN' is secret"):
        world.variable("TOKEN")
    with pytest.raises(ExpressionError, match="PUT /v1/variables/NONE"):
        world.variable("NONE")
