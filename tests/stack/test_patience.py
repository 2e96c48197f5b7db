"""Waiting and trying again: how often, how long, and the same in all lives of a run."""

import time
from typing import Any

import pytest

from hub.errors import InvalidError
from hub.model.json import loads
from hub.stack.patience import MAX_WAIT_S, Retry
from hub.stack.ports import Received, Wish
from hub.stack.task import Task
from tests.stack.make import (
    add,
    answer,
    ask,
    at_once,
    attempt,
    call,
    choose,
    deliver,
    each,
    edit,
    into,
    let,
    only_if,
    parallel,
    publish,
    query,
    repeat,
    run_task,
    sleep,
    throw,
)
from tests.stack.world import (
    MORNING_US,
    RUN_ID,
    World,
    execute,
    headers_of,
    lived,
    obliging,
    ran,
    received,
    task_named,
    task_of,
)

MINUTE_US = 60_000_000


def again(step: dict[str, Any], most: int = 2, **fields: Any) -> dict[str, Any]:
    """The step, tried again after minutes."""
    return {**step, "retry": {"max": most, "base_s": 60, "factor": 1, "jitter": 0, **fields}}


def failing(times: int, **fields: Any) -> World:
    """A world that answers 503 so many times, and then 200."""
    return obliging(*[received(503)] * times, received(200, {"ok": True}), **fields)


# how long


def pauses(retry: Retry, count: int) -> list[float]:
    return [retry.pause_us(n, "seed") / 1_000_000 for n in range(1, count + 1)]


def test_pauses_grow_by_their_factor_up_to_the_longest() -> None:
    plain = Retry(base_s=5, factor=2, max_s=30, jitter=0)
    assert pauses(plain, 5) == [5, 10, 20, 30, 30]
    assert pauses(Retry(base_s=0, jitter=1), 2) == [0, 0]
    assert pauses(Retry(base_s=60, factor=1, jitter=0), 3) == [60, 60, 60]
    assert Retry().pause_us(1000, "s") <= 3600 * 1_000_000
    assert Retry(max=1000, factor=100, jitter=0).pause_us(1000, "s") == 3600 * 1_000_000


def test_chance_changes_a_pause_by_its_part_and_the_same_seed_by_the_same() -> None:
    retry = Retry(base_s=100, factor=1, jitter=0.2, max_s=1000)
    several = [retry.pause_us(1, f"run:{n}") / 1_000_000 for n in range(200)]
    assert min(several) < 85
    assert max(several) > 115
    assert all(80 <= pause <= 120 for pause in several)
    assert several == [retry.pause_us(1, f"run:{n}") / 1_000_000 for n in range(200)]


def test_chance_makes_no_pause_longer_than_the_longest() -> None:
    retry = Retry(base_s=60, max_s=60, jitter=1)
    assert max(retry.pause_us(1, str(n)) for n in range(200)) <= 60_000_000


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"max": 0}, "max"),
        ({"max": 1001}, "max"),
        ({"max": "many"}, "max"),
        ({"base_s": -1}, "base_s"),
        ({"base_s": MAX_WAIT_S + 1}, "base_s"),
        ({"factor": 0.5}, "factor"),
        ({"jitter": 2}, "jitter"),
        ({"max_s": -1}, "max_s"),
        ({"tries": 3}, "tries"),
    ],
)
def test_what_is_no_policy_is_told_at_its_place(fields: dict[str, Any], name: str) -> None:
    for document in (
        lambda: task_of({**ask(), "retry": fields}),
        lambda: task_named("shop/main", retry=fields),
    ):
        with pytest.raises(InvalidError) as caught:
            document()
        [problem] = caught.value.details["problems"]
        assert problem["pointer"].endswith(f"/retry/{name}")


# how often


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_a_step_is_tried_until_it_succeeds(times: int) -> None:
    world = failing(times)
    await lived(world, task_of(again(ask(data=1)), answer("{{response.body.ok}}")))
    assert world.result is True
    assert len(world.wishes) == times + 1
    assert world.clock_us - MORNING_US == pytest.approx(times * MINUTE_US, abs=1000)


async def test_it_is_tried_so_often_again_and_no_more() -> None:
    world = failing(9)
    await lived(world, task_of(again(ask(data=1), most=3), add("never", {})))
    assert (world.failure.code, world.failure.step) == ("status_refused", "0~~3")
    assert len(world.wishes) == 4
    assert world.docs("never") == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(8))
