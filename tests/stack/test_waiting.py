"""A run waits for somebody outside: an answer ends that, or the time."""

from typing import Any

import pytest

from hub.model.event_wait import EventWait
from tests.stack.make import add, answer, attempt, let
from tests.stack.world import HOUR_US, MORNING_US, World, execute, lived, ran, task_of

CALLED = {"method": "POST", "query": {"by": "ada"}, "body": {"ok": True}}


def wait(**fields: Any) -> dict[str, Any]:
    return {"function": "wait_for", **fields}


async def test_a_run_is_parked_until_somebody_answers() -> None:
    world = World()
    task = task_of(add("asked", {}), wait(timeout_s=3600), answer("{{answer.body.ok}}"))
    await execute(world, task)
    assert world.ending is None
    assert world.due_us is not None
    assert world.due_us - MORNING_US == pytest.approx(HOUR_US, abs=1000)
    assert world.segments[-1].awaits
    world.called["a1"] = CALLED
    world.resume()
    await execute(world, task)
    assert world.result is True
    assert (world.called, len(world.docs("asked"))) == ({}, 1)


async def test_an_answer_that_came_before_the_step_counts() -> None:
    world = World(called={"a1": CALLED})
    steps = (wait(), answer("{{answer}}"))
    found = (await ran(*steps, world=world)).result
    assert found == {**CALLED, "received_at": "2026-09-21T14:13:20.000000Z"}


async def test_where_nobody_answers_the_time_is_an_error_that_can_be_caught() -> None:
    world = World()
    step = attempt([wait(timeout_s=60, as_="x")], [let("code", "{{error.code}}")])
    step["try_stack"][0]["as"] = step["try_stack"][0].pop("as_")
    await lived(world, task_of(step, answer("{{code}}")))
    assert world.result == "wait_timeout"


async def test_each_wait_takes_an_answer_of_its_own() -> None:
    world = World(called={"a1": {"body": 1}, "a2": {"body": 2}})
    steps = (wait(as_="x"), wait(as_="y"), answer(["{{x.body}}", "{{y.body}}"]))
    for each in steps[:2]:
        each["as"] = each.pop("as_")
    assert (await ran(*steps, world=world)).result == [1, 2]
    assert world.called == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(3))
async def test_an_answer_is_taken_once_wherever_the_run_is_killed(commit: int, when: str) -> None:
    world = World(called={"a1": CALLED}, crash_at=(commit, when))
    task = task_of(wait(), add("t", {"by": "{{answer.query.by}}"}), wait(timeout_s=1))
    await lived(world, task)
    assert world.failure.code == "wait_timeout"
    assert world.docs("t") == [{"by": "ada"}]


async def test_the_url_is_the_same_in_all_lives_of_a_run() -> None:
    world = World(crash_at=(1, "after"))
    task = task_of(
        add("first", {"url": "{{run.resume_url}}"}),
        {"function": "sleep", "seconds": 60},
        add("second", {"url": "{{run.resume_url}}"}),
    )
    await lived(world, task)
    [first], [second] = world.docs("first"), world.docs("second")
    assert first == second
    assert first["url"].startswith("https://hub.example/resume/run_")
    assert len(first["url"].rpartition("/")[2]) == 32


CAME = {"id": "evt_1", "source": "bank", "type": "payment.made", "body": {"order": 3}}


async def test_a_step_tells_which_event_it_waits_for() -> None:
    world = World()
    fields = {"event_type": "payment.*", "filter": {"order": "{{order}}", "sum": {"$gt": 5}}}
    steps = (let("order", 3), wait(timeout_s=60, **fields))
    await execute(world, task_of(*steps))
    waits = EventWait.of_text(world.segments[-1].awaits_event or "")
    assert (waits.path, waits.event_type, waits.source) == ("1", "payment.*", None)
    assert waits.may_fit("evt_9", "bank", "payment.made", waits.since_us)
    assert not waits.may_fit("evt_9", "bank", "refund", waits.since_us)
    assert not waits.may_fit("evt_9", "bank", "payment.made", waits.since_us - 1)
    assert waits.fits({"order": 3, "sum": 6})
    assert not waits.fits({"order": 3, "sum": 5})
    assert not waits.fits({"order": 4, "sum": 6})


async def test_an_event_is_not_taken_for_a_call_nor_for_another_step() -> None:
    world = World(called={"a1": {"wait": "1", "event": CAME}, "a2": CALLED})
    steps = (wait(timeout_s=1), wait(source="bank", timeout_s=1), answer("{{answer.body.order}}"))
    assert (await ran(*steps, world=world)).result == 3
    world = World(called={"a1": {"wait": "0", "event": CAME}})
    await lived(world, task_of(wait(timeout_s=1), answer("{{answer}}")))
    assert world.failure.code == "wait_timeout"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(3))
async def test_an_event_is_taken_once_wherever_the_run_is_killed(commit: int, when: str) -> None:
    world = World(called={"a1": {"wait": "0", "event": CAME}}, crash_at=(commit, when))
    bank = wait(source="bank", timeout_s=1)
    await lived(world, task_of(bank, add("t", {"order": "{{answer.body.order}}"}), bank))
    assert world.failure.code == "wait_timeout"
    assert world.docs("t") == [{"order": 3}]
    last = EventWait.of_text(world.segments[-2].awaits_event or "")
    assert (last.path, last.taken) == ("2", ("evt_1",))
