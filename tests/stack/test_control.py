"""Choosing, catching, ending: which steps run, what they see, and how a run goes on from there."""

from typing import Any

import pytest

from hub.errors import InvalidError, OutboundError, StoreError
from hub.model.segment import Segment
from hub.run import execute as execution
from tests.stack.make import (
    BREAK,
    CONTINUE,
    STOP,
    add,
    answer,
    ask,
    at_once,
    attempt,
    call,
    choose,
    each,
    edit,
    get,
    into,
    let,
    note,
    only_if,
    parallel,
    query,
    repeat,
    run_task,
    sleep,
    switch,
    throw,
)
from tests.stack.world import World, ran, task_of

TRY, CATCH, LAST = note("'try'"), note("'catch'"), note("'last'")
SEEN = answer("{{seen}}")


async def seen(*steps: Any, world: World | None = None, given: Any = None) -> Any:
    """What a run of these steps has noted, in order."""
    return (await ran(let("seen", []), *steps, SEEN, world=world, given=given)).result


# conditional


@pytest.mark.parametrize("yes", ["true_stack", "true_functions", "true_steps"])
@pytest.mark.parametrize("no", ["false_stack", "false_functions", "false_steps"])
@pytest.mark.parametrize("name", ["conditional", "if", "Conditional"])
async def test_a_conditional_may_be_written_as_other_tools_do(name: str, yes: str, no: str) -> None:
    step = {"function": name, yes: [let("a", "yes")], no: [let("a", "no")]}
    for condition, took in ((True, "yes"), (False, "no")):
        world = await ran({**step, "condition": condition}, answer("{{a}}"))
        assert world.result == took


# switch


