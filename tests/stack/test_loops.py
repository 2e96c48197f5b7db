"""Loops: one round after the other or side by side, and as long as something holds."""

import asyncio
import time
from typing import Any

import pytest

from hub.errors import InvalidError
from hub.stack.ports import Received, Wish
from tests.stack.make import (
    STOP,
    add,
    answer,
    ask,
    at_once,
    choose,
    each,
    get,
    into,
    let,
    note,
    only_if,
    query,
    repeat,
    throw,
)
from tests.stack.world import World, ran, received

SEEN = answer("{{seen}}")
SLOT = let("item", "{{loop_item}}")


# one after the other


@pytest.mark.parametrize("name", ["for_each_loop", "foreach_loop", "for_each", "loop", "For Each"])
@pytest.mark.parametrize("steps", ["function_stack", "inner_functions", "functions", "steps"])
async def test_a_loop_may_be_written_as_other_tools_do(name: str, steps: str) -> None:
    step = {"function": name, "array": [1, 2], steps: [note("loop_item")]}
    assert (await ran(step, SEEN)).result == [1, 2]


async def test_rounds_share_their_variables_and_keep_them() -> None:
    world = await ran(each([1, 2, 3], let("sum", "{{sum + loop_item}}")), answer("{{sum}}"))
    assert world.result == 6


async def test_a_loop_over_what_changes_meanwhile_runs_over_what_it_was() -> None:
    grow = let("items", "{{append(items, loop_item)}}")
    world = await ran(let("items", [1, 2]), each("{{items}}", grow), answer("{{items}}"))
    assert world.result == [1, 2, 1, 2]


async def test_names_of_an_outer_loop_are_back_after_a_failure_inside() -> None:
    inner = {**each([7], throw()), "on_error": "continue"}
    names = note("[loop_item, loop_index]")
    assert (await ran(each(["a", "b"], inner, names), SEEN)).result == [["a", 0], ["b", 1]]


async def test_a_failed_round_ends_the_loop_unless_the_others_are_to_go_on() -> None:
    fail = only_if("{{loop_item == 2}}", throw("No two."))
    steps = [note("loop_item"), fail, note("loop_item * 10")]
    world = await ran(each([1, 2, 3], *steps))
    assert (world.failure.message, world.failure.step) == ("No two.", "0/1/1")
    world = await ran({**each([1, 2, 3], *steps), "on_error": "continue"}, SEEN)
    assert world.result == [1, 10, 2, 3, 30]
    [failed] = [entry for entry in world.entries if entry.failure]
    assert (failed.path, failed.failure and failed.failure.message) == ("0/1/1", "No two.")


async def test_loops_with_many_failed_rounds_take_no_longer_each() -> None:
    reads = {**each("{{items}}", get("t", record_id="{{loop_item}} x")), "on_error": "continue"}
    took: dict[int, list[float]] = {5_000: [], 20_000: []}
    for rounds, times in [*took.items()] * 3:  # the best of three: a machine is slow now and then
        begun = time.process_time()
        world = await ran(reads, given={"items": [1] * rounds})
        times.append(time.process_time() - begun)
        assert len(world.entries) == rounds + 1
    few, many = map(min, took.values())
    assert many < 8 * few + 0.5


async def test_on_error_is_one_of_two_words() -> None:
    with pytest.raises(InvalidError, match="'stop' or 'continue'"):
        await ran({**each([1]), "on_error": "ignore"})


async def test_a_name_for_the_result_needs_rounds_side_by_side() -> None:
    with pytest.raises(InvalidError, match="without it the steps share their variables"):
        await ran(into("made", each([1], let("a", 1))))


# side by side


async def test_rounds_side_by_side_give_what_they_made_in_the_order_of_the_list() -> None:
    made = at_once([3, 1, 2], SLOT, {**query("t"), "as": "rows"}, let("i", "{{loop_index}}"))
    world = await ran(into("made", made), answer("{{made}}"))
    assert world.result == [
        {"item": item, "rows": [], "i": index} for index, item in enumerate([3, 1, 2])
    ]