async def test_it_is_never_tried_more_often_because_the_hub_died(number: int, when: str) -> None:
    caught = [add("t", {"step": "{{error.step}}"}), query("t")]
    task = task_of(attempt([again(ask(data=1))], caught), answer(1))
    world = failing(9, crash_at=(number, when))
    await lived(world, task)
    assert world.result == 1
    assert world.docs("t") == [{"step": "0/try/0~~2"}]
    sent_again = when == "before" and number in (1, 2, 3, 5)
    assert len(world.wishes) <= 3 + sent_again
    assert len({headers_of(wish)["idempotency-key"] for wish in world.wishes}) == 1


async def test_each_try_stands_in_the_journal_by_itself() -> None:
    world = failing(2)
    await lived(world, task_of(again(ask(data=1)), answer(1)))
    shown = [(e.path, e.function, e.failure and e.failure.code) for e in world.entries]
    assert shown == [
        ("0", "external_api_request", "status_refused"),
        ("0~~1/pause?", "pause", None),
        ("0~~1", "external_api_request", "status_refused"),
        ("0~~2/pause?", "pause", None),
        ("0~~2", "external_api_request", None),
        ("1", "return_response", None),
    ]


async def test_every_try_carries_the_same_key_and_says_what_it_says_in_all_lives() -> None:
    step = again(
        ask("https://{{env.HOST}}/", data={"id": "{{generate_uuid()}}", "at": "{{now()}}"})
    )
    bodies: list[list[bytes]] = []
    for crash_at in (None, (2, "before"), (4, "before")):
        world = failing(9, variables={"HOST": "a.example.com"}, crash_at=crash_at)
        await lived(world, task_of(only_if("{{now()}}", step)))
        assert {headers_of(wish)["idempotency-key"] for wish in world.wishes} == {f"{RUN_ID}:0"}
        said = [wish.request.body for wish in world.wishes]
        assert len(set(said)) == 3
        bodies.append([loads(each)["id"] for each in dict.fromkeys(said)])
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_variable_that_was_mended_meanwhile_counts_for_the_next_try() -> None:
    world = World(variables={}, answer=lambda wish: received())
    task = task_of(again(ask("https://{{env.HOST}}/")), answer(1))
    await execute(world, task)
    world.variables["HOST"] = "a.example.com"
    await lived(world, task)
    assert world.result == 1
    assert [wish.request.url for wish in world.wishes] == ["https://a.example.com/"]


