"""Other tasks: started to work on their own, or run inside this run as a part of it."""

import re
from typing import Any

import pytest

from hub.errors import InvalidError
from hub.model.json import dumps_text, loads
from hub.model.segment import Segment
from hub.model.time import to_iso
from hub.stack.patience import MAX_WAIT_S
from hub.stack.steps.tasks import MAX_CHAIN
from hub.stack.turn import MAX_DEPTH
from tests.stack.make import (
    add,
    answer,
    ask,
    attempt,
    call,
    choose,
    deliver,
    each,
    into,
    let,
    note,
    only_if,
    parallel,
    query,
    repeat,
    run_task,
    sleep,
    start,
    switch,
    throw,
)
from tests.stack.world import (
    MORNING_US,
    RUN_ID,
    CrashNow,
    World,
    execute,
    lived,
    ran,
    received,
    task_named,
    task_of,
)

ECHO = answer({"input": "{{input}}"})


# started to work on their own


@pytest.mark.parametrize(
    ("at", "delay_us"),
    [
        ("{{add_seconds(now(), 90)}}", 90_000_000),
        ("{{add_days(now(), 14)}}", 14 * 86_400_000_000),
        ("{{now()}}", 0),
        ("{{subtract_days(now(), 1)}}", 0),
        ("2001-01-01T00:00:00Z", 0),
        (1_000_000_000, 0),
    ],
)
async def test_a_task_may_start_at_a_date_and_at_once_if_that_is_past(
    at: Any, delay_us: int
) -> None:
    world = await ran(start(at=at))
    [run] = world.runs
    assert run.delay_us == delay_us
    assert run.chain_depth == (0 if delay_us else 1)


async def test_a_date_is_read_in_every_form_that_dates_have() -> None:
    due_us = MORNING_US + 3_600_000_000
    for at in (to_iso(due_us), due_us // 1_000_000, due_us // 1000):
        [run] = (await ran(start(at=at))).runs
        assert run.delay_us == pytest.approx(3_600_000_000, abs=1000)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (start(at=None), "'at' must be a date and came out as null"),
        (start(at="{{missing}}"), "'at' must be a date and came out as null"),
        (start(at="soon"), "This text is no date"),
        (start(at=[]), "date"),
        (start(at="{{add_years(now(), 11)}}"), "'at' must be at most ten years away."),
        (start(delay=MAX_WAIT_S + 1), "'delay' must be at most ten years away."),
        (start(delay="60"), "'delay' must be a number of seconds."),
    ],
)
async def test_a_time_that_is_none_starts_nothing(step: dict[str, Any], message: str) -> None:
    world = await ran(step)
    assert message in world.failure.message
    assert world.runs == []


async def test_a_delay_and_a_date_exclude_each_other() -> None:
    with pytest.raises(InvalidError, match="Give either 'delay' or 'at'"):
        await ran(start(delay=1, at="{{now()}}"))


async def test_the_longest_delay_is_ten_years() -> None:
    [run] = (await ran(start(delay=MAX_WAIT_S))).runs
    assert run.delay_us == MAX_WAIT_S * 1_000_000


@pytest.mark.parametrize("name", ["data", "context", "parameters", "input"])
async def test_the_input_may_be_called_as_other_tools_do(name: str) -> None:
    world = World()
    world.load("shop/ship", ECHO)
    [run] = (await ran(start(**{name: {"n": "{{n}}"}}), given={"n": 1}, world=world)).runs
    assert run.input == '{"n":1}'
    step = {"function": "run_task", "task": "ship", name: {"n": 2}, "as": "a"}
    assert (await ran(step, answer("{{a.input}}"), world=World(loaded=world.loaded))).result == {
        "n": 2
    }


async def test_a_started_task_may_have_a_key() -> None:
    keys = ["order-{{n}}", "{{n}}", 5]
    world = await ran(*(start(idempotency_key=key) for key in keys), given={"n": 7})
    assert [run.idempotency_key for run in world.runs] == ["order-7", "7", "5"]


@pytest.mark.parametrize("key", ["", "ü", "a\nb", "x" * 201, True, None, ["a"], 1.5])
async def test_a_key_that_is_none_starts_nothing(key: Any) -> None:
    world = await ran(start(idempotency_key=key))
    assert world.failure.message.startswith("'idempotency_key' must be")
    assert world.runs == []


