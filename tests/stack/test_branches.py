"""Branches: stacks of one run side by side, their failures, waits, commits and deaths."""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import OutboundError
from hub.model.json import dumps_text
from hub.stack.ports import Received, Wish
from hub.stack.task import Task
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
    deliver,
    each,
    edit,
    get,
    into,
    let,
    note,
    only_if,
    parallel,
    publish,
    query,
    run_task,
    sleep,
    start,
    throw,
)
from tests.stack.world import (
    MORNING_US,
    CrashNow,
    World,
    execute,
    lived,
    ran,
    received,
    survived,
    task_of,
)

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
BUSY = get("nothing")
"""A step that waits for something, so that other branches go on meanwhile."""


def mine(n: Any) -> dict[str, Any]:
    """Adds a record without binding the table's name."""
    return into("mine", add("t", {"n": n}))


# what they give


async def test_branches_give_what_they_made_in_the_shape_of_the_stacks() -> None:
    some = parallel([let("a", 1), BUSY], [], [let("b", 2), let("c", "{{b}}")])
    world = await ran(into("made", some), answer(["{{made}}", "{{a}}"]))
    assert world.result == [[{"a": 1, "nothing": None}, {}, {"b": 2, "c": 2}], None]
    named = {"function": "parallel", "stacks": {"x": [let("a", 1)], "y/~": [let("a", 2)], "": []}}
    world = await ran(into("made", named), answer("{{made}}"))
    assert world.result == {"x": {"a": 1}, "y/~": {"a": 2}, "": {}}


async def test_no_branches_give_nothing() -> None:
    for stacks, made in (([], []), ({}, {})):
        world = await ran({"function": "parallel", "stacks": stacks, "as": "a"}, answer("{{a}}"))
        assert world.result == made


async def test_the_paths_of_branches_say_which() -> None:
    named = {"function": "parallel", "stacks": {"x": [BUSY], "y/~": [BUSY], "": [BUSY]}}
    world = await ran(parallel([BUSY], [BUSY]), named)
    paths = {entry.path for entry in world.entries if entry.function == "get_record"}
    assert paths == {"0/0/0", "0/1/0", "1/x/0", "1/y~1~0/0", "1/~2/0"}


async def test_branches_see_what_was_made_before_and_not_what_others_make() -> None:
    first = [let("b", "{{a}}"), BUSY, let("c", "{{d}}")]
    second = [let("d", "{{a}}"), BUSY, let("e", "{{b}}")]
    world = await ran(let("a", 1), into("made", parallel(first, second)), answer("{{made}}"))
    assert world.result == [
        {"b": 1, "nothing": None, "c": None},
        {"d": 1, "nothing": None, "e": None},
    ]


async def test_branches_really_go_on_side_by_side() -> None:
    met = asyncio.Barrier(3)

    async def meet(wish: Wish) -> Received:
        async with asyncio.timeout(5):
            await met.wait()
        return received()

    world = World(answer=meet)
    await ran(parallel([ask()], [ask()], [ask()]), answer(1), world=world)
    assert world.result == 1


async def test_so_many_branches_at_once_and_no_more() -> None:
    stacks = [[let("n", n), BUSY, add("t", {"n": n})] for n in range(6)]
    world = await ran(parallel(*stacks, concurrency=1), answer(1))
    assert [doc["n"] for doc in world.docs("t")] == list(range(6))
    failure = (await ran(parallel([], concurrency=0))).failure
    assert failure.message.startswith("'concurrency' must be a number from 1")


# failures


async def test_those_under_way_end_and_the_first_failure_by_place_is_told() -> None:
    quick = [throw("second")]
    slow = [BUSY, BUSY, BUSY, add("t", {"n": 0}), throw("first")]
    whole = [BUSY, BUSY, BUSY, BUSY, BUSY, add("t", {"n": 2})]
    world = await ran(parallel(slow, quick, whole))
    assert (world.failure.message, world.failure.step) == ("first", "0/0/4")
    assert sorted(doc["n"] for doc in world.docs("t")) == [0, 2]


async def test_after_a_failure_no_further_branch_begins() -> None:
    rounds = at_once("{{range(0, 9)}}", mine("{{loop_item}}"), BUSY,
                     only_if("{{loop_item == 1}}", throw("One."), ), BUSY, most=2)  # fmt: skip
    world = await ran(rounds)
    assert (world.failure.message, world.failure.step) == ("One.", "0/1/2")
    assert [doc["n"] for doc in world.docs("t")] in ([0, 1], [0, 1, 2])