KINDS: dict[str, Any] = {
    "conditional": lambda step: choose(True, [step]),
    "switch": lambda step: {"function": "switch", "variable": 1, "cases": {"1": [step]}},
    "for_each_loop": lambda step: each([1], step),
    "for_each_loop side by side": lambda step: at_once([1, 2], step),
    "while_loop": lambda step: repeat("{{!response}}", step),
    "parallel": lambda step: parallel([step], [let("a", 1)]),
    "try_catch": lambda step: attempt([throw()], [step]),
    "run_task": lambda step: run_task("called"),
    "a task by its name": lambda step: call("called"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_steps_that_hold_others_are_tried_again_whole(kind: str) -> None:
    world = failing(2 if kind != "for_each_loop side by side" else 4)
    world.load("shop/called", ask(data=1))
    await lived(world, task_of(again(KINDS[kind](ask(data=1))), answer(1)))
    assert world.result == 1
    assert world.clock_us - MORNING_US == pytest.approx(2 * MINUTE_US, abs=1000)
    tries = {entry.path.partition("/")[0] for entry in world.entries}
    assert tries == {"0", "0~~1", "0~~2", "1"}
    keys = [headers_of(wish)["idempotency-key"] for wish in world.wishes]
    assert len(set(keys)) == (2 if kind == "for_each_loop side by side" else 1)


async def test_what_a_step_that_is_tried_again_did_before_is_done_again() -> None:
    world = failing(1)
    await lived(world, task_of(again(choose(True, [add("t", {}), ask(data=1)])), answer(1)))
    assert (len(world.docs("t")), world.result) == (2, 1)


async def test_steps_that_only_compute_and_steps_on_records_are_tried_again() -> None:
    world = World()
    task = task_of(again(edit("t", 1, {"n": 2}), most=5), again(throw("x"), most=1))
    await execute(world, task)
    world.have("t", n=1)
    await lived(world, task)
    assert world.docs("t") == [{"n": 2}]
    assert (world.failure.message, world.failure.step) == ("x", "1~~1")
    assert world.clock_us - MORNING_US == pytest.approx(2 * MINUTE_US, abs=1000)


async def test_tries_inside_tries_multiply() -> None:
    world = failing(99)
    await lived(world, task_of(again(choose(True, [again(ask(data=1), most=2)]), most=1)))
    assert len(world.wishes) == 6
    assert world.failure.step == "0~~1/true/0~~2"


async def test_a_limit_of_the_run_is_not_tried_again() -> None:
    world = World()
    world.load("shop/deep", call("deep"))
    await ran(again(call("deep")), world=world)
    assert world.failure.code == "limit_depth"


async def test_a_step_that_leaves_the_loop_is_not_tried_again() -> None:
    stops = again(choose(True, [{"function": "stop"}]))
    assert (await ran(answer(1), stops, throw())).result == 1


async def test_without_pauses_tries_follow_at_once() -> None:
    world = failing(3)
    await ran({**ask(data=1), "retry": {"max": 5, "base_s": 0}}, answer(1), world=world)
    assert (world.result, len(world.wishes)) == (1, 4)


async def test_short_pauses_are_waited_for_and_long_ones_parked() -> None:
    step = {**ask(data=1), "retry": {"max": 2, "base_s": 0.02, "factor": 100, "jitter": 0}}
    world = failing(9, short_wait_us=2_000_000)
    begun = time.monotonic()
    await ran(step, world=world)
    assert time.monotonic() - begun >= 0.01
    world = failing(9, short_wait_us=30_000)
    await ran(step, world=world)
    assert len(world.wishes) == 2
    assert world.due_us is not None


async def test_a_failure_is_committed_before_it_is_waited() -> None:
    world = failing(1, short_wait_us=2_000_000)
    committed: list[int] = []

    def look(wish: Wish) -> Received:
        committed.append(len(world.attempts))
        return received(200 if len(committed) == 2 else 503)

    world.answer = look
    await ran({**ask(data=1), "retry": {"max": 1, "base_s": 0.01}}, world=world)
    assert committed == [0, 1]


async def test_no_try_begins_after_the_time_around_it() -> None:
    world = failing(9)
    around = {**choose(True, [again(ask(data=1))]), "timeout_s": 30}
    await lived(world, task_of(attempt([around], [let("caught", "{{error.code}}")]),
                               answer("{{caught}}")))  # fmt: skip
    assert (world.result, len(world.wishes)) == ("timeout", 1)


# tasks that are tried again


def patient(*steps: Any, **fields: Any) -> Task:
    """A task that is tried again after minutes."""
    policy = {"max": 2, "base_s": 60, "factor": 1, "jitter": 0, **fields}
    return task_named("shop/main", *steps, retry=policy)


async def test_a_task_goes_on_from_the_step_that_failed() -> None:
    task = patient(
        add("t", {"key": "{{generate_uuid()}}"}),
        let("at", "{{now()}}"),
        deliver(1),
        choose(True, [publish(1), ask(data={"key": "{{t.key}}", "at": "{{at}}"}), add("t", {})]),
        answer("{{response.body.ok}}"),
    )
    world = failing(2)
    await lived(world, task)
    assert world.result is True
    assert world.clock_us - MORNING_US == pytest.approx(2 * MINUTE_US, abs=1000)
    assert [len(world.docs("t")), len(world.deliveries), len(world.publications)] == [2, 1, 1]
    assert len(world.wishes) == 3
    assert len({(wish.request.body, *wish.request.headers) for wish in world.wishes}) == 1


async def test_a_task_is_tried_so_often_again_and_no_more() -> None:
    for crash_at in (None, (1, "before"), (1, "after"), (3, "before"), (3, "after")):
        world = failing(9, crash_at=crash_at)
        await lived(world, patient(add("t", {}), ask(data=1)))
        assert (world.failure.code, world.failure.step) == ("status_refused", "1")
        assert len(world.docs("t")) == 1
        assert len(world.wishes) in (3, 4)
        noted = [entry.note for entry in world.entries if entry.function == "retry"]
        assert noted == ["Status 503: Answered 503."] * 2


async def test_a_task_s_tries_count_over_all_its_steps() -> None:
    world = obliging(received(503), received(200), received(503), received(200), received(503))
    steps = [ask(data=n) for n in range(3)]
    await lived(world, patient(*[into(f"r{n}", step) for n, step in enumerate(steps)]))
    assert world.failure.step == "2"
    assert [loads(wish.request.body) for wish in world.wishes] == [0, 0, 1, 1, 2]


async def test_a_task_is_tried_again_after_the_tries_of_its_step() -> None:
    world = failing(99)
    step = {**ask(data=1), "retry": {"max": 2, "base_s": 0}}
    await lived(world, patient(step))
    assert world.failure.step == "0~~2"
    assert len(world.wishes) == 3 + 2


async def test_a_task_that_failed_in_a_branch_goes_on_there() -> None:
    world = failing(1)
    task = patient(parallel([into("a", add("t", {})), ask(data=1)], [into("b", add("t", {}))]),
                   answer(1))  # fmt: skip
    await lived(world, task)
    assert (world.result, len(world.docs("t")), len(world.wishes)) == (1, 2, 2)


async def test_a_task_that_calls_what_comes_later_finds_it_when_it_is_tried_again() -> None:
    world = World()
    task = patient(into("a", call("late")), answer("{{a}}"))
    await execute(world, task)
    world.load("shop/late", answer("here"))
    await lived(world, task)
    assert world.result == "here"


async def test_a_task_that_was_too_late_has_its_time_anew() -> None:
    world = World(tick_us=20_000)
    task = patient({**each(list(range(50)), let("a", 1)), "timeout": 200}, answer(1))
    await execute(world, task)
    assert world.ending is None
    world.tick_us = 1
    await lived(world, task)
    assert world.result == 1


async def test_a_limit_of_the_run_is_no_reason_to_try_the_task_again() -> None:
    world = await execute(World(), patient(repeat(True)))
    assert world.failure.code == "limit_steps"


# sleep


async def test_a_run_that_sleeps_is_parked_and_goes_on_when_it_is_due() -> None:
    task = task_of(add("t", {"n": 1}), deliver(1), sleep("{{n * 60}}"), add("t", {"n": 2}),
                   answer(1))  # fmt: skip
    world = await execute(World(), task, given={"n": 60})
    [segment] = world.segments
    assert (len(segment.added), len(segment.deliveries), segment.ending) == (1, 1, None)
    assert segment.delay_us == pytest.approx(3_600_000_000, abs=1000)
    world.clock_us += 1_000_000_000  # too early: it is parked again, for the rest
    await execute(world, task, given={"n": 60})
    assert world.segments[-1].delay_us == pytest.approx(2_600_000_000, abs=1000)
    await lived(world, task, given={"n": 60})
    assert (world.result, world.docs("t")) == (1, [{"n": 1}, {"n": 2}])
    assert [e.function for e in world.entries if e.path == "2"] == ["sleep"]


async def test_how_long_is_asked_once() -> None:
    task = task_of(sleep("{{env.PAUSE_S}}"), answer(1))
    world = await execute(World(variables={"PAUSE_S": 60}), task)
    world.variables.clear()
    await lived(world, task)
    assert world.result == 1
    assert world.clock_us - MORNING_US == pytest.approx(MINUTE_US, abs=1000)


@pytest.mark.parametrize("name", ["sleep", "wait", "Sleep"])
@pytest.mark.parametrize("field", ["seconds", "duration"])
async def test_a_sleep_may_be_written_as_other_tools_do(name: str, field: str) -> None:
    world = await ran({"function": name, field: "90"})
    assert world.due_us is not None
    assert world.due_us - MORNING_US == pytest.approx(90_000_000, abs=1000)


async def test_no_time_at_all_is_no_wait() -> None:
    assert (await ran(sleep(0), sleep(0.0), answer(1))).result == 1


async def test_a_short_sleep_is_waited_for_after_a_commit() -> None:
    world = World(short_wait_us=2_000_000)
    begun = time.monotonic()
    await ran(add("t", {}), sleep(0.05), answer(1), world=world)
    assert time.monotonic() - begun >= 0.045
    assert (world.result, world.due_us, len(world.segments)) == (1, None, 2)


@pytest.mark.parametrize("seconds", [-1, None, "soon", True, [], "{{missing}}", MAX_WAIT_S + 1])
async def test_a_time_that_is_none_is_refused(seconds: Any) -> None:
    failure = (await ran(sleep(seconds))).failure
    assert failure.code == "field_invalid"
    assert failure.message.startswith("'seconds' must be a number from 0 to 316,224,000")


def changed(world: World) -> None:
    """Another run changes the record."""
    world.change("t", 1, others=world.records["t", 1].doc["others"] + 1)


async def test_a_conflict_at_the_moment_of_parking_repeats_the_segment() -> None:
    world = World(meddle={0: changed})
    world.have("t", others=0)
    await lived(world, task_of(edit("t", 1, {"a": 1}), sleep(60), edit("t", 1, {"b": 1})))
    assert world.docs("t") == [{"others": 1, "a": 1, "b": 1}]
    assert world.ending is not None
    assert world.ending.failure is None


async def test_a_run_that_comes_further_each_time_is_not_given_up_over_conflicts() -> None:
    world = World(meddle=dict.fromkeys(range(0, 240, 2), changed))
    world.have("t", others=0)
    steps = [edit("t", 1, {"n": "{{loop_item}}"}), query("nothing"), query("t")]
    await ran(each(list(range(80)), *steps), answer(1), world=world)
    assert world.result == 1
    assert world.docs("t")[0]["n"] == 79
    assert world.tried > 120
