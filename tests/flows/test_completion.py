"""Who asked for it is told when a run has ended: once, and signed with the hub's own key."""

import asyncio
import time
from typing import Any

import pytest

from hub.model.http import Headers
from hub.signature import parse_secret, verify_standard
from tests.program import Driven
from tests.sink import Arrived, Sink, open_sink

STACK = """
{ task: "good", function_stack: [{ function: "return_response", body: { n: "{{n}}" } }] }
{ task: "bad", function_stack: [{ function: "throw_error", message: "no", code: "mine" }] }
{ task: "long", function_stack: [{ function: "sleep", seconds: 600 }] }
{ task: "told", completion_webhook: "%s", function_stack: [] }
{ task: "secret", completion_webhook: "{{env.HOOK}}", function_stack: [] }
{ task: "by_name", completion_webhook: "make", function_stack: [] }
{ task: "asks", function_stack: [
  { function: "background_task", task: "good", data: { n: 7 }, completion_webhook: "%s" },
] }
"""


async def start(hub: Driven, task: str, **given: Any) -> str:
    answer = await hub.api.post(f"/v1/tasks/{task}/runs", json=given)
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    return run_id


@pytest.fixture
async def stack(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/stacks/shop", STACK % (make.url, make.url))


async def the_notice(sink: Sink) -> Arrived:
    [notice] = await sink.wait_for(1)
    return notice


@pytest.mark.parametrize(
    ("task", "status", "result", "code"),
    [("good", "succeeded", {"n": 3}, None), ("bad", "failed", None, "mine")],
)
async def test_one_call_asks_for_it(
    hub: Driven, stack: None, make: Sink, task: str, status: str, result: Any, code: str | None
) -> None:
    secret = (await hub.api.post("/v1/signing-key/rotate")).json()["secret"]
    run_id = await start(hub, task, input={"n": 3}, completion_webhook=make.url)
    notice = await the_notice(make)
    verify_standard(
        [parse_secret(secret)], Headers(notice.headers.items()), notice.body, time.time()
    )
    told = notice.json
    assert told["type"] == f"run.{status}"
    assert (told["data"]["id"], told["data"]["task"]) == (run_id, f"shop/{task}")
    assert (told["data"]["status"], told["data"]["result"]) == (status, result)
    assert (told["data"]["failure"] or {}).get("code") == code


@pytest.mark.parametrize("task", ["told", "secret", "by_name", "asks"])
async def test_a_task_says_who_is_told(hub: Driven, stack: None, make: Sink, task: str) -> None:
    await hub.put("/v1/variables/HOOK", {"value": make.url, "secret": True})
    await start(hub, task)
    notice = await the_notice(make)
    assert notice.json["type"] == "run.succeeded"
    assert ("webhook-signature" in notice.headers) is (task != "by_name")
    found = (await hub.get("/v1/deliveries"))["items"]
    assert len(found) == 1
    await hub.until(f"/v1/deliveries/{found[0]['id']}", status="delivered")


async def test_a_cancelled_run_tells_it_too(hub: Driven, stack: None, make: Sink) -> None:
    run_id = await start(hub, "long", completion_webhook=make.url)
    await hub.until(f"/v1/runs/{run_id}", status="waiting")
    await hub.api.post(f"/v1/runs/{run_id}/cancel")
    assert (await the_notice(make)).json["type"] == "run.cancelled"


async def test_both_secrets_sign_after_a_rotation(hub: Driven, stack: None) -> None:
    async with open_sink() as sink:
        first, second = [
            (await hub.api.post("/v1/signing-key/rotate")).json()["secret"] for _ in range(2)
        ]
        await start(hub, "good", completion_webhook=sink.url)
        [notice] = await sink.wait_for(1)
        for secret in (first, second):
            verify_standard(
                [parse_secret(secret)], Headers(notice.headers.items()), notice.body, time.time()
            )
    assert (await hub.get("/v1/signing-key")) == {"scheme": "standard", "secrets": 2}


async def test_a_variable_that_is_gone_is_said(hub: Driven, stack: None) -> None:
    await start(hub, "secret")
    async with asyncio.timeout(5):
        while not (deliveries := (await hub.get("/v1/deliveries"))["items"]):
            await asyncio.sleep(0.02)
    [found] = deliveries
    shown = await hub.until(f"/v1/deliveries/{found['id']}", status="dead")
    assert "There is no variable 'HOOK'" in shown["reason"]


@pytest.mark.parametrize("webhook", ["ftp://x", "{{input.url}}", "a b", ""])
async def test_what_is_no_address_is_refused(hub: Driven, stack: None, webhook: str) -> None:
    body = {"completion_webhook": webhook}
    answer = await hub.api.post("/v1/tasks/good/runs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    assert "Give a URL, {{env.NAME}}, or the name of a destination" in answer.text
