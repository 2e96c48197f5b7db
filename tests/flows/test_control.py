"""A person ends runs, and has failed ones go on."""

import asyncio

from tests.program import Driven
from tests.sink import Answer, Arrived, Sink

STACK = """
{ task: "wait", function_stack: [
  { function: "add_record", table: "begun", data: { n: 1 } },
  { function: "sleep", seconds: 3600 },
  { function: "add_record", table: "ended", data: { n: 1 } },
] }
{ task: "ask", function_stack: [
  { function: "add_record", table: "begun", data: { n: 1 } },
  { function: "external_api_request", url: "%s", data: { n: 1 }, timeout: 60000 },
  { function: "add_record", table: "ended", data: { status: "{{response.status}}" } },
  { function: "return_response", body: "{{begun.id}}" },
] }
"""


async def started(hub: Driven, task: str, **fields: object) -> str:
    answer = await hub.api.post(f"/v1/tasks/shop/{task}/runs", json={"input": {}, **fields})
    run_id: str = answer.json()["id"]
    return run_id


async def rows(hub: Driven, table: str) -> int:
    return len((await hub.get(f"/v1/tables/{table}/records"))["items"])


async def test_a_run_is_cancelled_before_it_begins_while_it_waits_and_in_a_request(
    hub: Driven, make: Sink
) -> None:
    make.answer = lambda n, request: Answer(delay_s=30)
    await hub.put("/v1/stacks/shop", STACK % make.url)
    later = await started(hub, "wait", delay_s=3600)
    waiting = await started(hub, "wait")
    await hub.until(f"/v1/runs/{waiting}", status="waiting")
    asking = await started(hub, "ask")
    async with asyncio.timeout(10):
        while not make.requests:
            await asyncio.sleep(0.02)
    for run_id in (later, waiting, asking):
        cancelled = await hub.api.post(f"/v1/runs/{run_id}/cancel")
        assert cancelled.json()["status"] == "cancelled"
        assert cancelled.json()["failure"]["code"] == "cancelled"
    assert hub.hub is not None
    async with asyncio.timeout(10):
        while await under_way(hub):
            await asyncio.sleep(0.05)
    again = await hub.api.post(f"/v1/runs/{later}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "run_ended")
    assert (await rows(hub, "begun"), await rows(hub, "ended")) == (2, 0)


async def under_way(hub: Driven) -> bool:
    """Whether this process still works on a run."""
    return any("work-runs" in task.get_name() for task in asyncio.all_tasks())


async def test_a_failed_run_goes_on_from_its_step_with_the_same_key(
    hub: Driven, make: Sink
) -> None:
    def once(n: int, request: Arrived) -> Answer:
        return Answer(503 if n == 0 else 200)

    make.answer = once
    await hub.put("/v1/stacks/shop", STACK % make.url)
    run_id = await started(hub, "ask")
    failed = await hub.until(f"/v1/runs/{run_id}", status="failed")
    assert failed["failure"]["step"] == "1"
    retried = await hub.api.post(f"/v1/runs/{run_id}/retry")
    assert (retried.status_code, retried.json()["id"]) == (202, run_id)
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert (run["result"], run["failure"]) == (1, None)
    assert (await rows(hub, "begun"), await rows(hub, "ended")) == (1, 1)
    assert len({each.key for each in make.requests}) == 1
    refused = await hub.api.post(f"/v1/runs/{run_id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_not_failed")


async def test_a_run_is_run_again_from_the_beginning_as_a_new_one(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/stacks/shop", STACK % make.url)
    run_id = await started(hub, "ask")
    await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    again = await hub.api.post(f"/v1/runs/{run_id}/retry", json={"from": "beginning"})
    other = again.json()["id"]
    assert other != run_id
    run = await hub.until(f"/v1/runs/{other}", status="succeeded")
    assert (run["retry_of"], run["result"]) == (run_id, 2)
    assert len({each.key for each in make.requests}) == 2


async def test_a_cancelled_run_goes_on_where_its_last_commit_was(hub: Driven, make: Sink) -> None:
    text = (STACK % make.url).replace("seconds: 3600", "seconds: 4")
    await hub.put("/v1/stacks/shop", text)
    run_id = await started(hub, "wait")
    await hub.until(f"/v1/runs/{run_id}", status="waiting")
    await hub.api.post(f"/v1/runs/{run_id}/cancel")
    await asyncio.sleep(0.1)
    assert (await hub.api.post(f"/v1/runs/{run_id}/retry")).status_code == 202
    await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert (await rows(hub, "begun"), await rows(hub, "ended")) == (1, 1)
