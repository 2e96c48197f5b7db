"""A page shows deliveries as they go: what becomes of each is told while somebody looks."""

import asyncio

import pytest

from hub.observe import wanted
from tests.flows.listening import listening
from tests.program import Driven
from tests.sink import Answer, Sink

STACK = """
{ task: "pass_on", function_stack: [
  { function: "deliver", destination: "make", payload: { order: "{{order}}" } },
] }
"""


async def send(hub: Driven, *orders: int) -> list[str]:
    """Send orders; gives the ids of their runs."""
    await hub.put("/v1/stacks/orders", STACK)
    runs = []
    for order in orders:
        body = {"input": {"order": order}, "wait_s": 5}
        answer = await hub.api.post("/v1/tasks/orders/pass_on/runs", json=body)
        runs.append(answer.json()["id"])
    return runs


async def is_wanted(hub: Driven, *, wanted: bool = True, timeout_s: float = 5.0) -> None:
    """Wait until the worker has seen whether anybody listens."""
    assert hub.hub is not None
    async with asyncio.timeout(timeout_s):
        while await hub.hub.wanted.now("deliveries") is not wanted:
            await asyncio.sleep(0.02)


async def test_a_listener_hears_what_becomes_of_each_delivery(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(500, "no") if n < 1 else Answer()
    async with listening(hub, "deliveries") as page:
        await is_wanted(hub)
        [run] = await send(hub, 1)
        retrying, delivered = await page.next(2)
    delivery = (await hub.get("/v1/deliveries"))["items"][0]
    assert retrying["id"] == f"{delivery['id']}:1:retrying"
    assert delivered["id"] == f"{delivery['id']}:2:delivered"
    assert (retrying["event"], delivered["event"]) == ("retrying", "delivered")
    assert delivered["data"] == {
        "id": delivery["id"],
        "event_id": None,
        "run_id": run,
        "destination": "make",
        "status": "delivered",
        "attempt": 2,
        "status_code": 200,
        "outcome": "delivered",
        "next_attempt_at": None,
    }
    assert retrying["data"] | {"next_attempt_at": None} == delivered["data"] | {
        "status": "retrying",
        "attempt": 1,
        "status_code": 500,
        "outcome": "retry",
    }
    assert retrying["data"]["next_attempt_at"] > retrying["ts"]


async def test_what_is_given_up_or_cancelled_is_told(hub: Driven, make: Sink) -> None:
    body = {"connector": "standard", "url": make.url, "retry_schedule_s": []}
    await hub.put("/v1/destinations/make", body)
    make.answer = lambda n, request: Answer(500, "no")
    async with listening(hub, "deliveries") as page:
        await is_wanted(hub)
        await send(hub, 1)
        [dead] = await page.next(1)
        assert (dead["event"], dead["data"]["attempt"]) == ("dead", 1)
        await hub.api.post("/v1/destinations/make/pause")
        await send(hub, 2)
        waiting = (await hub.get("/v1/deliveries"))["items"][0]
        await hub.api.post(f"/v1/deliveries/{waiting['id']}/cancel")
        [cancelled] = await page.next(1)
    assert cancelled["event"] == cancelled["data"]["status"] == "cancelled"
    assert (cancelled["data"]["id"], cancelled["data"]["attempt"]) == (waiting["id"], 0)


async def test_what_happened_while_nobody_listened_is_told_to_nobody(
    hub: Driven, make: Sink
) -> None:
    await send(hub, *range(5))
    await make.wait_for(5)
    await hub.until("/v1/deliveries?status=undelivered", items=[])
    async with listening(hub, "deliveries", "?last_event_id=earliest") as page:
        await is_wanted(hub)
        [run] = await send(hub, 5)
        [message] = await page.next(1)
        assert message["data"]["run_id"] == run


async def test_who_goes_is_forgotten_after_a_while(
    hub: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "TTL_S", 1)
    monkeypatch.setattr(wanted, "SAY_EVERY_S", 0.3)
    async with listening(hub, "deliveries"):
        await is_wanted(hub)
        await asyncio.sleep(1.5)
        await is_wanted(hub, timeout_s=0.01)
    await is_wanted(hub, wanted=False)
