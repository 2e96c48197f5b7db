"""Who is subscribed gets the events it wants: tasks, destinations, and addresses of others."""

import asyncio
import json
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.program import Driven
from tests.sink import Sink

KEEP = """{ task: "keep", function_stack: [
  { function: "add_record", table: "kept", data: { n: "{{n}}", type: "{{event.type}}" } } ] }"""
EMIT = """{ task: "emit", function_stack: [
  { function: "emit_event", type: "order.paid", data: { n: 7 } } ] }"""


async def send(hub: Driven, body: Any, status: int = 202, **headers: str) -> dict[str, Any]:
    answer = await hub.api.post("/in/shop", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def shop() -> dict[str, Any]:
    """A source without a task of its own."""
    return {"verify": {"mode": "none"}}


async def arrived(sink: Sink, count: int) -> list[Any]:
    """What a sink has got, in any order; and nothing else comes."""
    async with asyncio.timeout(10):
        while len(sink.requests) < count:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    return sorted(json.loads(each.body)["n"] for each in sink.requests)


async def test_a_destination_gets_the_events_it_is_subscribed_to(
    hub: Driven, make: Sink, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/sources/shop", shop)
    await hub.put(
        "/v1/subscriptions/paid",
        {
            "source": "shop",
            "event_type": ["order.*", "refund"],
            "filter": "{{n > 1 && source == 'shop'}}",
            "destination": "make",
        },
    )
    told = [
        await send(hub, {"n": n, "type": kind})
        for n, kind in enumerate(["order.paid", "refund", "order.sent", "orders", "refunds"], 1)
    ]
    assert await arrived(make, 2) == [2, 3]
    event = await hub.until(f"/v1/events/{told[1]['event_id']}", fate="delivered")
    (delivery,) = event["deliveries"]
    assert (await hub.get(f"/v1/deliveries/{delivery}"))["event_id"] == event["id"]
    assert (await hub.get(f"/v1/events/{told[0]['event_id']}"))["fate"] == "unmatched"


async def test_what_is_sent_is_what_came_byte_for_byte(
    hub: Driven, make: Sink, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/sources/shop", shop)
    await hub.put("/v1/subscriptions/all", {"destination": "make"})
    body = b'{ "n" :  1.0 }'
    await hub.api.post("/in/shop", content=body, headers={"content-type": "application/json"})
    await hub.api.post("/in/shop", content=b"n=2", headers={"content-type": "text/plain; x=y"})
    await hub.api.get("/in/shop?n=3")
    async with asyncio.timeout(10):
        while len(make.requests) < 3:
            await asyncio.sleep(0.01)
    assert {(each.body, each.headers["content-type"]) for each in make.requests} == {
        (body, "application/json"),
        (b"n=2", "text/plain; x=y"),
        (b'{"n":"3"}', "application/json"),
    }


async def test_a_duplicate_is_sent_to_nobody(hub: Driven, make: Sink, shop: dict[str, Any]) -> None:
    await hub.put("/v1/sources/shop", shop)
    await hub.put("/v1/subscriptions/all", {"destination": "make"})
    key = {"Idempotency-Key": "a"}
    answers = await asyncio.gather(
        *(hub.api.post("/in/shop", json={"n": 1}, headers=key) for _ in range(20))
    )
    assert sorted(each.status_code for each in answers) == [200] * 19 + [202]
    assert await arrived(make, 1) == [1]


async def test_a_task_may_be_subscribed_and_runs_once_for_each_event(
    hub: Driven, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/stacks/keeping", KEEP)
    await hub.put("/v1/sources/shop", {**shop, "task": "keep"})
    for slug in ("one", "two"):  # the source's own task, and twice subscribed: still one run
        await hub.put(f"/v1/subscriptions/{slug}", {"source": "shop", "task": "keeping/keep"})
    told = await send(hub, {"n": 1, "type": "a"})
    event = await hub.until(f"/v1/events/{told['event_id']}", fate="delivered")
    assert len(event["runs"]) == 1


async def test_a_replay_runs_what_is_subscribed_now(hub: Driven, shop: dict[str, Any]) -> None:
    await hub.put("/v1/stacks/keeping", KEEP)
    await hub.put("/v1/sources/shop", shop)
    told = await send(hub, {"n": 1, "type": "a"})
    await hub.put("/v1/subscriptions/no", {"event_type": "b", "task": "keep"})
    url = f"/v1/events/{told['event_id']}/replay"
    assert (await hub.api.post(url)).json()["code"] == "event_unmatched"
    await hub.put("/v1/subscriptions/yes", {"event_type": "a", "task": "keep"})
    answer = await hub.api.post(url)
    assert (answer.status_code, len(answer.json()["runs"])) == (202, 1)


async def test_events_that_stacks_emit_go_to_who_is_subscribed(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/stacks/keeping", KEEP)
    await hub.put("/v1/stacks/emitting", EMIT)
    await hub.put("/v1/subscriptions/sent", {"event_type": "order.*", "destination": "make"})
    await hub.put(
        "/v1/subscriptions/kept", {"source": "hub", "filter": "{{n == 7}}", "task": "keep"}
    )
    await hub.put("/v1/subscriptions/not", {"source": "hub", "event_type": "x", "task": "emit"})
    await hub.api.post("/v1/tasks/emit/runs", json={"input": {}})
    assert await arrived(make, 1) == [7]
    async with asyncio.timeout(10):
        while not (items := (await hub.get("/v1/tables/kept/records"))["items"]):
            await asyncio.sleep(0.02)
    assert [each["fields"] for each in items] == [{"n": 7, "type": "order.paid"}]


async def test_a_filter_that_cannot_be_computed_keeps_nobody_else_from_the_event(
    hub: Driven, make: Sink, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/sources/shop", shop)
    await hub.put("/v1/subscriptions/bad", {"filter": "{{n / 0 > 1}}", "destination": "make"})
    await hub.put("/v1/subscriptions/good", {"filter": "{{n > 0}}", "destination": "make"})
    await send(hub, {"n": 1})
    assert await arrived(make, 1) == [1]


async def test_each_item_of_a_list_is_sent_by_itself(
    hub: Driven, make: Sink, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/sources/shop", {**shop, "batch": "each"})
    await hub.put("/v1/subscriptions/big", {"filter": "{{n > 1}}", "destination": "make"})
    await send(hub, [{"n": 1}, {"n": 2}, {"n": 3}])
    assert await arrived(make, 2) == [2, 3]


# as trigger nodes of n8n and attached webhooks of Make use it


async def test_another_program_subscribes_checks_is_sent_to_and_leaves(
    hub: Driven, make: Sink, shop: dict[str, Any]
) -> None:
    await hub.put("/v1/sources/shop", shop)
    wish = {"url": f"{make.url}/hook?a=b", "events": ["order.*"]}
    made = await hub.api.post("/v1/subscriptions", json=wish)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["active"] is True
    assert told["secret"].startswith("whsec_")
    assert made.headers["location"].endswith(f"/v1/subscriptions/{told['id']}")

    seen = await hub.get(f"/v1/subscriptions/{told['id']}")
    assert (seen["id"], seen["url"]) == (told["id"], wish["url"])
    assert "secret" not in seen
    listed = await hub.api.get("/v1/subscriptions", params={"url": wish["url"]})
    assert [each["id"] for each in listed.json()["items"]] == [told["id"]]
    other = await hub.api.get("/v1/subscriptions", params={"url": "https://a.example/"})
    assert other.json()["items"] == []
    again = await hub.api.post("/v1/subscriptions", json=wish)
    assert (again.status_code, again.json()["id"]) == (409, told["id"])

    await send(hub, {"n": 1, "type": "order.paid"})
    assert await arrived(make, 1) == [1]
    (got,) = make.requests
    assert Webhook(told["secret"]).verify(got.body, dict(got.headers)) == {
        "n": 1,
        "type": "order.paid",
    }

    for _ in range(2):  # whoever removes it twice is told the same
        gone = await hub.api.delete(f"/v1/subscriptions/{told['id']}")
        assert gone.status_code == 204
    assert (await hub.api.get(f"/v1/subscriptions/{told['id']}")).status_code == 404
    assert [each["slug"] for each in (await hub.get("/v1/destinations"))["items"]] == ["make"]
    await send(hub, {"n": 2, "type": "order.paid"})
    assert await arrived(make, 1) == [1]


async def test_a_ping_shows_whether_it_arrives(hub: Driven, make: Sink) -> None:
    told = (await hub.api.post("/v1/subscriptions", json={"url": make.url})).json()
    assert told["events"] == ["*"]
    answer = await hub.api.post(f"/v1/subscriptions/{told['id']}/ping")
    assert answer.status_code == 202
    await hub.until(f"/v1/deliveries/{answer.json()['delivery_id']}", status="delivered")
    (got,) = make.requests
    assert json.loads(got.body)["type"] == "ping"
    assert json.loads(got.body)["subscription"] == told["id"]