async def test_who_asked_travels_along_and_the_request_does_not() -> None:
    auth = {"kind": "jwt", "user": {"id": "ada"}}
    context = dumps_text({"auth": auth, "request": {"method": "POST"}})
    task = task_of(start(), answer(["{{auth.user.id}}", "{{request.method}}"]))
    world = await execute(World(), task, context=context)
    [run] = world.runs
    assert run.context is not None
    assert loads(run.context) == {"auth": auth}
    assert world.result == ["ada", "POST"]
    [plain] = (await ran(start())).runs
    assert plain.context is None


# keys that are handed on


PAY = ask("https://pay.example.com/", data={"cents": 5})


def key_of(world: World, place: int = -1) -> str:
    """The idempotency key that a request carried."""
    return dict(world.wishes[place].request.headers)["idempotency-key"]


async def test_a_payment_that_is_tried_again_by_the_task_itself_carries_the_same_key() -> None:
    again = start("main", data={"n": "{{n + 1}}"}, delay=60)
    task = task_of(let("n", "{{input.n || 0}}"), attempt([PAY], [again]))
    world = await execute(World(), task)
    first = key_of(world)
    for _ in range(3):
        [run] = world.runs
        second = await execute(World(), task, id="run_another", context=run.context)
        assert key_of(second) == first == f"{RUN_ID}:1/try/0"
        world = second


@pytest.mark.parametrize(
    "steps",
    [
        [start("main")],
        [attempt([PAY], [start("ship")])],
        [attempt([throw()], [], [start("main")])],
        [attempt([throw()]), start("main")],
        [switch("catch", cases={"catch": [start("main")]})],
        [{"function": "parallel", "stacks": {"catch": [start("main")]}}],
    ],
)
async def test_keys_are_handed_on_by_nothing_else(steps: list[Any]) -> None:
    [run] = (await ran(*steps)).runs
    assert run.context is None


async def test_a_branch_of_a_catch_hands_keys_on_too() -> None:
    [run] = (await ran(attempt([throw()], [parallel([start("main")])]))).runs
    assert run.context is not None


async def test_a_task_that_is_called_in_a_catch_hands_on_no_keys_of_its_caller() -> None:
    world = World()
    world.load("shop/called", start("called"), start("main"))
    await ran(attempt([throw()], [call("called")]), world=world)
    assert [run.context for run in world.runs] == [None, None]


async def test_a_task_that_was_called_hands_its_own_keys_on() -> None:
    pays = [attempt([PAY], [start("pay", data={}, delay=60)])]
    world = World()
    called = world.load("shop/pay", *pays)
    await ran(let("a", 1), each([1], call("pay", n=1)), world=world)
    [run] = world.runs
    again = await execute(World(), called, id="run_another", context=run.context)
    assert key_of(again) == key_of(world) == f"{RUN_ID}:1/0/0/0/try/0"


async def test_a_key_goes_into_a_header_whatever_its_path_looks_like() -> None:
    odd = "ä \n" * 100
    deep: Any = [deliver(1), PAY]
    for _ in range(20):
        deep = [choose(True, deep)]
    world = World(answer=lambda wish: received())
    steps = [switch(odd, cases={odd: [deliver(1), PAY]}), *deep]
    await ran(*steps, deliver(2), world=world)
    keys = [each.idempotency_key for each in world.deliveries]
    keys += [key_of(world, 0), key_of(world, 1)]
    assert len(set(keys)) == 5
    assert all(re.fullmatch(r"[!-~]{1,200}", key) and key.startswith(RUN_ID) for key in keys)
    again = await ran(*steps, deliver(2), world=World(answer=lambda wish: received()))
    assert [each.idempotency_key for each in again.deliveries] == keys[:3]


# run inside this run


async def test_a_called_task_gives_what_it_answers_and_null_without() -> None:
    world = World()
    world.load("shop/double", answer("{{input.n * 2}}"), add("t", {"n": "{{n}}"}))
    world.load("shop/silent", let("a", 1))
    await ran(
        into("a", run_task("double", {"n": 4})),
        into("b", call("double", n="{{a}}")),
        into("c", call("silent")),
        answer(["{{a}}", "{{b}}", "{{c}}"]),
        world=world,
    )
    assert world.result == [8, 16, None]
    assert world.docs("t") == [{"n": 4}, {"n": 8}]


async def test_a_called_task_has_names_of_its_own() -> None:
    world = World()
    names = ["{{a}}", "{{n}}", "{{loop_item}}", "{{loop_index}}", "{{error.code}}", "{{t.id}}"]
    world.load("shop/called", answer(names), let("a", 2), add("t", {}))
    inside = each(["item"], into("seen", run_task("called", {"n": 3})))
    steps = [let("a", 1), add("t", {}), attempt([throw()], [inside])]
    after = answer(["{{seen}}", "{{a}}", "{{t.id}}", "{{n}}"])
    await ran(*steps, after, world=world, given={"n": 1})
    assert world.result == [[None, 3, None, None, None, None], 1, 1, 1]


