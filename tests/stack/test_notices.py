"""Steps that tell how the work went: in the shape of a run's notice, and never a failure."""

from typing import Any

import pytest

from hub.model.json import loads
from hub.model.run import RunStatus
from hub.stack.ports import Notified
from tests.stack.make import answer, attempt, into, let, throw
from tests.stack.world import RUN_ID, CrashNow, World, ran

USUAL = Notified(of_completion=("till",), of_error=("make-leads",))


def done(**fields: Any) -> dict[str, Any]:
    return {"function": "send_completion_notification", **fields}


def broke(**fields: Any) -> dict[str, Any]:
    return {"function": "send_error_notification", **fields}


def told(world: World) -> list[tuple[str, Any]]:
    """What each destination is told."""
    return [(each.destination, loads(each.body)) for each in world.deliveries]


def told_of(world: World) -> dict[str, Any]:
    """The result of the step, as it is journaled."""
    [entry] = [each for each in world.entries if each.function.endswith("_notification")]
    output: dict[str, Any] = entry.output  # type: ignore[assignment]  # an object, as it says
    return output


async def test_it_tells_a_destination_and_the_run_s_channel_in_the_shape_of_a_notice() -> None:
    steps = [let("results", {"download_url": "https://x"}), answer({"rows": 3})]
    world = await ran(*steps, done(destination="till", message="Done: {{1 + 2}}"))
    [(slug, notice)] = told(world)
    assert (slug, notice["type"]) == ("till", "run.succeeded")
    assert notice["timestamp"].endswith("Z")
    assert notice["data"] == {
        "id": RUN_ID,
        "task": "shop/main",
        "status": "succeeded",
        "result": {"rows": 3},
        "failure": None,
        "event_id": None,
        "parent": None,
        "message": "Done: 3",
        "results": {"download_url": "https://x"},
    }
    [said] = world.publications
    assert (said.channel, said.event) == (f"runs.{RUN_ID}", "run.succeeded")
    assert loads(said.data) == notice["data"]


async def test_an_error_in_scope_is_the_notice_s_failure() -> None:
    caught = [broke(destinations=["till", "make-leads", "till"], message="{{error.message}}")]
    world = await ran(attempt([throw("No rows.", code="empty")], caught))
    assert [slug for slug, _ in told(world)] == ["till", "make-leads"]
    _, notice = told(world)[0]
    assert (notice["type"], notice["data"]["status"]) == ("run.failed", "failed")
    assert notice["data"]["failure"] == {"code": "empty", "message": "No rows.", "step": "0/try/0"}
    assert notice["data"]["message"] == "No rows."
    assert [each.event for each in world.publications] == ["run.failed"]


async def test_without_an_error_a_failure_is_told_by_its_message_alone() -> None:
    world = await ran(broke(destination="till", message={"n": 1}))
    _, notice = told(world)[0]
    assert (notice["data"]["failure"], notice["data"]["message"]) == (None, '{"n":1}')


@pytest.mark.parametrize(
    ("step", "slug"), [(done(), "till"), (broke(), "make-leads"), (done(destination=None), "till")]
)
async def test_where_the_step_names_nobody_those_of_the_settings_are_told(
    step: Any, slug: str
) -> None:
    world = await ran(step, world=World(notified=USUAL))
    assert [each.destination for each in world.deliveries] == [slug]
    assert told_of(world)["skipped"] == []


@pytest.mark.parametrize(
    ("step", "setting"),
    [
        (done(), "HUB_NOTIFY_DESTINATIONS"),
        (done(destination=[]), "HUB_NOTIFY_DESTINATIONS"),
        (broke(), "HUB_NOTIFY_ERROR_DESTINATIONS"),
    ],
)
async def test_where_nobody_is_named_at_all_that_is_noted_and_the_channel_is_told(
    step: Any, setting: str
) -> None:
    world = await ran(step)
    output = told_of(world)
    assert output["deliveries"] == []
    assert output["skipped"] == [
        {"to": None, "reason": f"No destination is named, nor set by {setting}."}
    ]
    assert len(world.publications) == 1
    [note] = [each.note for each in world.entries if each.note]
    assert setting in note


@pytest.mark.parametrize(
    ("fields", "to", "reason"),
    [
        ({"destination": "nobody"}, "nobody", "There is no destination 'nobody'"),
        ({"destination": 5}, None, "a slug or a list of slugs"),
        ({"destination": ["till", {}]}, None, "a slug or a list of slugs"),
        ({"destination": "{{env.GONE}}"}, None, "There is no variable 'GONE'"),
        ({"destination": "till", "message": "{{env.GONE}}"}, "message", "no variable 'GONE'"),
        ({"destination": "till", "message": "x" * 300_000}, f"runs.{RUN_ID}", "256 KiB"),
    ],
)
@pytest.mark.parametrize("function", ["send_completion_notification", "send_error_notification"])
async def test_it_never_fails_the_run_and_says_what_it_skipped(
    function: str, fields: dict[str, Any], to: str | None, reason: str
) -> None:
    world = await ran({"function": function, **fields})
    assert world.ending is not None
    assert world.ending.status is RunStatus.SUCCEEDED
    [skipped] = told_of(world)["skipped"]
    assert skipped["to"] == to
    assert reason in skipped["reason"]


async def test_one_that_is_unknown_keeps_none_of_the_others_from_being_told() -> None:
    world = await ran(into("told", done(destination=["nobody", "till"])), answer("{{told}}"))
    assert [each["destination"] for each in world.result["deliveries"]] == ["till"]
    assert [each["to"] for each in world.result["skipped"]] == ["nobody"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_after_a_crash_nobody_is_told_twice(when: str) -> None:
    wait = {"function": "sleep", "seconds": 60}
    world = World(crash_at=(0, when))
    steps = [done(destination=["till", "make-leads"]), wait, answer("ok")]
    with pytest.raises(CrashNow):
        await ran(*steps, world=world)
    world.restart()
    await ran(*steps, world=world)
    world.resume()
    await ran(*steps, world=world)
    assert world.result == "ok"
    assert [each.destination for each in world.deliveries] == ["till", "make-leads"]
    assert len({each.idempotency_key for each in world.deliveries}) == 2
    assert len(world.publications) == 1
