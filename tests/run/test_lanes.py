"""Which lane comes first, and where new runs wait."""

from collections import Counter

from hub.model.run import RunStart
from hub.run.lanes import Turns, limits
from hub.stack.load import load_stack
from hub.stack.placing import placed
from hub.stack.task import Lane, Task

START = RunStart("run_1", "shop/t", "{}")


def task(**fields: str) -> Task:
    told = "".join(f"{name}: {value!r}, " for name, value in fields.items())
    return load_stack("shop", f"{{ task: 't', {told} function_stack: [] }}").tasks["t"]


def test_the_high_lane_comes_first_mostly_and_each_now_and_then() -> None:
    turns = Turns()
    firsts = Counter(turns.next()[0] for _ in range(100))
    assert firsts == {"high": 80, "normal": 15, "low": 5}


def test_what_no_stack_sets_has_its_usual_limit() -> None:
    assert limits({}) == {"high": 100, "normal": 100, "low": 20}
    assert limits({"low": Lane(max_concurrent=1), "high": Lane(delay_s=5)}) == {
        "high": 100,
        "normal": 100,
        "low": 1,
    }


def test_a_run_waits_in_the_lane_of_its_task_or_the_one_that_is_asked_for() -> None:
    assert placed(START, task(), {}).lane is None  # the usual one
    assert placed(START, task(lane="low"), {}).lane == "low"
    asked = RunStart("run_1", "shop/t", "{}", lane="high")
    assert placed(asked, task(lane="low"), {}).lane == "high"
    assert placed(START, None, {}) is START


def test_a_concurrency_key_follows_from_the_input() -> None:
    keyed = task(concurrency_key="{{customer.id}}")
    assert placed(START, keyed, {"customer": {"id": 7}}).concurrency_key == "shop/t:7"
    assert placed(START, task(concurrency_key="one"), {}).concurrency_key == "shop/t:one"
    assert placed(START, task(concurrency_key="{{input.a}}"), {"a": "x"}).concurrency_key == (
        "shop/t:x"
    )
    assert placed(START, task(), {}).concurrency_key is None


def test_a_key_that_cannot_be_computed_is_one_for_all_such_runs() -> None:
    broken = task(concurrency_key="{{env.MISSING}}")
    assert placed(START, broken, {}).concurrency_key == "shop/t:(env_unknown)"
