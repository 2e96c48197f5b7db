"""A destination that fails, is gone, is paused or is in a hurry: nothing is lost or floods it."""

import asyncio
import time
from typing import Any

import pytest

from tests.program import Driven
from tests.sink import Answer, Sink

STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "make", payload: { order: "{{order}}", to: "{{to}}" } },
] }
"""
FAST = {"min_calls": 3, "open_s": 0.3, "window_s": 10}


@pytest.fixture
def database_url() -> str | None:
    """The store's part is tested on both databases; here SQLite is enough."""
    return None


async def send(hub: Driven, *orders: int, to: str | None = None) -> None:
    """Send orders."""
    await hub.put("/v1/stacks/orders", STACK)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    for order in orders:
        accepted = await hub.api.post("/in/shop", json={"order": order, "to": to})
        assert accepted.status_code == 202


async def listed(hub: Driven, count: int, query: str = "") -> list[dict[str, Any]]:
    """So many deliveries, the first one first."""
    async with asyncio.timeout(10):
        while True:
            items = (await hub.get(f"/v1/deliveries?limit=200{query}"))["items"]
            if len(items) == count:
                return list(reversed(items))
            await asyncio.sleep(0.02)


async def setting(hub: Driven, make: Sink, **more: Any) -> None:
    """Set the destination anew."""
    body = {"connector": "standard", "url": make.url, "retry_schedule_s": [0.05] * 9}
    await hub.put("/v1/destinations/make", body | more)


def orders(make: Sink) -> list[int]:
    """What the sink got."""
    return [request.json["order"] for request in make.requests]


async def test_a_breaker_opens_holds_probes_and_closes(hub: Driven, make: Sink) -> None:
    await setting(hub, make, breaker=FAST | {"open_s": 2})
    make.answer = lambda n, request: Answer(500, "broken")
    await send(hub, 1, 2)
    breaker = await hub.until("/v1/destinations/make/breaker", state="open")
    assert breaker["next_probe_at"] > breaker["since"]
    assert [each["destination"] for each in (await hub.get("/v1/breakers"))["items"]] == ["make"]
    await send(hub, 3)
    held = await listed(hub, 3, "&status=held")
    assert {each["status"] for each in held} == {"held"}
    assert "breaker" in held[2]["reason"]
    assert held[2]["attempts_made"] == 0
    asked = len(make.requests)
    make.answer = lambda n, request: Answer()
    await listed(hub, 3, "&status=delivered")
    assert len(make.requests) == asked + 3
    assert (await hub.get("/v1/destinations/make/breaker"))["state"] == "closed"
    types = [each["type"] for each in (await hub.get("/v1/events?source=hub"))["items"]]
    assert types == ["breaker.closed", "breaker.opened"]
    assert await listed(hub, 0, "&status=undelivered") == []


async def test_a_breaker_is_tripped_and_reset_by_hand(hub: Driven, make: Sink) -> None:
    await setting(hub, make)
    tripped = await hub.api.post("/v1/destinations/make/breaker/trip")
    assert tripped.json()["state"] == "open"
    assert tripped.json()["by_hand"] is True
    assert tripped.json()["next_probe_at"] is None
    await send(hub, 1)
    (held,) = await listed(hub, 1, "&status=held")
    assert "by hand" in held["reason"]
    reset = await hub.api.post("/v1/destinations/make/breaker/reset")
    assert reset.json()["state"] == "closed"
    await make.wait_for(1)
    assert (await hub.api.post("/v1/destinations/none/breaker/trip")).status_code == 404
    assert (
        await hub.api.post("/v1/destinations/make/breaker/trip", json={"for_s": 0})
    ).status_code == 422


async def test_a_destination_that_is_gone_is_disabled_and_keeps_what_comes(
    hub: Driven, make: Sink
) -> None:
    make.answer = lambda n, request: Answer(410, "Gone")
    await send(hub, 1)
    disabled = await hub.until("/v1/destinations/make", state="disabled")
    assert "410" in disabled["state_reason"]
    await send(hub, 2)
    held = await listed(hub, 2, "&status=held")
    assert "disabled" in held[1]["reason"]
    assert (await hub.until("/v1/events?source=hub&limit=1"))["items"][0][
        "type"
    ] == "destination.disabled"
    make.answer = lambda n, request: Answer()
    resumed = await hub.api.post("/v1/destinations/make/resume")
    assert (resumed.json()["state"], resumed.json()["state_reason"]) == ("active", None)
    await listed(hub, 2, "&status=delivered")
    assert orders(make) == [1, 1, 2]


async def test_what_comes_while_a_destination_is_paused_goes_out_in_order(
    hub: Driven, make: Sink
) -> None:
    paused = await hub.api.post("/v1/destinations/make/pause", json={"reason": "Stocktaking."})
    assert paused.json()["state"] == "paused"
    await send(hub, 1, 2, 3)
    held = await listed(hub, 3, "&status=held")
    assert held[0]["reason"].endswith("Stocktaking.")
    await setting(hub, make, pacing={"concurrency": 1})  # it says nothing of the state
    assert (await hub.get("/v1/destinations/make"))["state"] == "paused"
    assert make.requests == []
    await hub.api.patch("/v1/destinations/make", json={"state": "active"})
    await listed(hub, 3, "&status=delivered")
    assert orders(make) == [1, 2, 3]


