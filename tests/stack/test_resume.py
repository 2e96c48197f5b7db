"""Resuming: wherever a run is killed, it ends as if nothing had happened."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.json import dumps_text, loads
from hub.model.time import to_iso
from hub.stack.task import Task
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
from tests.stack.world import CrashNow, World, execute, survived, task_of

SEEN = {"stamp": "{{stamp}}", "token": "{{token}}", "region": "{{region}}"}
LINE = {"order": "{{orders.id}}", "n": "{{loop_item}}"}
EVERYTHING = task_of(
    let("stamp", "{{now()}}"),
    let("token", "{{generate_uuid()}}"),
    let("region", "{{env.REGION}}"),
    add("orders", {**SEEN, "state": "new", "big": 12345678901234567890123}),
    edit("orders", "{{orders.id}}", {"state": "open"}),
    into("all", query("orders")),
    get("stock", filter={"sku": "a"}),
    choose(
        "{{env.REGION == 'north' && now() > ''}}",
        [edit("stock", "{{stock.id}}", {"north": "{{region}}", "left": "{{stock.left - 1}}"})],
        [edit("stock", "{{stock.id}}", {"south": "{{region}}", "left": "{{stock.left - 1}}"})],
    ),
    query("stock"),
    each(
        "{{range(1, 3)}}",
        add("lines", {**LINE, "key": "{{generate_uuid()}}"}),
        deliver({"line": "{{lines.id}}", "token": "{{token}}"}),
        into("found", query("lines", filter={"order": "{{orders.id}}"}, sort={"n": "asc"})),
        only_if("{{now() && loop_index == 1}}", publish({"lines": "{{found.length}}"})),
    ),
    {"function": "update_variable", "variable": "total", "value": "{{sum(found, 'n')}}"},
    add("at_{{region}}", {"region": "{{region}}"}),
    add("region_{{env.REGION}}", {"region": "{{region}}"}),
    start(data={**SEEN, "total": "{{total}}"}),
    publish(SEEN),
    deliver_each("{{pluck(found, 'key')}}"),
    into("last", query("at_{{region}}")),
    get("orders", record_id="{{orders.id}}"),
    only_if("{{now() >= stamp}}", let("late", "{{length(last)}}")),
    answer({**SEEN, "total": "{{total}}", "late": "{{late}}", "big": "{{orders.big}}"}),
)
COMMITS = 7
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def fresh(crash_at: tuple[int, str] | None = None) -> World:
    world = World(variables={"REGION": "north"}, crash_at=crash_at)
    world.have("stock", sku="a", left=10)
    return world


def effects(world: World) -> dict[str, Any]:
    """All that the run left in the world, without the moments and the ids made by chance."""
    assert world.ending is not None
    ending = replace(world.ending, version=None)
    found = {
        "records": [[key, record.doc, record.rev] for key, record in sorted(world.records.items())],
        "runs": [[run.task, loads(run.input), run.delay_us] for run in world.runs],
        "deliveries": [
            [each.destination, loads(each.body), each.idempotency_key] for each in world.deliveries
        ],
        "publications": [[each.channel, loads(each.data)] for each in world.publications],
        "ending": [ending.status, ending.result, repr(ending.failure)],
    }
    return dict(loads(MOMENT.sub("moment", dumps_text(found))))


def seen(world: World) -> set[tuple[Any, ...]]:
    """What each effect that tells them says of the run's stamp, token and region."""
    told = [*world.docs("orders"), loads(world.runs[0].input), loads(world.publications[-1].data)]
    told.append(world.result)
    return {tuple(each[name] for name in SEEN) for each in told}


async def undisturbed() -> World:
    return await execute(fresh(), EVERYTHING)


async def test_the_run_of_every_step_does_what_it_says() -> None:
    world = await undisturbed()
    assert len(world.segments) == COMMITS
    assert [len(world.docs(table)) for table in ("orders", "lines", "stock")] == [1, 3, 1]
    assert world.docs("stock") == [{"sku": "a", "left": 9, "north": "north"}]
    assert world.docs("region_north") == [{"region": "north"}]
    assert (len(world.deliveries), len(world.runs), len(world.publications)) == (6, 1, 2)
    assert len({each.idempotency_key for each in world.deliveries}) == 6
    assert world.result["total"] == 6
    assert world.result["late"] == 1
    assert world.result["big"] == 12345678901234567890123
    assert len(seen(world)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(COMMITS))
async def test_a_run_that_is_killed_around_any_commit_ends_as_the_undisturbed_one(
    commit: int, when: str
) -> None:
    world = await survived(fresh((commit, when)), EVERYTHING)
    assert effects(world) == effects(await undisturbed())
    assert len(seen(world)) == 1
    assert len({entry.path for entry in world.entries}) == len(world.entries)


@pytest.mark.parametrize("commit", range(COMMITS - 1))
async def test_what_was_committed_is_never_computed_anew(commit: int) -> None:
    world = fresh((commit, "after"))
    with pytest.raises(CrashNow):
        await execute(world, EVERYTHING)
    before = dict(world.records)
    world.restart()
    world.variables["REGION"] = "south"
    await execute(world, EVERYTHING)
    assert world.records["orders", 1].doc == before["orders", 1].doc
    assert len(seen(world)) == 1
    assert world.docs("orders")[0]["region"] == "north"
    branch = "north" if commit > 0 else "south"  # the second commit is that of the choice
    assert world.docs("stock") == [{"sku": "a", "left": 9, branch: "north"}]
    assert len([key for key in world.records if key[0].startswith("region_")]) == 1


