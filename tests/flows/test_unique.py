"""Runs that are started again and again by many events, and are to run once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.program import Driven

STACK = """
{ task: "sync", function_stack: [
  { function: "add_record", table: "done", data: { n: "{{n}}" } },
] }
{ task: "asks", function_stack: [
  { function: "background_task", task: "sync", data: { n: "{{n}}" }, unique: "{{shop}}",
    delay: 1, as: "first" },
  { function: "background_task", task: "sync", data: { n: "again" }, unique: "{{shop}}",
    delay: 1, as: "second" },
  { function: "return_response", body: ["{{first.id}}", "{{second.id}}"] },
] }
{ task: "waits_a_moment", function_stack: [
  { function: "background_task", task: "sync", data: { n: "{{n}}" }, debounce: 2 },
] }
"""


@pytest.fixture(autouse=True)
async def stack(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", STACK)


async def start(hub: Driven, task: str, **given: Any) -> str:
    answer = await hub.api.post(f"/v1/tasks/{task}/runs", json=given)
    assert answer.status_code in (200, 202), answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def done(hub: Driven) -> list[Any]:
    records = (await hub.get("/v1/tables/done/records"))["items"]
    return [each["fields"]["n"] for each in records]


async def test_while_one_has_not_ended_it_is_the_one(hub: Driven) -> None:
    given = {"unique": "a", "delay_s": 0.6, "input": {"n": 1}}
    ids = {await start(hub, "sync", **given) for _ in range(5)}
    ids |= set(await asyncio.gather(*(start(hub, "sync", **given) for _ in range(20))))
    assert len(ids) == 1
    other = await start(hub, "sync", **{**given, "unique": "b", "input": {"n": 2}})
    assert other not in ids
    for run_id in (*ids, other):
        await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    after = await start(hub, "sync", **{**given, "delay_s": 0, "input": {"n": 3}})
    assert after not in ids
    await hub.until(f"/v1/runs/{after}", status="succeeded")
    assert await done(hub) == [1, 2, 3]


async def test_a_cancelled_one_makes_way(hub: Driven) -> None:
    first = await start(hub, "sync", unique="a", delay_s=600)
    await hub.api.post(f"/v1/runs/{first}/cancel")
    second = await start(hub, "sync", unique="a", input={"n": 1})
    assert second != first
    await hub.until(f"/v1/runs/{second}", status="succeeded")


async def test_a_step_gives_the_run_that_is_there(hub: Driven) -> None:
    asking = [await start(hub, "asks", input={"n": n, "shop": 5}) for n in range(3)]
    found = set()
    for each in asking:
        run = await hub.until(f"/v1/runs/{each}", status="succeeded")
        found |= set(run["result"])
    [run_id] = found
    await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert await done(hub) == [0]


@pytest.mark.parametrize("by", ["api", "step"])
async def test_a_burst_is_one_run_with_the_last_input(hub: Driven, by: str) -> None:
    for n in range(6):
        if by == "api":
            await start(hub, "sync", input={"n": n}, debounce_s=2)
        else:
            asking = await start(hub, "waits_a_moment", input={"n": n})
            await hub.until(f"/v1/runs/{asking}", status="succeeded")
        await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        while not (found := await done(hub)):
            await asyncio.sleep(0.02)
    assert found == [5]
    last = await start(hub, "sync", input={"n": "later"}, debounce_s=0.05)
    await hub.until(f"/v1/runs/{last}", status="succeeded")
    assert await done(hub) == [5, "later"]


async def test_a_burst_without_end_is_done_now_and_then(hub: Driven) -> None:
    first = await start(hub, "sync", input={"n": 0}, debounce_s=0.1)
    async with asyncio.timeout(5):
        while await start(hub, "sync", input={"n": 1}, debounce_s=0.1) == first:
            await asyncio.sleep(0.03)
    run = await hub.get(f"/v1/runs/{first}")
    created, due = (datetime.fromisoformat(run[name]) for name in ("created_at", "due_at"))
    assert due - created <= timedelta(seconds=1)


async def test_a_time_may_be_given(hub: Driven) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    run_id = await start(hub, "sync", at=soon, input={"n": 1})
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert run["started_at"] >= soon[:23]
    past = await start(hub, "sync", at="2001-01-01T00:00:00Z", input={"n": 2})
    await hub.until(f"/v1/runs/{past}", status="succeeded")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"at": "3026-01-01"}, "at most ten years away"),
        ({"at": "next week"}, "no date"),
        ({"at": "2030-01-01", "delay_s": 5}, "Give either 'delay_s' or 'at'"),
        ({"debounce_s": 5, "delay_s": 5}, "'debounce_s' says when it starts"),
        ({"unique": "a", "idempotency_key": "b"}, "Give either 'idempotency_key' or 'unique'"),
        ({"debounce_s": -1}, "debounce_s"),
    ],
)
async def test_what_does_not_fit_together_is_refused(
    hub: Driven, body: dict[str, Any], says: str
) -> None:
    answer = await hub.api.post("/v1/tasks/sync/runs", json=body)
    assert answer.status_code == 422
    assert says in answer.text
