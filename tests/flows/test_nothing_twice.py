"""A sender may repeat itself; what it sent has one effect."""

import asyncio

from tests.faults.wire import Answer, Wire, post
from tests.program import Driven

STACK = """
{ task: "count", source: "shop", function_stack: [
  { function: "add_record", table: "orders", data: { order: "{{order}}" } },
] }
"""


async def shop(hub: Driven, **setting: object) -> None:
    """A source with a task that leaves a record for each event."""
    await hub.put("/v1/stacks/orders", STACK)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}, **setting})


async def orders(hub: Driven) -> list[object]:
    """The orders that were counted, once everything has run."""
    for run in (await hub.get("/v1/runs"))["items"]:
        await hub.until(f"/v1/runs/{run['id']}", status="succeeded")
    records = (await hub.get("/v1/tables/orders/records"))["items"]
    return [record["fields"]["order"] for record in records]


async def test_a_repeated_idempotency_key_is_a_duplicate_of_the_first(hub: Driven) -> None:
    await shop(hub)
    headers = {"idempotency-key": "k-1"}
    first = await hub.api.post("/in/shop", json={"order": 1}, headers=headers)
    again = await hub.api.post("/in/shop", json={"order": 1}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == {**first.json(), "status": "duplicate"}
    assert await orders(hub) == [1]
    event = await hub.get(f"/v1/events/{first.json()['event_id']}")
    assert event["duplicates"] == 1


async def copies(hub: Driven, count: int) -> list[Answer]:
    """The same request again and again, on a connection of its own."""
    async with Wire(hub.base) as wire:
        await wire.send(post("/in/shop", b'{"order":7}', "webhook-id: w-7") * count)
        answers = [await wire.answer() for _ in range(count)]
    return [each for each in answers if each is not None]


async def test_a_thousand_copies_at_once_are_one_event_that_runs_once(hub: Driven) -> None:
    await shop(hub)
    each = await asyncio.gather(*(copies(hub, 10) for _ in range(100)))
    answers = [answer for some in each for answer in some]
    assert sorted(answer.status for answer in answers) == [200] * 999 + [202]
    assert len({answer.json["run_id"] for answer in answers}) == 1
    assert await orders(hub) == [7]
    (event_id,) = {answer.json["event_id"] for answer in answers}
    assert (await hub.get(f"/v1/events/{event_id}"))["duplicates"] == 999


async def test_n8n_that_repeats_a_whole_batch_is_told_apart_by_the_body_s_hash(
    hub: Driven,
) -> None:
    await shop(hub, dedup={"by": "hash"})
    for _ in range(3):
        for order in (1, 2, 3):
            await hub.api.post("/in/shop", json={"order": order})
    assert sorted(map(int, map(str, await orders(hub)))) == [1, 2, 3]


async def test_a_path_into_the_body_can_be_the_key(hub: Driven) -> None:
    await shop(hub, dedup={"by": "body:order"})
    for note in ("a", "b"):
        await hub.api.post("/in/shop", json={"order": 5, "note": note})
    assert await orders(hub) == [5]
    (repeat,) = (await hub.get("/v1/events?fate=duplicate"))["items"]
    assert repeat["body_differs"] is True


async def test_without_a_key_equal_requests_are_two_events(hub: Driven) -> None:
    await shop(hub)
    for _ in range(2):
        await hub.api.post("/in/shop", json={"order": 9})
    assert await orders(hub) == [9, 9]