async def test_a_failure_of_a_branch_can_be_caught_outside_and_inside() -> None:
    world = await ran(
        attempt([parallel([throw("x")], [mine(1)])], [note("error.step")]),
        into("made", parallel([attempt([throw("y")], [let("a", "{{error.message}}")])])),
        answer(["{{seen}}", "{{made}}", "{{error}}"]),
    )
    assert world.result == [["0/try/0/0/0"], [{"a": "y"}], None]
    assert world.docs("t") == [{"n": 1}]


async def test_a_branch_in_a_catch_knows_the_error() -> None:
    caught = into("made", parallel([let("a", "{{error.message}}")]))
    world = await ran(attempt([throw("x")], [caught]), answer("{{made}}"))
    assert world.result == [{"a": "x"}]


async def test_a_limit_of_the_run_in_a_branch_is_no_failure_to_go_on_after() -> None:
    world = World(loaded={"shop/deep": task_of(call("deep"))})
    rounds = at_once([1, 2], only_if("{{loop_item == 1}}", call("deep")), BUSY, BUSY,
                     mine("{{loop_item}}"), on_error="continue")  # fmt: skip
    await ran(attempt([rounds], [add("caught", {})]), world=world)
    assert world.failure.code == "limit_depth"
    assert (world.docs("t"), world.docs("caught")) == ([{"n": 2}], [])


async def test_stop_in_one_branch_and_a_failure_in_another_is_a_failure() -> None:
    world = await ran(parallel([STOP], [BUSY, throw("x")]))
    assert world.failure.message == "x"


async def test_the_signal_of_the_first_branch_counts() -> None:
    world = await ran(each([1, 2], parallel([BUSY, BUSY, BREAK], [STOP])), answer(1))
    assert world.result == 1
    world = await ran(each([1, 2], parallel([BUSY, BUSY, STOP], [BREAK])), answer(1))
    assert world.result is None


# waiting


async def test_a_run_is_parked_when_no_branch_can_go_on_until_the_first_can() -> None:
    stacks = [[sleep(90), mine(0)], [sleep(30), mine(1), sleep(30), mine(2)], [BUSY, mine(3)]]
    world, task = World(), task_of(parallel(*stacks), answer(1))
    await execute(world, task)
    assert [doc["n"] for doc in world.docs("t")] == [3]
    assert world.due_us is not None
    assert world.due_us - MORNING_US == pytest.approx(30_000_000, abs=1000)
    lives = 1
    while world.ending is None:
        world.resume()
        await execute(world, task)
        lives += 1
    assert lives == 4
    assert [doc["n"] for doc in world.docs("t")] == [3, 1, 2, 0]
    assert world.clock_us - MORNING_US == pytest.approx(90_000_000, abs=1000)
    assert len([entry for entry in world.entries if entry.function == "sleep"]) == 3


async def test_a_branch_that_is_parked_keeps_its_place() -> None:
    rounds = at_once([0, 1, 2, 3], mine("{{loop_item}}"), sleep(60), most=2)
    world, task = World(), task_of(rounds, answer(1))
    await execute(world, task)
    assert [doc["n"] for doc in world.docs("t")] == [0, 1]
    await lived(world, task)
    assert world.result == 1
    assert [doc["n"] for doc in world.docs("t")] == [0, 1, 2, 3]
    assert world.clock_us - MORNING_US == pytest.approx(120_000_000, abs=1000)


async def test_a_failure_waits_for_the_branches_that_are_parked() -> None:
    stacks = [[sleep(60), mine(0)], [BUSY, throw("x")]]
    world, task = World(), task_of(parallel(*stacks, concurrency=2), let("never", 1))
    await execute(world, task)
    assert world.ending is None
    world.resume()
    await execute(world, task)
    assert (world.failure.message, world.docs("t")) == ("x", [{"n": 0}])


