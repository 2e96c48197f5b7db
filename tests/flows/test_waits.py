"""A person approves by a link in a mail."""

import asyncio
from urllib.parse import urlsplit

from tests.program import Driven
from tests.sink import Sink

STACK = """
{ task: "order", function_stack: [
  { function: "external_api_request", url: "%s", data: { approve: "{{run.resume_url}}" } },
  { function: "wait_for", timeout_s: %d, as: "approval" },
  { function: "return_response", body: { by: "{{approval.query.by}}", said: "{{approval.body}}" } },
] }
"""


async def asked(hub: Driven, make: Sink, timeout_s: int = 3600) -> tuple[str, str]:
    """A run that has sent its link; the run's id and the path of the link."""
    await hub.put("/v1/stacks/shop", STACK % (make.url, timeout_s))
    started = await hub.api.post("/v1/tasks/shop/order/runs", json={"input": {}})
    async with asyncio.timeout(10):
        while not make.requests:
            await asyncio.sleep(0.02)
    return started.json()["id"], urlsplit(make.requests[0].json["approve"]).path


async def test_a_link_that_is_called_has_the_run_go_on(hub: Driven, make: Sink) -> None:
    run_id, link = await asked(hub, make)
    await hub.until(f"/v1/runs/{run_id}", status="waiting")
    taken = await hub.api.post(f"{link}?by=ada", json={"ok": True}, headers={"authorization": ""})
    assert (taken.status_code, taken.json()) == (200, {"status": "taken"})
    assert taken.headers["referrer-policy"] == "no-referrer"
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert run["result"] == {"by": "ada", "said": {"ok": True}}
    again = await hub.api.get(link)
    assert (again.status_code, again.json()["code"]) == (409, "run_ended")


async def test_a_link_is_called_at_once_or_twice(hub: Driven, make: Sink) -> None:
    run_id, link = await asked(hub, make)
    answers = await asyncio.gather(*(hub.api.get(f"{link}?by={n}") for n in range(4)))
    assert min(each.status_code for each in answers) == 200
    assert {each.json().get("code") for each in answers} <= {
        None,
        "already_answered",
        "run_ended",
    }
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    first = next(n for n, each in enumerate(answers) if each.status_code == 200)
    assert run["result"]["by"] == str(first)


async def test_nobody_guesses_a_link(hub: Driven, make: Sink) -> None:
    run_id, link = await asked(hub, make)
    for path in (f"/resume/{run_id}", f"/resume/{run_id}/", f"/resume/{run_id}/x", f"{link}x",
                 "/resume/run_0/x", "/resume/", f"/resume/{run_id}/None"):  # fmt: skip
        answer = await hub.api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "resume_unknown"), path
        assert link not in answer.text
    refused = await hub.api.request("DELETE", link)
    assert refused.status_code == 405
    assert (await hub.get(f"/v1/runs/{run_id}"))["status"] in ("running", "waiting")


async def test_a_wait_ends_with_its_time(hub: Driven, make: Sink) -> None:
    run_id, _ = await asked(hub, make, 3)
    run = await hub.until(f"/v1/runs/{run_id}", status="failed")
    assert run["failure"]["code"] == "wait_timeout"
