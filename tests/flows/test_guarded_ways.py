"""Whatever makes a request leave the hub, the guard looks at where it goes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from tests.program import Driven, embedded_hub
from tests.sink import Sink, open_sink

STACK = """
{ task: "deliver", function_stack: [
  { function: "deliver", destination: "trap", payload: {} } ] }
{ task: "ask", function_stack: [
  { function: "external_api_request", url: "{{url}}", method: "GET" } ] }
{ task: "ask_secret", function_stack: [
  { function: "external_api_request", url: "{{env.TRAP}}", method: "POST", data: {} } ] }
{ task: "nothing", function_stack: [] }
"""
Way: TypeAlias = Callable[[Driven, str], Awaitable[str]]


@pytest_asyncio.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Driven]:
    """A hub as it is in production: nothing is opened for it."""
    async with embedded_hub(tmp_path, outbound_allow="") as hub:
        yield hub


@pytest_asyncio.fixture
async def trap() -> AsyncIterator[Sink]:
    """A service that stands inside: nothing may reach it."""
    async with open_sink() as sink:
        yield sink
        assert sink.requests == []


async def the_dead_one(hub: Driven) -> str:
    """Why the one delivery there is will never be sent."""
    found: dict[str, Any] = {"items": []}
    async with asyncio.timeout(10):
        while not found["items"]:
            found = await hub.get("/v1/deliveries?status=dead")
            await asyncio.sleep(0.02)
    (delivery,) = found["items"]
    return str(delivery["reason"])


async def failure(hub: Driven, task: str, url: str) -> str:
    answer = await hub.api.post(f"/v1/tasks/{task}/runs", json={"input": {"url": url}, "wait_s": 5})
    told = answer.json()["failure"]
    assert told["code"] == "address_refused"
    return str(told["message"])


async def by_delivery(hub: Driven, url: str) -> str:
    await hub.put("/v1/destinations/trap", {"url": url})
    await hub.api.post("/v1/tasks/deliver/runs", json={})
    return await the_dead_one(hub)


async def by_a_step(hub: Driven, url: str) -> str:
    return await failure(hub, "ask", url)


async def by_a_step_with_a_variable(hub: Driven, url: str) -> str:
    await hub.put("/v1/variables/TRAP", {"value": url, "secret": True})
    return await failure(hub, "ask_secret", url)


async def by_completion(hub: Driven, url: str) -> str:
    await hub.api.post("/v1/tasks/nothing/runs", json={"completion_webhook": url})
    return await the_dead_one(hub)


async def by_ping(hub: Driven, url: str) -> str:
    made = await hub.api.post("/v1/subscriptions", json={"url": url, "events": ["order.*"]})
    assert made.status_code == 201, made.text
    await hub.api.post(f"/v1/subscriptions/{made.json()['id']}/ping")
    return await the_dead_one(hub)


async def by_subscription(hub: Driven, url: str) -> str:
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    made = await hub.api.post("/v1/subscriptions", json={"url": url, "events": ["*"]})
    assert made.status_code == 201, made.text
    await hub.api.post("/in/shop", json={"type": "order.paid"})
    return await the_dead_one(hub)


WAYS: list[Way] = [
    *(by_delivery, by_a_step, by_a_step_with_a_variable),
    *(by_completion, by_ping, by_subscription),
]


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_inside_is_reached_and_the_reason_is_told(
    strict: Driven, trap: Sink, way: Way
) -> None:
    await strict.put("/v1/stacks/ways", STACK)
    reason = await way(strict, trap.url)
    assert "127.0.0.1 is not public (loopback)" in reason


@pytest.mark.parametrize("way", [by_delivery, by_a_step, by_completion])
async def test_the_hub_sends_nothing_to_itself_although_its_address_is_allowed(
    hub: Driven, way: Way
) -> None:
    await hub.put("/v1/stacks/ways", STACK)
    assert "is the hub itself" in await way(hub, f"{hub.base}/in/shop")


@pytest.fixture
def database_url() -> str | None:
    """It is the same on both databases."""
    return None