async def test_at_most_so_many_rounds_are_under_way_at_once() -> None:
    under_way: set[str] = set()
    most_at_once = 0

    async def slow(wish: Wish) -> Received:
        nonlocal most_at_once
        under_way.add(wish.request.url)
        most_at_once = max(most_at_once, len(under_way))
        await asyncio.sleep(0.05)  # all that may have begun by then
        under_way.remove(wish.request.url)
        return received()

    url = "https://api.example.com/{{loop_item}}"
    for most, expected in ((1, 1), (3, 3), ("{{most}}", 4), ("2", 2), (100, 10)):
        most_at_once = 0
        loop = at_once(list(range(10)), ask(url), most=most)
        world = await ran(loop, world=World(answer=slow), given={"most": 4})
        assert len(world.wishes) == 10
        assert most_at_once == expected


@pytest.mark.parametrize("most", [0, -1, 101, "many", None, True, [], 1.5])
async def test_how_many_at_once_must_be_a_count(most: Any) -> None:
    failure = (await ran(at_once([1, 2], let("a", 1), most=most))).failure
    assert failure.code == "field_invalid"
    assert failure.message.startswith("'concurrency' must be a ")


async def test_each_round_has_a_copy_of_the_names_and_none_sees_another_s() -> None:
    made = at_once([1, 2], let("mine", "{{outer + loop_item}}"), get("t"), let("sum", "{{mine}}"))
    world = await ran(let("outer", 10), into("made", made), answer(["{{made}}", "{{mine}}"]))
    assert world.result == [
        [{"mine": 11, "t": None, "sum": 11}, {"mine": 12, "t": None, "sum": 12}],
        None,
    ]


@pytest.mark.parametrize(
    "step",
    [
        let("outer", 1),
        {"function": "update_variable", "variable": "outer", "value": "{{outer + 1}}"},
        into("outer", let("a", 1)),
        into("outer", ask()),
        into("outer", each([], let("a", 1)) | {"concurrency": 2}),
    ],
)
async def test_a_round_side_by_side_cannot_assign_a_variable_of_before(
    step: dict[str, Any],
) -> None:
    world = World(answer=lambda wish: received())
    await ran(let("outer", 1), at_once([1], step), world=world)
    failure = world.failure
    assert (failure.code, failure.step) == ("name_outer", "1/0/0")
    assert failure.message.startswith("'outer' is a variable outside this branch")
    assert "(as)" in failure.message
    assert world.wishes == []


async def test_the_name_of_an_answer_that_was_bound_before_is_refused_before_it_is_asked() -> None:
    world = World(answer=lambda wish: received())
    await ran(ask(), at_once([1, 2], ask()), world=world)
    assert (world.failure.code, len(world.wishes)) == ("name_outer", 1)


async def test_a_variable_that_a_round_made_itself_may_be_assigned_again() -> None:
    made = at_once([1, 2], let("n", "{{loop_item}}"), let("n", "{{n * 2}}"))
    assert (await ran(into("made", made), answer("{{made}}"))).result == [{"n": 2}, {"n": 4}]


async def test_loops_side_by_side_inside_each_other_know_their_own_items() -> None:
    pair = let("pair", ["{{outer}}", "{{loop_item}}", "{{loop_index}}"])
    inner = into("inner", at_once(["a", "b"], pair))
    kept = let("kept", "{{pluck(inner, 'pair')}}")
    world = await ran(
        into("made", at_once([1, 2], let("outer", "{{loop_item}}"), inner, kept)),
        answer("{{pluck(made, 'kept')}}"),
    )
    assert world.result == [
        [[1, "a", 0], [1, "b", 1]],
        [[2, "a", 0], [2, "b", 1]],
    ]


async def test_with_continue_a_failed_round_gives_its_error_and_all_others_run() -> None:
    fail = only_if("{{loop_item == 2}}", throw("No two.", code="two"))
    world = await ran(
        at_once([1, 2, 3], SLOT, fail, on_error="continue", **{"as": "made"}), answer("{{made}}")
    )
    error = {"message": "No two.", "code": "two", "step": "0/1/1", "status": None, "body": None}
    assert world.result == [{"item": 1}, {"error": error}, {"item": 3}]


