"""Runs: what commits together and when, how runs fail, what they read again, and their limits."""

import asyncio
from typing import Any

import pytest

from hub.errors import InvalidError, StoreError
from hub.model.run import RunStatus
from hub.model.segment import Segment
from hub.run import execute as execution
from hub.stack.interpret import StepFailed, run_steps
from hub.stack.shapes import TaskDocument
from hub.stack.start import open_turn
from hub.stack.steps.tasks import MAX_CHAIN
from hub.stack.task import Task
from hub.stack.turn import MAX_DEPTH, MAX_STEPS
from tests.stack.make import (
    add,
    answer,
    choose,
    deliver,
    each,
    edit,
    get,
    into,
    let,
    publish,
    query,
    start,
)
from tests.stack.world import World, claimed, execute, ran, task_of


def sizes(world: World) -> list[tuple[int, int]]:
    """Records added and edited by each segment."""
    return [(len(segment.added), len(segment.edited)) for segment in world.segments]


# segments


async def test_a_record_and_all_that_is_behind_it_commit_together_with_the_end() -> None:
    world = await ran(add("t", {}), start(), deliver(1), publish(), answer("{{t.id}}"))
    [segment] = world.segments
    assert [
        len(part) for part in (segment.added, segment.runs, segment.deliveries)
    ] == [1, 1, 1]  # fmt: skip
    assert len(segment.publications) == 1
    assert segment.ending is not None
    assert (segment.ending.status, segment.ending.result) == (RunStatus.SUCCEEDED, "1")


async def test_a_query_sees_what_the_run_wrote_because_it_commits_first() -> None:
    for read in (query("t"), get("t", filter={"n": 1})):
        world = await ran(add("t", {"n": 1}), deliver(1), into("seen", read), answer("{{seen}}"))
        assert sizes(world) == [(1, 0), (0, 0)]
        assert len(world.segments[0].deliveries) == 1
        assert world.result


async def test_a_query_of_another_table_commits_nothing() -> None:
    world = await ran(add("t", {}), query("u"), get("u"), get("t", record_id="{{t.id}}"))
    assert sizes(world) == [(1, 0)]


async def test_an_edit_makes_a_query_commit_too() -> None:
    world = World()
    world.have("t", n=1)
    await ran(edit("t", 1, {"n": 2}), query("t"), answer("{{t[0].n}}"), world=world)
    assert sizes(world) == [(0, 1), (0, 0)]
    assert world.result == 2


async def test_get_record_by_id_sees_the_open_segment_without_a_commit() -> None:
    world = World()
    world.have("old", n=1)
    await ran(
        add("new", {"n": 1}),
        into("a", get("new", record_id="{{new.id}}")),
        edit("old", 1, {"n": 2}),
        into("b", get("old", record_id=1)),
        answer(["{{a.n}}", "{{b.n}}"]),
        world=world,
    )
    assert world.result == [1, 2]
    assert sizes(world) == [(1, 1)]


async def test_an_edit_of_a_record_that_the_segment_adds_is_part_of_the_adding() -> None:
    world = await ran(add("t", {"a": 1, "b": 1}), edit("t", "{{t.id}}", {"b": 2}), answer("{{t}}"))
    assert sizes(world) == [(1, 0)]
    assert world.docs("t") == [{"a": 1, "b": 2}]
    record = world.records["t", 1]
    assert record.rev == 1
    assert record.created_at < record.updated_at
    assert world.result == record.as_fields()


async def test_two_edits_of_one_record_become_one() -> None:
    world = World()
    world.have("t", a=1, b=1, c=1)
    await ran(edit("t", 1, {"a": 2, "b": 2}), edit("t", 1, {"b": 3}), world=world)
    assert sizes(world) == [(0, 1)]
    assert world.docs("t") == [{"a": 2, "b": 3, "c": 1}]
    assert world.records["t", 1].rev == 2


async def test_an_edit_in_a_later_segment_builds_on_the_committed_one() -> None:
    world = World()
    world.have("t", a=1)
    await ran(edit("t", 1, {"b": 2}), query("t"), edit("t", 1, {"c": 3}), world=world)
    assert sizes(world) == [(0, 1), (0, 1)]
    assert world.docs("t") == [{"a": 1, "b": 2, "c": 3}]
    assert world.records["t", 1].rev == 3


async def test_a_segment_closes_after_a_hundred_steps() -> None:
    world = await ran(each(list(range(250)), add("t", {"n": "{{loop_item}}"})))
    assert [added for added, _ in sizes(world)] == [98, 100, 52]
    assert [doc["n"] for doc in world.docs("t")] == list(range(250))


async def test_a_segment_closes_after_fifty_milliseconds() -> None:
    steps = [add("t", {}) for _ in range(10)]
    quick, slow = await ran(*steps), await ran(*steps, world=World(tick_us=20_000))
    assert len(quick.segments) == 1
    assert len(slow.segments) > 3