async def test_a_task_called_by_its_name_gets_the_step_s_other_fields_as_input() -> None:
    world = World()
    world.load("shop/Send it", ECHO)
    step = call("Send it", to="{{who}}", n=1, nested={"a": ["{{who}}"]}, id="x", description="y")
    await ran(into("a", step), answer("{{a}}"), world=world, given={"who": "ada"})
    assert world.result == {"input": {"to": "ada", "n": 1, "nested": {"a": ["ada"]}}}


async def test_without_fields_it_gets_the_item_of_the_loop_or_its_caller_s_input() -> None:
    world = World()
    world.load("shop/called", answer("{{input}}"))
    got = [into("got", call("called")), note("got")]
    await ran(*got, each([{"id": 7}, "text", [1]], *got), repeat("{{length(seen) == 4}}", *got),
              answer("{{seen}}"), world=world, given={"own": 1})  # fmt: skip
    assert world.result == [
        {"own": 1},
        {"id": 7},
        {"loop_item": "text"},
        {"loop_item": [1]},
        {"own": 1},
    ]


async def test_run_task_without_data_gives_no_input() -> None:
    world = World()
    world.load("shop/called", answer("{{input}}"))
    for step in ({"function": "run_task", "task": "called"}, run_task("called", "{{missing}}")):
        world.ending = None
        world.rows.clear()
        await ran(each([1], into("a", step)), answer("{{a}}"), world=world, given={"own": 1})
        assert world.result == {}


@pytest.mark.parametrize("data", [[1], "text", 5, True])
async def test_data_that_is_no_object_calls_nothing(data: Any) -> None:
    world = World()
    world.load("shop/called", add("t", {}))
    await ran(run_task("called", data), world=world)
    assert world.failure.message.startswith("'data' must be an object and came out as")
    assert world.docs("t") == []


@pytest.mark.parametrize("task", [None, "", 5, "{{missing}}", ["called"]])
async def test_a_task_must_be_named_by_text(task: Any) -> None:
    failure = (await ran(run_task(task))).failure
    assert (failure.code, failure.step) == ("field_invalid", "0")


async def test_a_task_may_be_named_by_an_expression_and_with_its_stack() -> None:
    world = World()
    world.load("shop/called", answer("shop"))
    world.load("other/called", answer("other"))
    names = ["called", "{{which}}", "shop/called"]
    calls = [into(f"r{n}", run_task(name)) for n, name in enumerate(names)]
    await ran(*calls, into("r3", call("other/called")), answer(["{{r0}}", "{{r1}}", "{{r2}}",
              "{{r3}}"]), world=world, given={"which": "other/called"})  # fmt: skip
    assert world.result == ["shop", "other", "shop", "other"]


async def test_a_called_task_looks_for_tasks_in_its_own_stack() -> None:
    world = World()
    world.load("shop/helper", answer("shop"))
    world.load("other/helper", answer("other"))
    world.load("other/called", into("a", call("helper")), start("helper"), answer("{{a}}"))
    await ran(into("a", call("other/called")), answer("{{a}}"), world=world)
    assert world.result == "other"
    assert [run.task for run in world.runs] == ["other/helper"]


async def test_a_schema_of_the_called_task_is_held_up_before_its_first_step() -> None:
    world = World()
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    world.load("shop/called", add("t", {"n": "{{n}}"}), input=schema)
    caught = [note("error.code"), note("error.message"), note("error.step")]
    await ran(attempt([call("called", n="x")], caught), call("called", n=1), answer("{{seen}}"),
              world=world)  # fmt: skip
    code, message, step = world.result
    assert (code, step) == ("input_invalid", "0/try/0")
    assert message.startswith("The input is not what the task takes: at /n: ")
    assert world.docs("t") == [{"n": 1}]


async def test_a_failure_inside_is_told_with_its_whole_path() -> None:
    world = World()
    world.load("shop/inner", let("a", 1), choose(True, [throw("x", code="deep")]))
    world.load("shop/outer", each([1, 2], only_if("{{loop_item == 2}}", call("inner"))))
    await ran(let("a", 1), run_task("outer"), world=world)
    assert (world.failure.code, world.failure.step) == ("deep", "1/0/1/0/1/true/0")


