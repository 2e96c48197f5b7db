"""What was given up is sent again when the other side is well; what is no longer wanted is not."""

import asyncio
import time
from typing import Any

import pytest

from tests.program import Driven
from tests.sink import Answer, Sink

SUBSCRIPTION = {"source": "shop", "destination": "make"}


@pytest.fixture
def database_url() -> str | None:
    """The store's part is tested on both databases; here SQLite is enough."""
    return None


@pytest.fixture
async def shop(hub: Driven, make: Sink) -> None:
    """Events go to a destination that gives up after its second attempt."""
    await setting(hub, make)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    await hub.put("/v1/subscriptions/orders", SUBSCRIPTION)


pytestmark = pytest.mark.usefixtures("shop")


async def setting(hub: Driven, make: Sink, **more: Any) -> None:
    schedule = {"retry_schedule_s": [0.05], "breaker": {"min_calls": 1000}}
    body = {"connector": "standard", "url": make.url, **schedule, **more}
    await hub.put("/v1/destinations/make", body)


async def send(hub: Driven, *orders: int) -> None:
    for order in orders:
        assert (await hub.api.post("/in/shop", json={"n": order})).status_code == 202


async def listed(hub: Driven, count: int, status: str) -> list[dict[str, Any]]:
    """So many deliveries, the first one first."""
    async with asyncio.timeout(20):
        while True:
            items = (await hub.get(f"/v1/deliveries?limit=200&status={status}"))["items"]
            if len(items) == count:
                return list(reversed(items))
            await asyncio.sleep(0.02)


async def post(hub: Driven, path: str, **wish: Any) -> dict[str, Any]:
    answer = await hub.api.post(path, json=wish)
    assert answer.status_code in (200, 202), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_dead_letters_go_out_again_at_a_pace(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(500, "broken")
    await send(hub, *range(5))
    dead = await listed(hub, 5, "dead")
    make.answer = lambda n, request: Answer()
    before, asked = len(make.requests), time.monotonic()
    told = await post(hub, "/v1/replays", filter={"destination": "make"}, rate_per_s=5)
    assert (told["count"], told["takes_s"]) == (5, 1.0)
    await listed(hub, 5, "delivered")
    again = make.requests[before:]
    assert [each.json["n"] for each in again] == [0, 1, 2, 3, 4]
    assert [each.headers["webhook-id"] for each in again] == [each["id"] for each in dead]
    assert all(each.at - asked > n / 5 - 0.02 for n, each in enumerate(again))
    events = (await hub.get("/v1/events"))["items"]
    assert {each["fate"] for each in events if each["source"] == "shop"} == {"delivered"}


async def test_a_delivery_is_mended_and_sent(hub: Driven, make: Sink) -> None:
    await setting(hub, make, transform={"half": "{{1 / (n - 7)}}"})
    await send(hub, 7)
    (dead,) = await listed(hub, 1, "dead")
    await setting(hub, make, transform={"double": "{{n * 2}}"})
    path = f"/v1/deliveries/{dead['id']}/replay"
    await post(hub, path, render=True)
    (request,) = await make.wait_for(1)
    assert (request.json, request.headers["webhook-id"]) == ({"double": 14}, dead["id"])
    await listed(hub, 1, "delivered")
    edited = await post(hub, path, body={"by": "hand"})
    request = (await make.wait_for(2))[1]
    assert (request.json, request.headers["webhook-id"]) == ({"by": "hand"}, edited["id"])
    assert request.headers["idempotency-key"].endswith(f":edited:{edited['id']}")


async def test_what_waits_is_cancelled_and_never_arrives(hub: Driven, make: Sink) -> None:
    await post(hub, "/v1/destinations/make/pause")
    await send(hub, 1, 2, 3)
    held = await listed(hub, 3, "held")
    await post(hub, f"/v1/deliveries/{held[0]['id']}/cancel", reason="A double.")
    await post(hub, "/v1/deliveries/cancel", filter={"event_id": held[1]["event_id"]})
    await post(hub, "/v1/destinations/make/resume")
    await listed(hub, 1, "delivered")
    assert [each.json["n"] for each in make.requests] == [3]
    cancelled = await listed(hub, 2, "cancelled")
    assert cancelled[0]["reason"] == "A double."