async def test_names_that_were_made_from_env_stay_what_they_were() -> None:
    world = World(variables={"REGION": "north"}, crash_at=(0, "after"))
    task = task_of(
        add("t_{{env.REGION}}", {}),
        let("v_{{env.REGION}}", 5),
        into("all", query("t_north")),
        answer(["{{t_north.id}}", "{{v_north}}", "{{t_south}}", "{{v_south}}"]),
    )
    with pytest.raises(CrashNow):
        await execute(world, task)
    world.restart()
    world.variables["REGION"] = "south"
    await execute(world, task)
    assert world.result == [1, 5, None, None]


async def test_what_was_not_committed_was_never_seen_and_is_computed_anew() -> None:
    world = fresh((0, "before"))
    with pytest.raises(CrashNow):
        await execute(world, EVERYTHING)
    assert (world.docs("orders"), world.rows) == ([], [])
    world.restart()
    world.variables["REGION"] = "south"
    await execute(world, EVERYTHING)
    assert {region for _, _, region in seen(world)} == {"south"}
    assert world.docs("stock") == [{"sku": "a", "left": 9, "south": "south"}]


async def test_a_run_that_dies_at_every_single_commit_comes_to_its_end() -> None:
    world = fresh()
    for life in range(2 * COMMITS):
        world.crash_at = (life, ("before", "after")[life % 2])
        try:
            await execute(world, EVERYTHING)
        except CrashNow:
            world.restart()
        if world.ending is not None:
            break
    assert effects(world) == effects(await undisturbed())
    assert len(seen(world)) == 1


async def test_a_resumed_run_reads_nothing_a_second_time() -> None:
    world = fresh((COMMITS - 2, "after"))
    with pytest.raises(CrashNow):
        await execute(world, EVERYTHING)
    world.reads.clear()
    world.restart()
    world.change("stock", 1, sku="changed")
    await execute(world, EVERYTHING)
    assert world.reads == ["at_north"]


async def test_a_resumed_run_goes_on_in_a_loop_where_it_was() -> None:
    task = task_of(each(list(range(300)), add("t", {"n": "{{loop_item}}", "i": "{{loop_index}}"})))
    for commit in range(4):
        for when in ("before", "after"):
            world = await survived(World(crash_at=(commit, when)), task)
            assert world.docs("t") == [{"n": n, "i": n} for n in range(300)]
            assert sorted(key[1] for key in world.records) == list(range(1, 301))


async def test_a_failure_after_a_crash_is_the_failure_without_one() -> None:
    task = task_of(add("t", {}), query("t"), deliver(1), choose(True, [add("t", "{{null}}")]))
    plain = await survived(World(), task)
    for when in ("before", "after"):
        world = await survived(World(crash_at=(0, when)), task)
        assert world.failure == plain.failure
        assert effects(world) == effects(plain)


async def test_the_answer_is_the_same_after_a_crash_behind_it() -> None:
    task = task_of(answer({"now": "{{now()}}"}), add("t", {"n": 1}), query("t"), add("t", {"n": 2}))
    world = World(crash_at=(0, "after"))
    with pytest.raises(CrashNow):
        await execute(world, task)
    first = world.entries[0].output["now"]
    world.restart()
    await execute(world, task)
    [answered] = [entry for entry in world.entries if entry.function == "return_response"]
    assert answered.output["now"] == first
    assert world.result["now"] == to_iso(first)
    assert len(world.docs("t")) == 2


values = st.sampled_from([1, "{{n}}", "{{generate_uuid()}}", "{{a}}", "{{loop_index}}", None])
barriers = st.sampled_from([query("t"), into("found", query("t", filter={"n": 1})), get("t")])
leaves = (
    st.builds(lambda value: let("a", value), values)
    | st.builds(lambda value: add("t", {"n": value}), values)
    | st.builds(lambda value: edit("counters", 1, {"n": value}), values)
    | st.just(get("counters", record_id=1))
    | st.just(edit("counters", 1, {"n": "{{counters.n + 1}}"}))
    | barriers
    | st.builds(deliver, values)
    | st.builds(deliver_each, st.just(["{{a}}", 2]))
    | st.builds(publish, values)
    | st.builds(lambda value: start(data={"n": value}), values)
    | st.just(let("at", "{{[now(), 1][1]}}"))
    | st.just(add("t", "{{null}}"))
)


def guarded(step: dict[str, Any], guard: Any) -> dict[str, Any]:
    return step if guard is None else only_if(guard, step)


guards = st.sampled_from([None, None, "{{now()}}", "{{a == 1}}", "{{env.REGION}}"])
steps = st.recursive(
    st.builds(guarded, leaves, guards),
    lambda inner: (
        st.builds(
            choose,
            st.sampled_from(["{{a}}", "{{now()}}", "{{found.length > 1}}", "{{t.n}}"]),
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3),
        )
        | st.builds(lambda stack: each([1, 2], *stack), st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)
crashes = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["before", "after"])), min_size=1, max_size=4
)


async def lives(task: Task, deaths: list[tuple[int, str]]) -> World:
    world = World(variables={"REGION": "north"})
    world.have("counters", n=0)
    for commit, when in deaths:
        if world.ending is None:
            world.crash_at = (world.tried + commit, when)
            try:
                await execute(world, task, given={"n": 7})
            except CrashNow:
                world.restart()
    if world.ending is None:
        await execute(world, task, given={"n": 7})
    return world


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, min_size=2, max_size=8), crashes)
def test_any_stack_with_any_deaths_ends_as_the_undisturbed_one(
    several: list[dict[str, Any]], deaths: list[tuple[int, str]]
) -> None:
    task = task_of(*several)
    disturbed = asyncio.run(lives(task, deaths))
    assert effects(disturbed) == effects(asyncio.run(lives(task, [])))