async def test_its_steps_stand_in_the_journal_below_the_step_that_called_it() -> None:
    world = World()
    world.load("shop/called", add("t", {}), answer(1))
    await ran(run_task("called"), add("t", {}), world=world)
    assert [(entry.path, entry.function) for entry in world.entries] == [
        ("0", "run_task"),
        ("0/task?", "run_task"),
        ("0/0", "add_record"),
        ("0/1", "return_response"),
        ("1", "add_record"),
    ]


async def test_task_and_called_task_each_answer_once() -> None:
    world = World()
    world.load("shop/called", answer(2))
    await ran(answer(1), into("a", call("called")), into("b", call("called")), world=world)
    assert world.result == 1


async def test_an_answer_of_a_called_task_is_no_answer_to_an_endpoint_s_caller() -> None:
    world = World()
    world.load("shop/called", answer("inner"))
    context = dumps_text({"auth": None, "request": {"method": "POST"}})
    await execute(world, task_of(call("called"), answer("outer")), context=context)
    assert [each.body for each in world.answers] == ['"outer"']


async def test_a_called_task_sees_the_run_and_the_event_that_it_belongs_to() -> None:
    world = World(event_seen={"id": "evt_1"})
    world.load("shop/called", answer(["{{run.id}}", "{{event.id}}", "{{auth.user}}"]))
    context = dumps_text({"auth": {"user": "ada"}})
    task = task_of(into("a", call("called")), answer("{{a}}"))
    await execute(world, task, context=context)
    assert world.result == [RUN_ID, "evt_1", "ada"]


@pytest.mark.parametrize("name", ["input", "env", "run"])
async def test_a_reserved_name_for_the_result_is_refused_before_anything_is_done(name: str) -> None:
    world = World()
    world.load("shop/called", add("t", {}))
    for step in (call("called", n=1), run_task("called")):
        world.ending = None
        world.rows.clear()
        await ran(into(name, step), world=world)
        assert (world.failure.code, world.docs("t")) == ("name_reserved", [])


async def test_a_task_that_calls_itself_ends_at_the_limit_of_depth() -> None:
    world = World()
    world.load("shop/called", add("t", {}), call("called"))
    await ran(attempt([call("called")], [add("caught", {})]), world=world)
    assert world.failure.code == "limit_depth"
    assert world.failure.message == f"Stacks are nested deeper than {MAX_DEPTH}."
    assert world.failure.step == "0/try/0" + "/1" * (MAX_DEPTH - 2)
    assert len(world.docs("t")) == MAX_DEPTH - 2
    assert world.docs("caught") == []


async def test_a_task_that_calls_itself_under_a_condition_ends_as_it_should() -> None:
    world = World()
    steps = [only_if("{{n > 0}}", into("rest", call("sum", n="{{n - 1}}"))),
             answer("{{n + rest}}")]  # fmt: skip
    world.load("shop/sum", *steps)
    await ran(into("a", call("sum", n=20)), answer("{{a}}"), world=world)
    assert world.result == 210


# versions, and names that mean nothing


async def test_a_call_keeps_the_version_that_it_began_with_when_the_run_is_resumed() -> None:
    world = World(crash_at=(0, "after"))
    world.load("shop/called", add("t", {"by": "old"}), query("t"), add("t", {"by": "old"}))
    steps = [call("called"), call("called")]
    with pytest.raises(CrashNow):
        await ran(*steps, world=world)
    world.restart()
    world.load("shop/called", add("t", {"by": "new"}), query("t"), add("t", {"by": "new"}))
    await ran(*steps, world=world)
    assert [doc["by"] for doc in world.docs("t")] == ["old", "old", "new", "new"]


async def test_a_version_that_is_gone_fails_the_call() -> None:
    world = World(crash_at=(0, "after"))
    world.load("shop/called", add("t", {}), query("t"))
    with pytest.raises(CrashNow):
        await ran(call("called"), world=world)
    world.restart()
    world.loaded.clear()
    await ran(call("called"), world=world)
    assert (world.failure.code, world.failure.step) == ("task_gone", "0")


@pytest.mark.parametrize("step", [call("nothing"), run_task("nothing"), start("nothing")])
async def test_a_name_that_nothing_has_is_told_at_its_step(step: dict[str, Any]) -> None:
    failure = (await ran(let("a", 1), choose(True, [step]))).failure
    assert (failure.code, failure.step) == ("task_unknown", "1/true/0")
    assert failure.message == "There is no task 'nothing'."


@pytest.mark.parametrize("step", [call("late"), run_task("late"), start("late")])
async def test_a_name_that_meant_nothing_means_nothing_when_the_run_is_resumed(
    step: dict[str, Any],
) -> None:
    world = World()
    steps = [attempt([step, add("whole", {})], [add("caught", {}), sleep(60)]), answer(1)]
    await ran(*steps, world=world)
    world.load("shop/late", answer(1))
    world.resume()
    await ran(*steps, world=world)
    assert (world.docs("whole"), world.docs("caught"), world.runs) == ([], [{}], [])


