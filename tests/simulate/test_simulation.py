"""Simulations: what takes weeks is over in a moment, and everything is told."""

from typing import Any

import pytest

from hub.bootstrap import load_connectors
from hub.errors import InvalidError, LimitError
from hub.model.time import from_iso, to_iso
from hub.simulate.answers import StubSender, parse_answers
from hub.simulate.report import as_json, for_people
from hub.simulate.simulation import Clock, Wanted, simulation

MORNING = "2026-03-01T08:00:00.000000Z"
DAY_US = 86_400_000_000
TRIAL = """
{ task: "begin", function_stack: [
  { function: "add_record", table: "trials", data: { user: "{{input.user}}" } },
  { function: "background_task", task: "remind", data: { trial: "{{trials.id}}" }, delay: 1209600 },
] }
{ task: "remind", function_stack: [
  { function: "get_record", table: "users", record_id: 7 },
  { function: "conditional", condition: "{{users.plan != 'pro'}}", true_stack: [
    { function: "external_api_request", url: "{{env.MAIL}}", data: { to: "{{users.email}}" } },
  ] },
] }
"""


async def simulated(
    text: str, task: str | None = None, days: float = 0, **given: Any
) -> dict[str, Any]:
    """What a simulation that begins in the morning came to."""
    answers = given.pop("answers", {})
    clock = Clock(from_iso(given.pop("begin", MORNING)))
    stacks = {given.pop("stack", "shop"): text}
    wanted = Wanted(stacks, task, span_us=int(days * DAY_US), **given)
    sender = StubSender(parse_answers(answers), clock.pass_time)
    async with simulation(wanted, sender, load_connectors(), clock) as made:
        await made.run()
        return await as_json(made)


def kinds(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in told["timeline"] if each["kind"] == kind]


USERS = {"users": [{"id": 7, "email": "ada@example.com", "plan": "trial"}]}


async def test_a_reminder_of_a_fortnight_is_sent_at_its_time() -> None:
    given: dict[str, Any] = {"tables": USERS, "variables": {"MAIL": "https://mail.example/send"}}
    told = await simulated(TRIAL, "begin", 15, input={"user": 7}, **given)
    assert [each["task"] for each in kinds(told, "run")] == ["shop/begin", "shop/remind"]
    [request] = kinds(told, "request")
    assert request["at"] == "2026-03-15T08:00:00.000000Z"
    assert (request["url"], request["body"]) == (
        "https://mail.example/send",
        {"to": "ada@example.com"},
    )
    assert told["left"] == []


async def test_what_lies_beyond_the_span_is_told_as_left() -> None:
    told = await simulated(TRIAL, "begin", 13, input={"user": 7})
    assert kinds(told, "request") == []
    [left] = told["left"]
    assert (left["task"], left["due_at"]) == ("shop/remind", "2026-03-15T08:00:00.000000Z")
    assert told["tables"]["trials"][0]["user"] == 7


async def test_schedules_fire_at_their_times_in_their_zone() -> None:
    text = """{ scheduled_task: { name: "daily", schedule: "0 6 * * *", timezone: "Europe/Berlin",
      function_stack: [{ function: "add_record", table: "t", data: { at: "{{now()}}" } }] } }"""
    told = await simulated(text, None, 2)
    assert [each["at"] for each in told["tables"]["t"]] == [
        "2026-03-02T05:00:00.000000Z",
        "2026-03-03T05:00:00.000000Z",
    ]
    assert len(kinds(told, "schedule")) == 2


async def test_deliveries_are_tried_again_on_their_schedule() -> None:
    text = """{ task: "send", function_stack: [
      { function: "deliver", destination: "till", payload: { n: 1 } } ] }"""
    answers = {"https://till.": [{"status": 503}, {"failure": "timeout"}, {"status": 200}]}
    told = await simulated(text, "send", 1, answers=answers)
    requests = kinds(told, "request")
    assert [each["status"] for each in requests] == [503, None, 200]
    assert len({each["idempotency_key"] for each in requests}) == 1
    waited = [from_iso(each["at"]) - from_iso(MORNING) for each in requests]
    assert 4_000_000 < waited[1] < 7_000_000
    assert waited[2] > waited[1] + 20_000_000


async def test_a_step_that_is_tried_again_parks_its_run() -> None:
    text = """{ task: "ask", function_stack: [
      { function: "external_api_request", url: "https://api.example/", retry: { max: 2, base_s: 60,
        jitter: 0 } }, { function: "return_response", body: "{{response.body.ok}}" } ] }"""
    answers = {"*": [{"status": 500}, {"status": 502}, {"body": {"ok": True}}]}
    told = await simulated(text, "ask", 1, answers=answers)
    assert [each["at"][11:19] for each in kinds(told, "request")] == [
        "08:00:00",
        "08:01:00",
        "08:03:00",
    ]
    assert [each["status"] for each in kinds(told, "run")] == ["waiting", "waiting", "succeeded"]
    assert kinds(told, "run")[-1]["result"] is True


async def test_a_chain_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.simulate.simulation.MAX_RUNS", 1_000)
    text = '{ task: "a", function_stack: [{ function: "background_task", task: "a", delay: 1 }] }'
    with pytest.raises(LimitError, match="More than 1,000 runs"):
        await simulated(text, "a", 1)


async def test_what_people_see_is_a_line_for_each_step() -> None:
    clock = Clock(from_iso(MORNING))
    wanted = Wanted({"shop": TRIAL}, "begin", input={"user": 7})
    async with simulation(wanted, StubSender({}, clock.pass_time), {}, clock) as made:
        await made.run()
        told = await for_people(made, tables=True)
    assert "shop/begin  succeeded" in told
    assert "add_record" in told
    assert "Would go on later:\n  2026-03-15T08:00:00.000000Z  shop/remind" in told
    assert "Table trials:" in told


async def test_secrets_and_auth_are_what_is_given() -> None:
    text = """{ task: "ask", function_stack: [
      { function: "external_api_request", url: "https://api.example/{{env.TOKEN}}", as: "r" },
      { function: "return_response", body: "{{auth.user.id}}" } ] }"""
    told = await simulated(
        text, "ask", secrets={"TOKEN": "hunter2"}, context={"auth": {"user": {"id": "ada"}}}
    )
    assert kinds(told, "request")[0]["url"] == "https://api.example/hunter2"
    [run] = kinds(told, "run")
    assert run["result"] == "ada"
    assert "hunter2" not in str(run)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tables": {"users": [5]}}, "must be an object"),
        ({"tables": {"users": [{"id": "x"}]}}, "must be a number"),
        ({"tables": {"users": [{"created_at": "yesterday"}]}}, "ISO 8601"),
        ({"tables": {"no table": []}}, "is no table name"),
        ({"answers": {"https://x/": {"stauts": 1}}}, "stauts"),
        ({"answers": {"https://x/": []}}, "cannot be used"),
        ({"answers": {"https://x/": {"failure": "odd"}}}, "cannot be used"),
    ],
)
async def test_what_cannot_be_used_is_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        await simulated(TRIAL, "begin", **given)


def test_a_clock_jumps_and_never_goes_back() -> None:
    clock = Clock(from_iso(MORNING))
    clock.move_to(from_iso(MORNING) + DAY_US)
    clock.move_to(from_iso(MORNING))
    assert to_iso(clock.now_us()) == "2026-03-02T08:00:00.000000Z"
