"""Runs that have to wait for each other: by their lane, and by their key."""

import asyncio
from typing import Any

from tests.program import Driven
from tests.sink import Answer, Arrived, Sink

STACK = """
{ priority_queue_system: { low_priority: { max_concurrent: 2, timeout: 60000 } } }
{ task: "lane", lane: "low", function_stack: [
  { function: "external_api_request", url: "%s", data: { lane: true } },
] }
{ task: "key", concurrency_key: "{{customer}}", function_stack: [
  { function: "external_api_request", url: "%s", data: { customer: "{{customer}}" } },
] }
"""


async def together(hub: Driven, task: str, *inputs: dict[str, Any]) -> None:
    """Start runs at once, and see them end well."""
    started = [
        (await hub.api.post(f"/v1/tasks/shop/{task}/runs", json={"input": given})).json()["id"]
        for given in inputs
    ]
    for run_id in started:
        await hub.until(f"/v1/runs/{run_id}", status="succeeded")


async def stack_for(hub: Driven, make: Sink) -> list[tuple[float, float]]:
    """The stack, and a sink that takes a while; when each request came and was answered."""
    loop, times = asyncio.get_running_loop(), []

    def slow(n: int, request: Arrived) -> Answer:
        begun = loop.time()
        times.append((begun, begun + 0.15))
        return Answer(delay_s=0.15)

    make.answer = slow
    await hub.put("/v1/stacks/shop", STACK % (make.url, make.url))
    return times


def most_at_once(times: list[tuple[float, float]]) -> int:
    return max(sum(begin <= at < end for begin, end in times) for at, _ in times)


async def test_no_more_of_a_lane_run_at_once_than_it_may(hub: Driven, make: Sink) -> None:
    times = await stack_for(hub, make)
    await together(hub, "lane", *({} for _ in range(6)))
    assert len(times) == 6
    assert most_at_once(times) == 2


async def test_runs_with_one_key_go_one_after_the_other(hub: Driven, make: Sink) -> None:
    times = await stack_for(hub, make)
    begun = asyncio.get_running_loop().time()
    await together(hub, "key", *({"customer": n % 2} for n in range(8)))
    took = asyncio.get_running_loop().time() - begun
    assert most_at_once(times) == 2
    assert took < 4  # the next one follows at once, not at the next look


async def test_the_lanes_tell_what_waits_in_them(hub: Driven, make: Sink) -> None:
    await stack_for(hub, make)
    high, normal, low = (await hub.get("/v1/lanes"))["items"]
    assert (high["name"], normal["max_concurrent"], low["max_concurrent"]) == ("high", 100, 2)
    assert (low["timeout_ms"], low["delay_s"], low["oldest_due_age_s"]) == (60000, 0, None)
    await together(hub, "lane", {}, {})
    later = {"input": {}, "delay_s": 600, "lane": "high"}
    await hub.api.post("/v1/tasks/shop/lane/runs", json=later)
    high, _, low = (await hub.get("/v1/lanes"))["items"]
    assert (high["waiting"], high["due"], high["running"]) == (1, 0, 0)
    assert low["finished_per_minute"] == 2