async def test_a_failing_head_holds_its_key_only(hub: Driven, make: Sink) -> None:
    await setting(
        hub, make, ordering={"key": "{{to}}"}, breaker={"min_calls": 1000}, transform="{{body}}"
    )
    make.answer = lambda n, request: Answer(500 if request.json["order"] == 1 and n < 6 else 200)
    await send(hub, 1, 2, 3, to="ada")
    await send(hub, 4, 5, to="bob")
    await listed(hub, 5, "&status=delivered")
    arrived = orders(make)
    assert [order for order in arrived if order in (4, 5)] == [4, 5]
    assert list(dict.fromkeys(order for order in arrived if order < 4)) == [1, 2, 3]
    assert arrived.index(5) < arrived.index(2)


async def test_a_pace_is_kept(hub: Driven, make: Sink) -> None:
    await setting(hub, make, pacing={"requests": 20, "per_s": 1})
    await hub.api.post("/v1/destinations/make/pause")
    await send(hub, *range(12))
    await listed(hub, 12, "&status=held")
    resumed = time.monotonic()
    await hub.api.post("/v1/destinations/make/resume")
    requests = await make.wait_for(12)
    assert all(each.at - resumed > n * 0.05 - 0.03 for n, each in enumerate(requests))


async def test_a_transform_is_what_is_sent_and_one_that_fails_is_a_dead_letter(
    hub: Driven, make: Sink
) -> None:
    transform = {"nr": "{{order}}", "half": "{{to_int(to) / 2}}", "all": "{{body}}"}
    await setting(hub, make, transform=transform)
    await send(hub, 1, to="8")
    await send(hub, 2, to="x")
    (delivered,) = await listed(hub, 1, "&status=delivered")
    assert make.requests[0].json == {"nr": 1, "half": 4, "all": {"order": 1, "to": "8"}}
    (dead,) = await listed(hub, 1, "&status=dead")
    assert dead["reason"].startswith("The transform cannot be computed")
    assert dead["attempts_made"] == 0
    assert delivered["id"] != dead["id"]
    refused = await hub.api.put(
        "/v1/destinations/make", json={"url": make.url, "transform": {"a": ["{{1 +}}"]}}
    )
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["pointer"] == "/transform/a/0"
    refused = await hub.api.put(
        "/v1/destinations/make", json={"url": make.url, "ordering": {"key": "to"}}
    )
    assert "concurrency" in refused.json()["problems"][0]["message"]


async def test_an_origin_that_fails_is_left_alone_by_steps_too(hub: Driven, make: Sink) -> None:
    stack = f"""
    {{ task: "ask", function_stack: [
      {{ function: "external_api_request", url: "{make.url}", method: "GET",
        retry: {{ max: 3, base_s: 0.01 }} }},
    ] }}
    {{ task: "ask_once", function_stack: [
      {{ function: "external_api_request", url: "{make.url}", method: "GET" }},
    ] }}
    """
    await hub.put("/v1/stacks/asking", stack)
    make.answer = lambda n, request: Answer(500, "broken")
    for _ in range(10):
        await hub.api.post("/v1/tasks/ask_once/runs", json={"wait_s": 5})
    assert len(make.requests) == 10
    refused = (await hub.api.post("/v1/tasks/ask_once/runs", json={"wait_s": 5})).json()
    assert refused["failure"]["code"] == "breaker_open"
    parked = (await hub.api.post("/v1/tasks/ask/runs", json={})).json()
    waiting = await hub.until(f"/v1/runs/{parked['id']}", status="waiting")
    (breaker,) = (await hub.get("/v1/breakers"))["items"]
    assert waiting["due_at"][:18] == breaker["next_probe_at"][:18]
    assert len(make.requests) == 10


async def test_a_destination_is_tried_out_and_shows_everything(hub: Driven, make: Sink) -> None:
    await setting(
        hub,
        make,
        auth={"mode": "header", "name": "X-Plain", "value": "hidden"},
        transform={"all": "{{body}}"},
        state="paused",
    )
    path = "/v1/destinations/make/test"
    shown = (await hub.api.post(path, json={"body": {"a": 1}, "dry_run": True})).json()
    assert make.requests == []
    assert shown["request"]["body"] == '{"all":{"a":1}}'
    assert "outcome" not in shown
    make.answer = lambda n, request: Answer(422, "no such field")
    shown = (await hub.api.post(path)).json()
    assert (shown["outcome"], shown["answer"]["status"]) == ("refused", 422)
    assert shown["answer"]["body"] == "no such field"
    assert "hidden" not in str(shown)
    (request,) = make.requests
    assert request.headers["x-plain"] == "hidden"
    assert request.json["all"]["sample"] is True
    assert await listed(hub, 0) == []
    await setting(hub, make, transform="{{to_int(body)}}")
    refused = await hub.api.post(path, json={"body": "x"})
    assert refused.json()["code"] == "transform_failed"
