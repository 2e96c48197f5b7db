"""Changes that are decided in the commit: wherever a run is killed, they are done once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.json import dumps_text, loads
from hub.model.table import TableSpec
from hub.stack.task import Task
from tests.stack.make import (
    add,
    answer,
    attempt,
    choose,
    each,
    edit,
    get,
    into,
    let,
    parallel,
    run_task,
)
from tests.stack.test_records import bulk_edit, claim, count, delete, upsert
from tests.stack.test_resume import MOMENT
from tests.stack.world import CrashNow, World, execute, lived, task_of

UNIQUE = TableSpec.model_validate({"columns": {"key": {"type": "text", "unique": True}}})


def fresh(crash_at: tuple[int, str] | None = None) -> World:
    world = World(crash_at=crash_at)
    world.specs["once"] = UNIQUE
    world.have("totals", n=0)
    for n in range(6):
        world.have("jobs", n=n, state="new")
    return world


def effects(world: World) -> Any:
    """What is left of a run, without the moments."""
    assert world.ending is not None
    records = [[key, record.doc] for key, record in sorted(world.records.items())]
    ending = [world.ending.status, world.ending.result, repr(world.ending.failure)]
    return loads(MOMENT.sub("moment", dumps_text([records, ending])))


TAKE = claim("jobs", {"state": "new"}, {"state": "taken"}, sort={"n": "desc"}, limit=2)
COUNT = into("counted", edit("totals", 1, {"n": {"$inc": 1}}))
KEEP = attempt(
    [add("once", {"key": "k"})],
    [into("seen", upsert("once", {"key": "k"}, {"times": {"$inc": 1}}))],
)
EVERYTHING = task_of(
    into("first", TAKE),
    each("{{first}}", COUNT, edit("jobs", "{{loop_item.id}}", {"state": "done"})),
    KEEP,
    KEEP,
    attempt([edit("jobs", 1, {"state": {"$inc": 1}})], [let("refused", "{{error.code}}")]),
    into("many", bulk_edit("jobs", {"state": "done"}, {"paid": {"$inc": 10}})),
    choose("{{many == 2}}", [into("gone", delete("jobs", where={"state": "new"}))]),
    parallel([into("a", TAKE)], [into("c", COUNT), into("b", count("jobs"))]),
    into("left", count("jobs", filter={"state": "new"})),
    answer(["{{pluck(first, 'n')}}", "{{refused}}", "{{many}}", "{{gone}}", "{{left}}"]),
)


COMMITS = 10


async def undisturbed(task: Task) -> World:
    return await lived(fresh(), task)


async def test_it_does_what_it_says() -> None:
    world = await undisturbed(EVERYTHING)
    assert len(world.segments) == COMMITS
    assert world.result == [[5, 4], "increase_invalid", 2, True, 1]
    assert world.docs("totals") == [{"n": 3}]
    assert world.docs("once") == [{"key": "k", "times": 1}]
    assert len(world.docs("jobs")) == 5


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(COMMITS))
async def test_it_ends_as_the_undisturbed_one_wherever_it_is_killed(commit: int, when: str) -> None:
    world = await lived(fresh((commit, when)), EVERYTHING)
    assert effects(world) == effects(await undisturbed(EVERYTHING))
    assert world.gaps == []


STEPS = st.sampled_from(
    [
        TAKE,
        COUNT,
        KEEP,
        bulk_edit("jobs", {"state": "taken"}, {"n": {"$inc": 1}}),
        upsert("jobs", {"n": 77}, {"state": "new"}),
        into("d", delete("jobs", where={"n": 0})),
        add("jobs", {"n": 9, "state": "new"}),
        let("x", 1),
    ]
)
TREES = st.recursive(
    STEPS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda stack: each([1, 2], *stack)),
        st.lists(inner, min_size=1, max_size=3).map(attempt),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(TREES, min_size=1, max_size=4),
    commit=st.integers(0, 12),
    when=st.sampled_from(["before", "after"]),
)
async def test_any_such_run_ends_as_the_undisturbed_one(
    steps: list[Any], commit: int, when: str
) -> None:
    task = task_of(*steps)
    world = await lived(fresh((commit, when)), task)
    assert effects(world) == effects(await undisturbed(task))
    assert len({entry.path for entry in world.entries}) == len(world.entries)


async def one_life(world: World, task: Task) -> None:
    """The run until it ends or dies."""
    try:
        await execute(world, task)
    except CrashNow:
        world.restart()


def with_callee(world: World) -> World:
    """A world in which a task can be called that works on records itself."""
    world.load(
        "shop/work",
        into("mine", claim("jobs", {"state": "new"}, {"state": "taken"}, limit=1)),
        COUNT,
        KEEP,
        attempt([edit("jobs", 1, {"state": {"$inc": 1}})], [let("code", "{{error.code}}")]),
        into("own", get("totals", record_id=1)),
        answer({"took": "{{pluck(mine, 'n')}}", "n": "{{own.n}}", "code": "{{code}}"}),
    )
    return world


CALLS = task_of(
    into("one", run_task("work")),
    each([1, 2], into("looped", run_task("work")), COUNT),
    into(
        "both",
        parallel([into("x", run_task("work"))], [into("y", run_task("work")), into("z", COUNT)]),
    ),
    attempt(
        [into("last", run_task("work")), add("once", {"key": "k"})],
        [bulk_edit("jobs", {"state": "taken"}, {"state": "back", "tries": {"$inc": 1}})],
        [into("total", edit("totals", 1, {"ended": {"$inc": 1}}))],
    ),
    answer(["{{one.took}}", "{{looped.took}}", "{{last.took}}", "{{total.n}}", "{{total.ended}}"]),
)


async def test_what_called_tasks_do_to_records_is_done_once_wherever_it_is_killed() -> None:
    whole = await lived(with_callee(fresh()), CALLS)
    assert whole.result == [[0], [2], [5], 9, 1]
    assert whole.docs("once") == [{"key": "k", "times": 5}]
    assert [doc["tries"] for doc in whole.docs("jobs")] == [1] * 6
    for commit in range(len(whole.segments)):
        for when in ("before", "after"):
            world = await lived(with_callee(fresh((commit, when))), CALLS)
            assert effects(world) == effects(whole), (commit, when)
            assert world.gaps == []


CALLING = st.recursive(
    STEPS | st.just(into("called", run_task("work"))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda stack: each([1, 2], *stack)),
        st.lists(inner, min_size=1, max_size=3).map(attempt),
        st.lists(inner, min_size=1, max_size=2).map(lambda stack: choose("{{called}}", stack)),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(CALLING, min_size=1, max_size=4),
    deaths=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["before", "after"])), min_size=2, max_size=5
    ),
)
async def test_any_such_run_with_many_deaths_ends_as_the_undisturbed_one(
    steps: list[Any], deaths: list[tuple[int, str]]
) -> None:
    task = task_of(*steps)
    world = with_callee(fresh())
    for commit, when in deaths:
        if world.ending is None:
            world.crash_at = (world.tried + commit, when)
            await one_life(world, task)
    world = await lived(world, task) if world.ending is None else world
    assert effects(world) == effects(await lived(with_callee(fresh()), task))
    assert len({entry.path for entry in world.entries}) == len(world.entries)
    assert world.gaps == []


BATCH = task_of(
    {"function": "process_next_batch", "batch_size": 3},
    answer("{{batch}}"),
)


def queue(crash_at: tuple[int, str] | None = None) -> World:
    world = fresh(crash_at)
    world.load("shop/mail", add("mails", {"to": "{{to}}"}), COUNT, queueable=True)
    world.load("shop/fail", COUNT, {"function": "throw_error", "message": "no"}, queueable=True)
    world.tasks |= {"shop/mail", "shop/fail"}
    for n, kind in enumerate(("mail", "fail", "mail", "mail")):
        world.have("task_queue", task_type=kind, payload={"to": n}, status="pending")
    return world


async def test_a_batch_of_queued_tasks_is_worked_off_once_wherever_it_is_killed() -> None:
    whole = await lived(queue(), BATCH)
    assert whole.result == {"claimed": 3, "completed": 2, "failed": 1}
    assert whole.docs("totals") == [{"n": 3}]
    marks = [doc["status"] for doc in whole.docs("task_queue")]
    assert marks == ["completed", "failed", "completed", "pending"]
    for commit in range(len(whole.segments)):
        for when in ("before", "after"):
            world = await lived(queue((commit, when)), BATCH)
            assert effects(world) == effects(whole), (commit, when)
            assert world.gaps == []
