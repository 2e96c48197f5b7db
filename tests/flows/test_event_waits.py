"""A run waits for an event: of a type, from a source, with what it asked for in it."""

import asyncio
from typing import Any

import pytest

from tests.program import Driven

STACK = """
{ task: "order", function_stack: [
  { function: "wait_for", event_type: "payment.*", filter: { order: "{{order}}" },
    timeout_s: %s, as: "payment" },
  { function: "add_record", table: "paid", data: { order: "{{order}}" } },
  { function: "return_response", body: "{{payment}}" },
] }
{ task: "two", function_stack: [
  { function: "wait_for", source: "shop", as: "one" },
  { function: "wait_for", source: "shop", as: "two" },
  { function: "return_response", body: ["{{one.body.n}}", "{{two.body.n}}"] },
] }
{ task: "late", function_stack: [
  { function: "sleep", seconds: 1 },
  { function: "wait_for", source: "shop", filter: { n: { $gte: 5 } } },
  { function: "return_response", body: "{{answer.body.n}}" },
] }
{ task: "caught", function_stack: [
  { function: "try_catch", try_stack: [{ function: "wait_for", source: "none", timeout_s: 0.3 }],
    catch_stack: [{ function: "return_response", body: "{{error.code}}" }] },
] }
"""


async def set_up(hub: Driven, timeout_s: float = 60) -> None:
    await hub.put("/v1/stacks/shop", STACK % timeout_s)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    setting = {"connector": "make", "verify": {"mode": "none"}}
    await hub.put("/v1/sources/bank", setting)


async def start(hub: Driven, task: str, **given: Any) -> str:
    answer = await hub.api.post(f"/v1/tasks/{task}/runs", json={"input": given})
    run_id: str = answer.json()["id"]
    return run_id


async def waiting(hub: Driven, task: str, **given: Any) -> str:
    """A run that is parked."""
    run_id = await start(hub, task, **given)
    await hub.until(f"/v1/runs/{run_id}", status="waiting")
    return run_id


async def send(hub: Driven, source: str, **body: Any) -> str:
    answer = await hub.api.post(f"/in/{source}", json=body)
    assert answer.status_code == 202, answer.text
    event_id: str = answer.json()["event_id"]
    return event_id


async def test_the_event_with_its_own_order_has_a_run_go_on(hub: Driven) -> None:
    await set_up(hub)
    run_ids = [await waiting(hub, "order", order=n) for n in range(3)]
    await send(hub, "bank", type="refund.made", order=1)
    await send(hub, "bank", type="payment.made", order=7)
    paid = await send(hub, "bank", type="payment.made", order=1, amount=12.5)
    run = await hub.until(f"/v1/runs/{run_ids[1]}", status="succeeded")
    assert (run["result"]["id"], run["result"]["type"]) == (paid, "payment.made")
    assert run["result"]["body"] == {"type": "payment.made", "order": 1, "amount": 12.5}
    for other in (run_ids[0], run_ids[2]):
        assert (await hub.get(f"/v1/runs/{other}"))["status"] == "waiting"
    assert (await hub.get(f"/v1/events/{paid}"))["fate"] == "delivered"
    records = (await hub.get("/v1/tables/paid/records"))["items"]
    assert [each["fields"]["order"] for each in records] == [1]


async def test_all_that_wait_for_an_event_get_it(hub: Driven) -> None:
    await set_up(hub)
    run_ids = [await waiting(hub, "order", order=1) for _ in range(3)]
    paid = await send(hub, "bank", type="payment.late", order=1)
    for run_id in run_ids:
        run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
        assert run["result"]["id"] == paid


async def test_each_step_takes_an_event_of_its_own(hub: Driven) -> None:
    await set_up(hub)
    run_id = await waiting(hub, "two")
    for n in (1, 2):
        await send(hub, "shop", n=n)
    assert (await hub.until(f"/v1/runs/{run_id}", status="succeeded"))["result"] == [1, 2]


async def test_an_event_that_comes_before_the_step_counts(hub: Driven) -> None:
    await set_up(hub)
    await send(hub, "shop", n=9)
    run_id = await start(hub, "late")
    run = await hub.get(f"/v1/runs/{run_id}")
    while run["started_at"] is None:
        run = await hub.get(f"/v1/runs/{run_id}")
    for n in (3, 6, 8):
        await send(hub, "shop", n=n)
    assert (await hub.until(f"/v1/runs/{run_id}", status="succeeded"))["result"] == 6


async def test_where_none_comes_that_is_an_error(hub: Driven) -> None:
    await set_up(hub, 0.3)
    caught, run_id = await start(hub, "caught"), await start(hub, "order", order=1)
    assert (await hub.until(f"/v1/runs/{caught}", status="succeeded"))["result"] == "wait_timeout"
    run = await hub.until(f"/v1/runs/{run_id}", status="failed")
    assert run["failure"]["code"] == "wait_timeout"
    assert "No such event has come until" in run["failure"]["message"]


async def test_many_events_at_once_find_theirs(hub: Driven) -> None:
    await set_up(hub)
    run_ids = [await start(hub, "order", order=n) for n in range(20)]
    numbers = [*range(20), *range(20), *range(50, 90)]
    await asyncio.gather(*(send(hub, "bank", type="payment.x", order=n) for n in numbers))
    for run_id in run_ids:
        await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    records = (await hub.get("/v1/tables/paid/records"))["items"]
    assert sorted(each["fields"]["order"] for each in records) == list(range(20))


async def test_a_cancelled_run_waits_for_nothing(hub: Driven) -> None:
    await set_up(hub)
    run_id = await waiting(hub, "order", order=1)
    await hub.api.post(f"/v1/runs/{run_id}/cancel")
    event_id = await send(hub, "bank", type="payment.x", order=1)
    await asyncio.sleep(0.7)
    assert (await hub.get(f"/v1/runs/{run_id}"))["status"] == "cancelled"
    assert (await hub.get(f"/v1/events/{event_id}"))["fate"] == "unmatched"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("filter: 'n = 1'", "A filter must be an object"),
        ("event: 'a'", "'event' is not known here"),
        ("filter: { $where: 1 }", "A filter does not know"),
    ],
)
async def test_a_wait_for_nonsense_is_refused(hub: Driven, fields: str, says: str) -> None:
    text = f"{{ task: 't', function_stack: [{{ function: 'wait_for', {fields} }}] }}"
    answer = await hub.api.put("/v1/stacks/bad", content=text)
    assert answer.status_code == 422
    assert says in answer.text