async def test_steps_without_effects_commit_nothing_before_the_end() -> None:
    world = await ran(each(list(range(500)), let("a", "{{now()}}"), get("t")))
    assert len(world.segments) == 1


async def test_the_version_travels_with_each_segment() -> None:
    task = task_of(add("t", {}), query("t"))
    world = await execute(World(), task)
    assert [segment.version for segment in world.segments] == [task.version] * 2
    assert [segment.n for segment in world.segments] == [0, 1]


# failures


async def test_what_went_before_a_failing_step_is_committed_and_the_run_says_why() -> None:
    world = await ran(
        add("t", {"n": 1}),
        deliver(1),
        choose(True, [let("a", 1), add("t", "{{null}}")]),
        add("t", {}),
    )
    assert world.docs("t") == [{"n": 1}]
    assert len(world.deliveries) == 1
    failure = world.failure
    assert (failure.code, failure.step) == ("field_invalid", "2/true/1")
    assert failure.message == "'data' must be an object and came out as null."
    [segment] = world.segments
    assert segment.ending is not None
    assert segment.ending.result is None


async def test_a_failed_run_has_no_result() -> None:
    world = await ran(answer(1), add("t", "{{null}}"))
    assert world.ending is not None
    assert world.ending.result is None


async def test_an_expression_that_fails_fails_its_step() -> None:
    world = await ran(let("a", 1), let("b", "{{1 / (a - 1)}}"))
    assert world.failure.step == "1"
    assert "Division by zero" in world.failure.message


async def test_what_the_store_refuses_fails_the_run_and_leaves_nothing_of_the_segment() -> None:
    def refuse(segment: Segment) -> Exception | None:
        return InvalidError("Too odd.", code="store_refused") if segment.added else None

    world = await ran(add("t", {}), deliver(1), world=World(refuse=refuse))
    assert (world.failure.code, world.failure.message) == ("store_refused", "Too odd.")
    assert (world.docs("t"), world.deliveries) == ([], [])
    world = await ran(add("t", {}), deliver(1), query("t"), world=World(refuse=refuse))
    assert (world.failure.code, world.docs("t"), world.deliveries) == ("store_refused", [], [])


async def test_a_run_whose_lease_is_lost_writes_nothing_more() -> None:
    world = World(meddle={1: lambda world: setattr(world, "fence", 9)})
    await ran(add("t", {}), query("t"), add("t", {}), world=world)
    assert world.ending is None
    assert sizes(world) == [(1, 0)]


async def test_a_fault_of_the_hub_itself_ends_the_run_as_such() -> None:
    world = World()
    world.check_destination = lambda slug: 1 / 0  # type: ignore[assignment,method-assign]  # the fault
    await ran(add("t", {}), deliver(1), world=world)
    assert world.failure.code == "internal"
    assert world.failure.message == "The hub itself failed: ZeroDivisionError."
    assert len(world.docs("t")) == 1


async def test_a_store_that_does_not_answer_is_no_failure_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back = []

    async def give_back(_: object, run: object) -> None:
        given_back.append(run)

    monkeypatch.setattr(execution.Executor, "_give_back", give_back)
    world = await ran(add("t", {}), world=World(refuse=lambda _: StoreError("Gone.")))
    assert len(given_back) == 1
    assert (world.ending, world.segments) == (None, [])


async def test_an_input_that_is_no_object_fails_the_run() -> None:
    assert (await ran(given=[1])).failure.code == "input_invalid"


# conflicts


COUNT_UP = (
    add("log", {"n": "{{count_of}}"}),
    edit("counters", 1, {"n": "{{counters.n + 1}}"}),
    answer("{{counters.n}}"),
)


def raised(world: World) -> None:
    """Another run counts up."""
    world.change("counters", 1, n=world.records["counters", 1].doc["n"] + 1)


async def test_an_edit_that_loses_reads_the_newer_record_and_is_done_again() -> None:
    world = World(meddle={0: raised, 1: raised})
    world.have("counters", n=0)
    await ran(get("counters", record_id=1), *COUNT_UP, deliver(1), world=world)
    assert world.tried == 3
    assert world.result == 3
    assert world.docs("counters") == [{"n": 3}]
    assert (len(world.docs("log")), len(world.deliveries)) == (1, 1)


async def test_a_conflict_repeats_only_the_open_segment() -> None:
    world = World(meddle={1: raised})
    world.have("counters", n=0)
    await ran(
        add("t", {"key": "{{generate_uuid()}}"}),
        query("t"),
        get("counters", record_id=1),
        *COUNT_UP,
        world=world,
    )
    assert world.tried == 3
    assert (len(world.docs("t")), len(world.docs("log")), world.docs("counters")) == (
        1,
        1,
        [{"n": 2}],
    )
    assert [segment.n for segment in world.segments] == [0, 1]


