"""What a sender is told: what the run answers, or an answer of one's own."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.program import Driven

DOUBLE = """{ task: "double", source: "shop", function_stack: [
  { function: "add_record", table: "calls", data: { n: "{{n}}" } },
  { function: "return_response", status: 201, headers: { "X-Twice": "{{n * 2}}" },
    body: { twice: "{{n * 2}}" } } ] }"""


async def source(hub: Driven, stack: str = DOUBLE, **setting: Any) -> None:
    await hub.put("/v1/stacks/shop", stack)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}, "respond": "result", **setting})


async def send(hub: Driven, body: Any, **headers: str) -> httpx.Response:
    return await hub.api.post("/in/shop", json=body, headers=headers)


async def test_the_sender_gets_what_the_run_answers(hub: Driven) -> None:
    await source(hub)
    answer = await send(hub, {"n": 21})
    assert (answer.status_code, answer.json()) == (201, {"twice": 42})
    assert answer.headers["x-twice"] == "42"
    run = await hub.get(f"/v1/runs/{answer.headers['hub-run']}")
    assert run["event_id"] == answer.headers["webhook-id"]
    assert answer.headers["content-security-policy"] == "sandbox"  # it is not the hub that speaks


async def test_a_duplicate_gets_the_answer_of_the_first_and_runs_nothing(hub: Driven) -> None:
    await source(hub)
    first = await send(hub, {"n": 1}, **{"Idempotency-Key": "a"})
    again = await asyncio.gather(
        *(send(hub, {"n": n}, **{"Idempotency-Key": "a"}) for n in range(10))
    )
    assert {each.content for each in again} == {first.content}
    assert {each.status_code for each in again} == {201}
    assert len((await hub.get("/v1/tables/calls/records"))["items"]) == 1


async def test_copies_at_the_same_moment_all_wait_for_the_one_run(hub: Driven) -> None:
    slow = DOUBLE.replace(
        '{ function: "return_response"',
        '{ function: "wait", duration: 0.5 },\n  { function: "return_response"',
    )
    await source(hub, slow)
    answers = await asyncio.gather(*(send(hub, {"n": 4}, **{"Webhook-Id": "b"}) for _ in range(20)))
    assert [(each.status_code, each.json()) for each in answers] == [(201, {"twice": 8})] * 20
    assert len((await hub.get("/v1/tables/calls/records"))["items"]) == 1


async def test_what_takes_too_long_is_answered_with_the_runs_address(hub: Driven) -> None:
    slow = """{ task: "double", source: "shop", function_stack: [
      { function: "wait", duration: 3600 }, { function: "return_response", body: 1 } ] }"""
    await source(hub, slow, wait_s=0.3)
    answer = await send(hub, {})
    assert answer.status_code == 202
    told = answer.json()
    assert told["status"] == "running"
    assert answer.headers["location"] == told["url"]
    assert (await hub.get(f"/v1/runs/{told['run_id']}"))["status"] == "waiting"


async def test_a_run_that_ends_without_an_answer_says_so(hub: Driven) -> None:
    await source(hub, '{ task: "t", source: "shop", function_stack: [] }')
    answer = await send(hub, {})
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize(("code", "status"), [("not_found", 404), ("boiler_broken", 500)])
async def test_a_run_that_fails_is_told_as_a_problem(hub: Driven, code: str, status: int) -> None:
    await source(
        hub,
        '{ task: "t", source: "shop", function_stack: ['
        f'{{ function: "throw_error", code: "{code}", message: "No such order." }} ] }}',
    )
    answer = await send(hub, {})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"] == "No such order."
    assert answer.headers["webhook-id"].startswith("evt_")  # it is recorded all the same


async def test_what_runs_nothing_is_answered_at_once(hub: Driven) -> None:
    await source(hub, filter="{{n > 1}}")
    answer = await send(hub, {"n": 1})
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")


@pytest.mark.parametrize(
    ("respond", "status", "kind", "body"),
    [
        ({"body": "OK"}, 200, "text/plain; charset=utf-8", b"OK"),
        ({"status": 201, "body": {"ok": True}}, 201, "application/json", b'{"ok":true}'),
        ({"status": 204}, 204, None, b""),
        ({}, 200, "text/plain; charset=utf-8", b""),
        (
            {"body": "<Response/>", "headers": {"Content-Type": "text/xml", "X-A": "b"}},
            *(200, "text/xml", b"<Response/>"),
        ),
    ],
)
async def test_a_source_may_answer_in_its_own_words(
    hub: Driven, respond: dict[str, Any], status: int, kind: str | None, body: bytes
) -> None:
    await source(hub, respond=respond)
    for _ in range(2):  # a duplicate is told the same: a second answer would puzzle the sender
        answer = await send(hub, {"n": 1}, **{"Idempotency-Key": "a"})
        assert (answer.status_code, answer.headers.get("content-type")) == (status, kind)
        assert answer.content == body
        assert answer.headers["webhook-id"].startswith("evt_")