async def test_what_had_begun_goes_on_after_a_restart_although_another_has_failed() -> None:
    rounds = at_once(
        [0, 1, 2, 3],
        mine("{{loop_item}}"),
        only_if("{{loop_item == 1}}", add("t", "{{null}}")),
        only_if("{{loop_item == 2}}", sleep(60)),
        into("end", add("ended", {"n": "{{loop_item}}"})),
        most=1,
    )
    waiting = at_once(
        [0, 1, 2, 3, 4],
        only_if("{{loop_item == 0}}", sleep(60)),
        mine("{{loop_item}}"),
        only_if("{{loop_item == 2}}", ask("https://slow.example.com/")),
        only_if("{{loop_item == 1}}", ask("https://bad.example.com/")),
        into("end", add("ended", {"n": "{{loop_item}}"})),
        most=3,
    )
    assert (await ran(rounds)).docs("ended") == [{"n": 0}]

    async def slow_or_bad(wish: Wish) -> Received:
        for _ in range(20 if "slow" in wish.request.url else 5):
            await asyncio.sleep(0)
        if "bad" in wish.request.url:
            raise OutboundError("Nobody answers.", code="connect_failed")
        return received()

    world, task = World(answer=slow_or_bad), task_of(waiting)
    await execute(world, task)
    assert (world.ending, world.docs("ended")) == (None, [{"n": 2}])
    world.resume()
    await execute(world, task)
    assert world.failure.step == "0/1/3"
    assert sorted(doc["n"] for doc in world.docs("ended")) == [0, 2]


# commits


async def test_every_branch_commits_and_nothing_is_lost_or_twice() -> None:
    busy = [mine("{{loop_item}}"), ask("https://a.example.com/{{loop_item}}"),
            deliver("{{loop_item}}"), ask("https://b.example.com/{{loop_item}}"),
            publish("{{loop_item}}")]  # fmt: skip
    world = World(answer=lambda wish: received())
    await ran(at_once("{{range(0, 29)}}", *busy, most=7), answer(1), world=world)
    assert world.result == 1
    assert sorted(doc["n"] for doc in world.docs("t")) == list(range(30))
    assert sorted(int(each.body) for each in world.deliveries) == list(range(30))
    assert sorted(int(each.data) for each in world.publications) == list(range(30))
    assert len(world.wishes) == len({wish.request.url for wish in world.wishes}) == 60
    assert [segment.n for segment in world.segments if segment.entries] == list(
        range(len(world.rows))
    )
    assert len({entry.path for entry in world.entries}) == len(world.entries)


async def test_two_branches_that_change_one_record_both_have_changed_it() -> None:
    world = World(answer=lambda wish: received())
    world.have("c", n=0)
    await ran(
        parallel(
            [into("x", edit("c", 1, {"a": 1})), ask(), into("y", edit("c", 1, {"b": 2}))],
            [into("x", edit("c", 1, {"d": 3})), ask(), into("y", edit("c", 1, {"e": 4}))],
        ),
        world=world,
    )
    assert world.docs("c") == [{"n": 0, "a": 1, "b": 2, "d": 3, "e": 4}]
    assert world.ending is not None
    assert world.ending.failure is None


async def test_many_branches_that_change_one_record_are_no_conflict_without_an_end() -> None:
    world = World(answer=lambda wish: received())
    world.have("c")
    changes = into("x", edit("c", 1, {"k{{loop_item}}": "{{loop_item}}"}))
    await ran(at_once("{{range(0, 199)}}", ask(), changes, ask(), most=10), answer(1), world=world)
    assert world.result == 1
    assert world.docs("c") == [{f"k{n}": n for n in range(200)}]


def raised(world: World) -> None:
    """Another run changes the record."""
    world.change("c", 1, others=world.records["c", 1].doc["others"] + 1)


@pytest.mark.parametrize("number", range(6))
async def test_a_conflict_in_one_branch_repeats_what_was_not_committed_in_all(number: int) -> None:
    world = World(meddle={number: raised}, answer=lambda wish: received())
    world.have("c", others=0, n=0)
    branch = [
        into("first", add("first", {"n": "{{loop_item}}"})),
        into("x", edit("c", 1, {"k{{loop_item}}": True})),
        ask("https://a.example.com/{{loop_item}}"),
        into("second", add("second", {"first": "{{first.id}}"})),
        into("y", edit("c", 1, {"l{{loop_item}}": True})),
        ask("https://b.example.com/{{loop_item}}"),
        into("third", add("third", {"second": "{{second.id}}"})),
    ]
    await ran(at_once([0, 1, 2], *branch), answer(1), world=world)
    assert world.result == 1
    ids = [
        [key[1] for key in sorted(world.records) if key[0] == name] for name in ("first", "second")
    ]
    assert sorted(doc["n"] for doc in world.docs("first")) == [0, 1, 2]
    assert sorted(doc["first"] for doc in world.docs("second")) == ids[0]
    assert sorted(doc["second"] for doc in world.docs("third")) == ids[1]
    marks = {f"{mark}{n}": True for mark in "kl" for n in range(3)}
    assert world.docs("c") == [{"others": 1, "n": 0, **marks}]
    assert len({entry.path for entry in world.entries}) == len(world.entries)