async def test_a_conflict_in_the_middle_of_a_run_is_solved_too() -> None:
    world = World(meddle={0: raised})
    world.have("counters", n=0)
    await ran(
        get("counters", record_id=1), *COUNT_UP[:2], query("counters"), deliver(1), world=world
    )
    assert world.tried == 3
    assert world.docs("counters") == [{"n": 2}]
    assert (len(world.docs("log")), len(world.deliveries)) == (1, 1)


async def test_a_record_that_was_removed_meanwhile_fails_the_edit() -> None:
    world = World(meddle={0: lambda world: world.records.clear()})
    world.have("counters", n=0)
    await ran(edit("counters", 1, {"n": 1}), world=world)
    assert (world.failure.code, world.failure.step) == ("record_not_found", "0")


async def test_a_run_that_always_loses_ends_as_a_conflict_and_keeps_its_version() -> None:
    world = World(meddle=dict.fromkeys(range(1000), raised))
    world.have("counters", n=0)
    task = task_of(get("counters", record_id=1), *COUNT_UP)
    await execute(world, task)
    assert world.failure.code == "conflict"
    assert world.docs("log") == []
    assert world.ending is not None
    assert world.ending.version == task.version


async def test_a_run_that_begins_again_keeps_the_version_that_it_began_with() -> None:
    old = task_of(add("t", {"by": "old"}), query("t"), edit("counters", 1, {"by": "old"}))
    new = task_of(add("t", {"by": "new"}), query("t"), edit("counters", 1, {"by": "new"}))
    world = World(meddle={1: raised})
    world.have("counters", n=0)
    await execute(world, old, new)
    assert world.docs("counters") == [{"n": 1, "by": "old"}]
    assert {segment.version for segment in world.segments} == {old.version}


# limits


async def test_a_run_may_make_so_many_steps_and_no_more() -> None:
    begun = add("t", {})
    most = each(list(range(MAX_STEPS - 2)), let("a", 1))
    assert (await ran(begun, most)).docs("t") == [{}]
    world = await ran(begun, most, let("b", 1))
    assert (world.failure.code, world.failure.step) == ("limit_steps", "2")
    assert world.failure.message.startswith("The run has made 100,000 steps")
    assert world.docs("t") == [{}]


async def nest(levels: int) -> None:
    inner: Any = []
    for _ in range(levels - 1):
        inner = [choose(True, inner)] if inner else [choose(True, [let("a", 1)])]
    document = TaskDocument.model_validate({"function_stack": inner or [let("a", 1)]})
    world = World()
    task = Task("shop", "main", "v", document.function_stack, frozenset())
    turn = await open_turn(claimed(world), task, world)
    await run_steps(task.steps, turn, "")
    assert turn.scope.variables == {"a": 1}


async def test_stacks_may_be_nested_so_deep_and_no_deeper() -> None:
    await nest(MAX_DEPTH)
    with pytest.raises(StepFailed) as caught:
        await nest(MAX_DEPTH + 1)
    assert caught.value.error.code == "limit_depth"
    assert caught.value.path == "/true/".join("0" * MAX_DEPTH)


async def test_a_loop_is_no_deeper_after_many_rounds() -> None:
    assert (await ran(each(list(range(200)), choose(True, [let("a", "{{loop_item}}")])),
                      answer("{{a}}"))).result == 199  # fmt: skip


async def test_a_chain_of_runs_without_a_delay_ends_at_its_limit() -> None:
    task = task_of(start(), start(delay=1))
    world = await execute(World(), task, chain_depth=MAX_CHAIN - 1)
    assert [run.chain_depth for run in world.runs] == [MAX_CHAIN, 0]
    world = await execute(World(), task, chain_depth=MAX_CHAIN)
    assert (world.failure.code, world.failure.step, world.runs) == ("chain_limit", "0", [])
    assert "A chain of 10,000 runs" in world.failure.message
    paused = await execute(World(), task_of(start(delay=1)), chain_depth=MAX_CHAIN)
    assert len(paused.runs) == 1


async def test_a_long_loop_gives_way_to_others() -> None:
    task, given = task_of(each("{{items}}", let("a", "{{loop_item}}"))), {"items": [1] * 20_000}
    running = asyncio.ensure_future(execute(World(), task, given=given))
    turns = 0
    while not running.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 100
    assert running.result().ending is not None


# what the journal shows


async def test_the_journal_shows_every_step_in_order() -> None:
    world = await ran(
        let("a", 1),
        let("at", "{{now()}}"),
        add("t", {}),
        choose("{{a}}", [deliver(1)]),
        each([1, 2], publish("{{loop_item}}")),
        answer("{{at}}"),
    )
    assert [(entry.path, entry.function, entry.journaled) for entry in world.entries] == [
        ("0", "create_variable", False),
        ("1", "create_variable", True),
        ("2", "add_record", True),
        ("3", "conditional", False),
        ("3/true/0", "deliver", True),
        ("4", "for_each_loop", False),
        ("4/0/0", "realtime_publish", True),
        ("4/1/0", "realtime_publish", True),
        ("5", "return_response", False),
    ]