async def test_what_a_call_was_given_is_the_same_when_the_run_is_resumed() -> None:
    for step in (
        run_task("called", {"at": "{{now()}}", "from": "{{env.REGION}}"}),
        call("called", at="{{now()}}", **{"from": "{{env.REGION}}"}),
        only_if("{{now()}}", call("called", at="{{now()}}", **{"from": "{{env.REGION}}"})),
    ):
        world = World(variables={"REGION": "north"})
        world.load("shop/called", add("t", "{{input}}"), sleep(60), add("t", "{{input}}"))
        await ran(step, world=world)
        world.resume()
        world.variables["REGION"] = "south"
        await ran(step, world=world)
        first, second = world.docs("t")
        assert first == second
        assert first["from"] == "north"


async def test_a_call_with_a_time_of_its_own_limits_what_is_inside() -> None:
    world = World(tick_us=20_000)
    world.load("shop/called", each(list(range(50)), let("a", 1)))
    step = {**call("called"), "timeout": 200}
    await ran(attempt([step], [note("error.code")]), answer("{{seen}}"), world=world)
    assert world.result == ["timeout"]


# the task that is told of a failure


FAILS = {"on_error": "ship"}


async def told(world: World, *steps: Any, given: Any = None, **fields: Any) -> list[Any]:
    """The inputs of the runs that a failed run has started."""
    task = task_named("shop/main", *steps, **FAILS, **fields)
    await execute(world, task, given=given)
    assert world.failure
    return [loads(run.input or "") for run in world.runs]


async def test_a_failed_run_starts_the_task_that_is_to_know() -> None:
    world = World()
    [given] = await told(world, add("t", {}), throw("Sold out.", code="sold_out"), given={"n": 1})
    assert given == {
        "error": {"code": "sold_out", "message": "Sold out.", "step": "1"},
        "task": "shop/main",
        "run_id": RUN_ID,
        "input": {"n": 1},
    }
    [run] = world.runs
    assert (run.task, run.parent, run.chain_depth) == ("shop/ship", RUN_ID, 1)
    assert (len(world.docs("t")), len(world.segments)) == (1, 1)


async def test_it_is_told_of_failures_before_the_first_step_too() -> None:
    schema = {"type": "object", "required": ["n"]}
    [given] = await told(World(), add("t", {}), input=schema, given={"m": 1})
    assert (given["error"]["code"], given["input"]) == ("input_invalid", {"m": 1})
    [given] = await told(World(), add("t", {}), given=[1])
    assert (given["error"]["code"], given["input"]) == ("input_invalid", [1])
    world = World()
    await execute(world, task_named("shop/main", **FAILS), input='{"x": "\\ud800"}')
    assert loads(world.runs[0].input or "")["input"] is None


async def test_it_is_told_of_what_the_store_refuses_and_of_conflicts_too() -> None:
    def refuse(segment: Segment) -> Exception | None:
        return InvalidError("Too odd.", code="store_refused") if segment.added else None

    [given] = await told(World(refuse=refuse), add("t", {}))
    assert given["error"]["code"] == "store_refused"


async def test_it_is_not_told_of_what_was_caught() -> None:
    world = World()
    await execute(world, task_named("shop/main", attempt([throw()]), **FAILS))
    assert (world.ending is not None, world.runs) == (True, [])


async def test_a_task_that_is_told_of_its_own_failures_comes_to_an_end() -> None:
    task = task_named("shop/ship", throw(), **FAILS)
    world = await execute(World(), task, chain_depth=MAX_CHAIN - 1)
    assert [run.chain_depth for run in world.runs] == [MAX_CHAIN]
    world = await execute(World(), task, chain_depth=MAX_CHAIN)
    assert (world.failure.code, world.runs) == ("thrown", [])


async def test_a_name_of_no_task_keeps_no_run_from_ending() -> None:
    task = task_named("shop/main", throw(), on_error="nobody")
    world = await execute(World(), task)
    assert (world.failure.code, world.runs) == ("thrown", [])


async def test_a_run_that_is_tried_again_tells_nobody_yet() -> None:
    task = task_named("shop/main", throw(), retry={"max": 1, "base_s": 60}, **FAILS)
    world = await execute(World(), task)
    assert (world.ending, world.runs) == (None, [])
    await lived(world, task)
    assert (world.failure.code, len(world.runs)) == ("thrown", 1)