@pytest.mark.parametrize("number", range(4))
async def test_a_lease_lost_in_one_branch_ends_all_and_nothing_more_is_written(number: int) -> None:
    world = World(
        meddle={number: lambda world: setattr(world, "fence", 9)}, answer=lambda wish: received()
    )
    busy = [mine("{{loop_item}}"), ask(), into("more", add("u", {"n": "{{loop_item}}"})), ask()]
    await ran(at_once([0, 1, 2], *busy), add("never", {}), world=world)
    assert (world.ending, len(world.segments)) == (None, number)
    assert world.docs("never") == []


@pytest.mark.parametrize("steps", range(1, 6))
async def test_what_builds_on_a_segment_that_was_lost_is_never_committed(steps: int) -> None:
    world = World(meddle={0: raised}, answer=lambda wish: received())
    world.have("c", others=0)
    chain = [
        into(f"r{n}", add(f"t{n}", {"before": f"{{{{r{n - 1}.id}}}}", "by": "{{generate_uuid()}}"}))
        for n in range(1, 6)
    ]
    quick = [*chain[:steps], into("x", edit("c", 1, {"a": 1})), ask()]
    await ran(parallel(quick, [*chain, ask()]), answer(1), world=world)
    assert world.result == 1
    for n in range(1, 6):
        assert len(world.docs(f"t{n}")) == (2 if n <= steps else 1)
        ids = {key[1] for key in world.records if key[0] == f"t{n - 1}"} or {None}
        assert {doc["before"] for doc in world.docs(f"t{n}")} <= ids


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
async def test_branches_that_are_killed_end_as_undisturbed_ones(number: int, when: str) -> None:
    busy = [
        into("first", add("first", {"n": "{{loop_item}}", "key": "{{generate_uuid()}}"})),
        ask("https://a.example.com/{{loop_item}}", data={"key": "{{first.key}}"}),
        choose("{{loop_item == 1}}", [sleep(60)]),
        into("second", add("second", {"first": "{{first.key}}", "said": "{{response.body}}"})),
        let("key", "{{first.key}}"),
    ]
    task = task_of(into("made", at_once([0, 1, 2], *busy)), answer("{{pluck(made, 'key')}}"))

    def echo(wish: Wish) -> Received:
        return received(200, wish.request.body)

    plain = await lived(World(answer=echo), task)
    world = World(crash_at=(number, when), answer=echo)
    await lived(world, task)
    assert world.result == plain.result
    for table in ("first", "second"):
        found, expected = world.docs(table), plain.docs(table)
        assert sorted(found, key=str) == sorted(expected, key=str)
    said: dict[str, set[bytes]] = {}
    for wish in world.wishes:
        said.setdefault(dict(wish.request.headers)["idempotency-key"], set()).add(wish.request.body)
    assert len(said) == 3
    assert all(len(bodies) == 1 for bodies in said.values())


async def test_a_death_in_one_branch_is_the_death_of_all() -> None:
    world = World(crash_at=(0, "before"))
    task = task_of(at_once([0, 1, 2], mine("{{loop_item}}"), query("t"), add("u", {})))
    with pytest.raises(CrashNow):
        await execute(world, task)
    assert world.segments == []
    await survived(world, task)


# any tree, any deaths

names = st.sampled_from(["m1", "m2", "m3"])
values = st.sampled_from([1, "{{n}}", "{{generate_uuid()}}", "{{loop_item}}", "{{m1.n}}", None])
leaves = (
    st.builds(lambda name, value: into(name, add("t", {"n": value})), names, values)
    | st.builds(lambda name: into(name, edit("c", 1, {f"by_{name}": True})), names)
    | st.builds(lambda name: into(name, get("c", record_id=1)), names)
    | st.builds(lambda value: deliver({"n": value}), values)
    | st.builds(publish, values)
    | st.builds(lambda value: start(data={"n": value}), values)
    | st.builds(lambda name, value: let(name, {"n": value}), names, values)
    | st.builds(lambda name, value: into(name, ask(data={"n": value})), names, values)
    | st.just(into("m1", ask("https://bad.example.com/")))
    | st.just(into("m2", ask("https://{{env.HOST}}/", data={"at": "{{[now(), 1][1]}}"})))
    | st.just(sleep(30))
    | st.sampled_from([run_task("called", {"n": "{{n}}"}), into("m3", call("called"))])
    | st.sampled_from([throw("x"), add("t", "{{null}}"), BREAK, CONTINUE, STOP])
)