async def test_a_loop_over_nothing_side_by_side_gives_an_empty_list() -> None:
    for array in (None, [], "{{missing}}"):
        world = await ran(into("made", at_once(array, throw())), answer("{{made}}"))
        assert world.result == []


async def test_a_loop_without_steps_gives_a_result_for_each_item_all_the_same() -> None:
    assert (await ran(into("made", at_once([1, 2])), answer("{{made}}"))).result == [{}, {}]


async def test_giant_lists_are_gone_through_in_order_and_in_good_time() -> None:
    items = {"items": list(range(20_000))}
    begun = time.process_time()
    world = await ran(each("{{items}}", let("last", "{{loop_item}}")), answer("{{last}}"),
                      given=items)  # fmt: skip
    assert world.result == 19_999
    made = into("made", at_once("{{items}}", let("n", "{{loop_item}}"), most=20))
    world = await ran(made, answer("{{pluck(made, 'n')}}"), given=items)
    assert world.result == items["items"]
    assert time.process_time() - begun < 10


# as long as something holds


async def test_a_while_loop_runs_as_long_as_its_condition_holds() -> None:
    world = await ran(let("n", 3), repeat("{{n > 0}}", note("loop_index"), let("n", "{{n - 1}}")),
                      answer(["{{seen}}", "{{n}}", "{{loop_index}}"]))  # fmt: skip
    assert world.result == [[0, 1, 2], 0, None]
    assert (await ran(repeat("{{missing}}", throw()), answer(1))).result == 1


async def test_a_while_loop_inside_a_loop_keeps_the_item_and_counts_for_itself() -> None:
    inner = repeat("{{n < 2}}", note("[loop_item, loop_index]"), let("n", "{{n + 1}}"))
    loop = each(["a"], let("n", 0), inner, note("[loop_item, loop_index]"))
    assert (await ran(loop, SEEN)).result == [["a", 0], ["a", 1], ["a", 0]]


@pytest.mark.parametrize("most", [2, "2", "{{most}}"])
async def test_a_while_loop_that_still_holds_after_the_most_of_its_rounds_fails(most: Any) -> None:
    world = await ran(repeat(True, add("t", {}), max=most), given={"most": 2})
    failure = world.failure
    assert (failure.code, failure.step) == ("loop_limit", "0")
    assert failure.message == "The condition still holds after 2 rounds (max)."
    assert len(world.docs("t")) == 2
    just = [let("n", "{{n + 1}}")]
    world = await ran(repeat("{{n < 2}}", *just, max=most), answer("{{n}}"), given={"most": 2})
    assert world.result == 2


@pytest.mark.parametrize("most", [-1, "many", None, True, 1e9])
async def test_the_most_of_rounds_must_be_a_count(most: Any) -> None:
    failure = (await ran(repeat(True, STOP, max=most))).failure
    assert (failure.code, failure.step) == ("field_invalid", "0")
    assert failure.message.startswith("'max' must be a number from 0 to 100,000")


@pytest.mark.parametrize("steps", [[], [let("a", 1)], [only_if("{{no}}", let("a", 1))]])
async def test_an_endless_loop_ends_at_the_run_s_own_limit(steps: list[Any]) -> None:
    failure = (await ran(repeat(True, *steps))).failure
    assert failure.code == "limit_steps"


async def test_the_clock_goes_on_from_round_to_round() -> None:
    waits = repeat("{{now() < add_seconds(begun, 2)}}", let("n", "{{n + 1}}"))
    world = await ran(let("begun", "{{now()}}"), waits, answer("{{n > 3}}"),
                      world=World(tick_us=100_000))  # fmt: skip
    assert world.result is True


async def test_a_condition_that_fails_is_a_failure_of_the_loop() -> None:
    failure = (await ran(choose(True, [repeat("{{1 / (n - n)}}", let("a", 1))]))).failure
    assert failure.step == "0/true/0"