@pytest.mark.parametrize(
    ("value", "took"),
    [
        ("mail", "mail"),
        ("MAIL", None),
        (" mail", None),
        (5, "5"),
        (5.0, "5"),
        ("5", "5"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        ("true", "true"),
        (None, ""),
        ("", ""),
        ("{{missing}}", ""),
        (["a"], '["a"]'),
        ({"a": 1}, '{"a":1}'),
        ("a/b~c", "a/b~c"),
        ("größer\nals", "größer\nals"),
        (12345678901234567890123, "12345678901234567890123"),
    ],
)
async def test_a_switch_takes_the_case_that_is_the_value_as_text(value: Any, took: Any) -> None:
    names = ["mail", "5", "0.5", "true", "false", "", '["a"]', '{"a":1}', "a/b~c", "größer\nals",
             "12345678901234567890123"]  # fmt: skip
    cases = {name: [let("took", name), add("t", {})] for name in names}
    world = await ran(switch(value, cases=cases), answer("{{took}}"))
    assert world.result == took
    paths = [entry.path for entry in world.entries if entry.function == "add_record"]
    assert len(paths) == (took is not None)


async def test_a_value_without_a_case_takes_the_default() -> None:
    step = switch("{{kind}}", cases={"a": [let("took", "a")]}, default=[let("took", "other")])
    for kind, took in (("a", "a"), ("b", "other"), (None, "other")):
        assert (await ran(step, answer("{{took}}"), given={"kind": kind})).result == took


async def test_a_value_without_case_and_default_is_passed_over_and_the_timeline_says_so() -> None:
    long = "x" * 500
    world = await ran(switch("{{kind}}", cases={"a": []}), answer(1), given={"kind": long})
    assert world.result == 1
    [noted] = [entry for entry in world.entries if entry.note]
    assert (noted.path, noted.function) == ("0/default", "switch")
    assert noted.note == f"No case fits {'x' * 100!r}, and no default."


async def test_an_empty_case_is_a_case() -> None:
    world = await ran(switch("a", cases={"a": []}, default=[throw()]), answer(1))
    assert world.result == 1
    assert not any(entry.note for entry in world.entries)


# try_catch


async def test_where_nothing_fails_nothing_is_caught() -> None:
    assert await seen(attempt([TRY], [CATCH], [LAST])) == ["try", "last"]


async def test_a_failure_is_caught_and_what_went_before_stays() -> None:
    world = await ran(
        attempt(
            [add("t", {"n": 1}), add("t", "{{null}}"), add("t", {"n": 2})], [add("t", {"n": 3})]
        ),
        answer(1),
    )
    assert world.result == 1
    assert world.docs("t") == [{"n": 1}, {"n": 3}]


async def test_an_error_says_what_happened_and_where() -> None:
    failing = choose(True, [add("t", "{{null}}")])
    world = await ran(attempt([let("a", 1), failing], [let("caught", "{{error}}")]),
                      answer(["{{caught}}", "{{error}}"]))  # fmt: skip
    assert world.result == [
        {
            "message": "'data' must be an object and came out as null.",
            "code": "field_invalid",
            "step": "0/try/1/true/0",
            "status": None,
            "body": None,
        },
        None,
    ]


async def test_an_error_of_one_s_own_has_its_message_and_code() -> None:
    for step, expected in (
        (throw("{{a}} is gone", code="no_{{a}}"), ["7 is gone", "no_7"]),
        (throw("x"), ["x", "thrown"]),
        (throw("x", code=None), ["x", "thrown"]),
        (throw("x", code=""), ["x", "thrown"]),
        (throw("x", code=404), ["x", "404"]),
        (throw(None), ["A step threw an error without a message.", "thrown"]),
        (throw({"a": 1}), ['{"a":1}', "thrown"]),
        (throw("y" * 20_000, code="z" * 200), ["y" * 10_000, "z" * 100]),
    ):
        caught = [let("caught", ["{{error.message}}", "{{error.code}}"])]
        world = await ran(attempt([step], caught), answer("{{caught}}"), given={"a": 7})
        assert world.result == expected


async def test_an_error_that_nobody_catches_fails_the_run_at_its_step() -> None:
    failure = (await ran(choose(True, [throw("Sold out.", code="sold_out")]))).failure
    assert (failure.code, failure.message, failure.step) == ("sold_out", "Sold out.", "0/true/0")


async def test_tries_inside_each_other_each_have_an_error_of_their_own() -> None:
    codes = note("error.code")
    inner = attempt([throw(code="inner")], [codes], [codes])
    outer = attempt([throw(code="outer")], [codes, inner, codes], [note("error")])
    assert await seen(outer, note("error")) == ["outer", "inner", "outer", "outer", None, None]


async def test_a_catch_that_fails_is_caught_by_the_try_around_it() -> None:
    inner = attempt([throw("first", code="a")], [throw("{{error.message}}, second", code="b")],
                    [LAST])  # fmt: skip
    outer = attempt([inner, TRY], [note("error.message"), note("error.step")])
    assert await seen(outer) == ["last", "first, second", "1/try/0/catch/0"]


async def test_a_try_without_a_catch_goes_on_after_a_failure() -> None:
    assert await seen(attempt([throw()]), note("1")) == [1]


WAYS_OUT = {
    "nothing": ([TRY], [], ["try", "last", "after"]),
    "failure": ([throw()], [CATCH], ["catch", "last", "after"]),
    "break": ([BREAK], [], ["last"]),
    "continue": ([CONTINUE], [], ["last", "last"]),
    "break from the catch": ([throw()], [BREAK], ["last"]),
    "continue from the catch": ([throw()], [CONTINUE], ["last", "last"]),
}


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_what_comes_last_runs_on_every_way_out(way: str) -> None:
    steps, caught, expected = WAYS_OUT[way]
    rounds = [1, 2] if "continue" in way else [1]
    assert await seen(each(rounds, attempt(steps, caught, [LAST]), note("'after'"))) == expected


async def test_what_comes_last_runs_before_the_task_stops_too() -> None:
    for steps, caught in (([STOP], []), ([throw()], [STOP])):
        world = await ran(attempt(steps, caught, [add("t", {"last": True})]), throw())
        assert world.docs("t") == [{"last": True}]
        assert world.result is None


async def test_what_comes_last_runs_although_the_catch_fails_and_may_fail_itself() -> None:
    world = await ran(attempt([throw("1")], [throw("2")], [add("t", {})]))
    assert (world.failure.message, world.docs("t")) == ("2", [{}])
    world = await ran(attempt([throw("1")], [throw("2")], [throw("3")]))
    assert (world.failure.message, world.failure.step) == ("3", "0/finally/0")
    assert await seen(each([1], attempt([CONTINUE], [], [BREAK])), note("1")) == [1]


async def test_a_limit_of_the_run_is_not_caught_and_nothing_comes_last() -> None:
    world = World(loaded={"shop/deep": task_of(call("deep"))})
    endless = repeat(True, let("a", 1))
    for steps, code in (([endless], "limit_steps"), ([call("deep")], "limit_depth")):
        world.ending = None
        world.rows.clear()
        await ran(attempt(steps, [add("t", {})], [add("t", {})]), world=world)
        assert (world.failure.code, world.docs("t")) == (code, [])


async def test_a_lost_lease_is_not_caught() -> None:
    world = World(meddle={0: lambda world: setattr(world, "fence", 9)})
    await ran(attempt([add("t", {}), query("t")], [let("a", 1)], [add("t", {})]), world=world)
    assert (world.ending, world.segments) == (None, [])


async def test_what_the_store_refuses_is_not_caught() -> None:
    def refuse(segment: Segment) -> Exception | None:
        return InvalidError("Too odd.", code="store_refused") if segment.added else None

    world = World(refuse=refuse)
    await ran(attempt([add("t", {}), query("t")], [let("a", 1)], [let("b", 1)]), world=world)
    assert (world.failure.code, world.docs("t")) == ("store_refused", [])


async def test_a_store_that_does_not_answer_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = []

    async def give_back(_: object, run: object) -> None:
        given_back.append(run)

    monkeypatch.setattr(execution.Executor, "_give_back", give_back)
    world = World(refuse=lambda _: StoreError("Gone."))
    await ran(attempt([add("t", {}), query("t")], [let("a", 1)], [let("b", 1)]), world=world)
    assert len(given_back) == 1
    assert (world.ending, world.segments) == (None, [])


async def test_a_run_that_is_parked_inside_a_try_leaves_it_alone() -> None:
    world = World()
    await ran(attempt([add("t", {}), sleep(60)], [add("caught", {})], [add("last", {})]),
              world=world)  # fmt: skip
    assert world.ending is None
    assert world.due_us is not None
    assert [world.docs(table) for table in ("t", "caught", "last")] == [[{}], [], []]


# stop


async def test_stop_ends_the_task_and_it_has_succeeded() -> None:
    for steps in ([STOP], [choose(True, [STOP])], [each([1], STOP)], [repeat(True, STOP)]):
        world = await ran(add("t", {"n": 1}), answer(5), *steps, add("t", {"n": 2}))
        assert (world.result, world.docs("t")) == (5, [{"n": 1}])


async def test_stop_inside_a_task_that_a_run_calls_ends_that_task_only() -> None:
    called = task_of(answer("half"), STOP, throw())
    world = World(loaded={"shop/called": called})
    steps = [into("a", run_task("called")), into("b", call("called")), answer(["{{a}}", "{{b}}"])]
    assert (await ran(*steps, world=world)).result == ["half", "half"]


async def test_stop_inside_a_branch_ends_the_run_when_the_others_have_ended() -> None:
    world = World()
    world.have("u", n=1)
    stops = [get("u", record_id=1), STOP]
    await ran(parallel(stops, [query("u"), query("u"), add("t", {})]), throw(), world=world)
    assert world.docs("t") == [{}]
    assert world.result is None


# break and continue


async def test_break_ends_the_loop_and_continue_the_round() -> None:
    steps = [
        only_if("{{loop_item == 2}}", CONTINUE),
        choose("{{loop_item == 4}}", [attempt([BREAK])]),
        note("loop_item"),
    ]
    assert await seen(each([1, 2, 3, 4, 5], *steps), note("'on'")) == [1, 3, "on"]


async def test_they_mean_the_innermost_loop() -> None:
    inner = each(["a", "b"], only_if("{{loop_item == 'b'}}", BREAK), note("loop_item"))
    assert await seen(each([1, 2], inner, note("loop_item"))) == ["a", 1, "a", 2]


async def test_they_leave_a_while_loop_too() -> None:
    steps = [
        let("n", "{{n + 1}}"),
        only_if("{{n % 2 == 0}}", CONTINUE),
        only_if("{{n > 6}}", BREAK),
        note("n"),
    ]
    assert await seen(repeat(True, *steps)) == [1, 3, 5]


async def test_break_in_rounds_side_by_side_lets_no_further_one_begin() -> None:
    made = at_once("{{range(0, 9)}}", let("n", "{{loop_item}}"), get("t"),
                   only_if("{{n == 1}}", BREAK), let("whole", True), most=2)  # fmt: skip
    world = await ran(into("made", made), answer("{{made}}"))
    begun = [each for each in world.result if each is not None]
    assert begun[:2] == [{"n": 0, "t": None, "whole": True}, {"n": 1, "t": None}]
    assert len(begun) <= 3
    assert world.result[len(begun) :] == [None] * (10 - len(begun))


async def test_continue_in_rounds_side_by_side_ends_that_round_only() -> None:
    made = at_once([1, 2, 3], let("n", "{{loop_item}}"), only_if("{{n == 2}}", CONTINUE),
                   let("whole", True))  # fmt: skip
    world = await ran(into("made", made), answer("{{made}}"))
    assert world.result == [{"n": 1, "whole": True}, {"n": 2}, {"n": 3, "whole": True}]


async def test_break_in_a_branch_means_the_loop_around_all_branches() -> None:
    branches = parallel([get("u"), BREAK], [query("u"), add("t", {"n": "{{loop_item}}"})])
    world = await ran(let("seen", []), each([1, 2], branches, note("1")), SEEN)
    assert (world.result, world.docs("t")) == ([], [{"n": 1}])


@pytest.mark.parametrize("step", [BREAK, CONTINUE])
async def test_outside_any_loop_they_fail_the_run(step: dict[str, Any]) -> None:
    for steps, path in (
        ([step], "1"),
        ([choose(True, [step])], "1/true/0"),
        ([attempt([step], [let("a", 1)])], "1/try/0"),
        ([parallel([step], [let("a", 1)])], "1/0/0"),
    ):
        world = await ran(add("t", {}), *steps, add("t", {}))
        failure = world.failure
        assert (failure.code, failure.step) == ("outside_loop", path)
        assert failure.message == (
            f"{step['function']!r} stands outside any loop: put it into one, or use 'stop'."
        )
        assert len(world.docs("t")) == 1


@pytest.mark.parametrize("step", [BREAK, CONTINUE])
async def test_a_task_does_not_break_off_the_loop_of_its_caller(step: dict[str, Any]) -> None:
    world = World(loaded={"shop/called": task_of(step)})
    await ran(each([1, 2], attempt([run_task("called")], [note("error.step")])), SEEN, world=world)
    assert world.result == ["0/0/0/try/0/0", "0/1/0/try/0/0"]


# the time that a step has


def slow_world(**fields: Any) -> World:
    """One in which every look at the clock takes 20 ms."""
    return World(tick_us=20_000, **fields)


@pytest.mark.parametrize("time", [{"timeout": 200}, {"timeout_s": 0.2}, {"timeout": "{{t}}"}])
async def test_what_has_not_begun_in_time_fails(time: dict[str, Any]) -> None:
    many = {**each(list(range(50)), add("t", {})), **time}
    world = await ran(attempt([many], [let("caught", "{{error}}")]), answer("{{caught}}"),
                      world=slow_world(), given={"t": 200})  # fmt: skip
    assert world.result["code"] == "timeout"
    assert world.result["message"].startswith("The time for this is over (timeout)")
    assert world.result["step"].startswith("0/try/0/")
    assert 0 < len(world.docs("t")) < 20


async def test_the_time_of_what_stands_around_a_step_counts_too() -> None:
    inner = {**each(list(range(50)), let("a", 1)), "timeout": 100_000}
    outer = {**choose(True, [inner]), "timeout": 200}
    failure = (await ran(outer, world=slow_world())).failure
    assert (failure.code, failure.step is not None) == ("timeout", True)


async def test_a_step_s_time_is_no_longer_that_of_what_comes_after_it() -> None:
    quick = {**let("a", 1), "timeout": 100}
    world = await ran(quick, each(list(range(20)), let("a", 1)), answer(1), world=slow_world())
    assert world.result == 1


@pytest.mark.parametrize(
    "time",
    [
        {"timeout": -1},
        {"timeout": "soon"},
        {"timeout": None},
        {"timeout_s": True},
        {"timeout_s": []},
        {"timeout_s": 1e12},
    ],
)
async def test_a_time_that_is_none_is_refused(time: dict[str, Any]) -> None:
    [name] = time
    failure = (await ran({**let("a", 1), **time})).failure
    assert failure.code == "field_invalid"
    assert failure.message.startswith(f"'{name}' must be a number from 0 to ")


async def test_a_wait_that_ends_after_the_time_around_it_fails_at_once() -> None:
    world = World()
    waiting = {**choose(True, [sleep(60), add("t", {})]), "timeout_s": 30}
    await ran(attempt([waiting], [let("caught", "{{error.code}}")]), answer("{{caught}}"),
              world=world)  # fmt: skip
    assert (world.result, world.docs("t"), world.due_us) == ("timeout", [], None)


async def test_a_step_that_was_too_late_is_too_late_when_the_run_is_resumed() -> None:
    late = {**each(list(range(50)), let("a", 1)), "timeout": 200}
    steps = [attempt([late, add("whole", {})], [add("caught", {}), sleep(60)]), answer(1)]
    world = slow_world()
    await ran(*steps, world=world)
    world.resume()
    world.tick_us = 1  # nothing is slow any more
    await ran(*steps, world=world)
    assert world.result == 1
    assert (world.docs("caught"), world.docs("whole")) == ([{}], [])


async def test_a_run_may_work_for_so_long_at_a_time() -> None:
    world = World(tick_us=1_000_000, clock_us=0)
    many = each(list(range(10_000)), let("a", 1))
    await ran(attempt([many], [add("caught", {})]), world=world)
    assert world.failure.code == "limit_time"
    assert "background_task" in world.failure.message
    assert world.docs("caught") == []
    assert 3_600_000_000 <= world.clock_us < 3_700_000_000


async def test_a_step_that_is_passed_over_needs_no_time() -> None:
    def nobody(_: object) -> Any:
        raise OutboundError("Nobody answers.", code="connect_failed")

    step = {**only_if("{{no}}", ask()), "timeout": 0}
    world = await ran(step, answer(1), world=World(answer=nobody))
    assert (world.result, world.wishes) == (1, [])


async def test_changes_before_a_failed_step_and_in_its_catch_build_on_each_other() -> None:
    world = World()
    world.have("t", n=1)
    await ran(
        attempt([edit("t", 1, {"a": 1}), throw()], [edit("t", 1, {"b": "{{t.a}}"})]), world=world
    )
    assert world.docs("t") == [{"n": 1, "a": 1, "b": 1}]