def stays(stack: list[Any]) -> bool:
    """Whether no step leaves the stack: which of the others had begun would be chance."""
    return not any(f'"{word}"' in dumps_text(stack) for word in ("break", "stop"))


@st.composite
def trees(draw: Any, level: int = 3) -> dict[str, Any]:
    """A step, with steps inside."""
    step = draw(leaves if level == 0 or draw(st.booleans()) else containers(level - 1))
    again = {"retry": {"max": 1, "base_s": 5}} if draw(st.integers(0, 3)) == 0 else {}
    return {**step, **again}


@st.composite
def containers(draw: Any, level: int) -> dict[str, Any]:
    """A step that others stand in."""
    stacks = [draw(st.lists(trees(level), max_size=3)) for _ in range(3)]
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return choose(draw(st.sampled_from(["{{n}}", "{{m1.n}}", "{{now()}}"])), *stacks[:2])
    if kind == 1:
        return each([1, 2], *stacks[0])
    if kind == 2 and stays(stacks[0]):
        return at_once([1, 2, 3], *stacks[0], most=2, on_error="continue")
    if kind <= 3:
        return at_once([1, 2, 3], *stacks[0])
    if kind == 4:
        return attempt(*stacks)
    return parallel(*stacks)


disturbances = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from(["before", "after", "meddle"])),
    min_size=1,
    max_size=5,
)
CALLED = task_of(
    into("a", add("called", {"n": "{{input.n}}"})),
    ask(data={"called": "{{input.n}}"}),
    answer({"n": "{{input.n}}"}),
)


async def lives(task: Task, disturbed: list[tuple[int, str]]) -> World:
    """The world after a run that all this befell, one thing after the other."""

    def reply(wish: Wish) -> Received:
        if "bad" in wish.request.url:
            raise OutboundError("Nobody answers.", code="connect_failed")
        return received(200, wish.request.body)

    world = World(
        variables={"HOST": "good.example.com"}, answer=reply, loaded={"shop/called": CALLED}
    )
    world.have("c", others=0)
    for offset, when in disturbed:
        if when == "meddle":
            world.meddle[world.tried + offset] = raised
        elif world.ending is None:
            world.crash_at = (world.tried + offset, when)
            try:
                await execute(world, task, given={"n": 7})
            except CrashNow:
                world.restart()
            else:
                if world.due_us is not None and world.ending is None:
                    world.resume()
    return await lived(world, task, given={"n": 7})


def left(world: World) -> dict[str, list[str]]:
    """All that a run left in the world, whatever came first, without moments and numbers."""
    assert world.ending is not None
    docs = [(table, {**each.doc, "others": 0}) for (table, _), each in world.records.items()]
    records = [[table, sorted(doc.items())] for table, doc in docs]
    asked = {(dict(wish.request.headers).get("idempotency-key"), wish.request.url,
              wish.request.body.decode()) for wish in world.wishes}  # fmt: skip
    found: dict[str, list[Any]] = {
        "records": records,
        "runs": [[run.task, run.input] for run in world.runs],
        "deliveries": [[each.body.decode(), each.idempotency_key] for each in world.deliveries],
        "publications": [each.data for each in world.publications],
        "asked": [list(each) for each in asked],
        "ending": [world.ending.status, world.ending.result, repr(world.ending.failure)],
    }
    return {
        name: sorted(MOMENT.sub("moment", dumps_text(each)) for each in several)
        for name, several in found.items()
    }


@settings(max_examples=250, deadline=None)
@given(st.lists(trees(), min_size=1, max_size=4), disturbances)
def test_any_tree_with_any_deaths_and_conflicts_ends_as_the_undisturbed_one(
    several: list[dict[str, Any]], disturbed: list[tuple[int, str]]
) -> None:
    task = task_of(*several, answer("{{m1.n}}"))
    expected = asyncio.run(lives(task, []))
    world = asyncio.run(lives(task, disturbed))
    assert left(world) == left(expected)
    assert len({entry.path for entry in world.entries}) == len(world.entries)
