"""A page shows a table, and hears of every change, whoever makes it."""

import time
from typing import Any

from tests.flows.listening import listening
from tests.program import Driven

STACK = """
{ tables: { orders: { live: { filter: { state: "open" }, fields: ["item", "state"] } } } }
{ task: "sell", function_stack: [
  { function: "add_record", table: "orders", data: { item: "{{item}}", state: "open", cost: 7 } },
] }
{ task: "work", function_stack: [
  { function: "edit_record", table: "orders", record_id: "{{id}}", data: { item: "tea", cost: 8 } },
  { function: "bulk_edit_records", table: "orders", filter: { item: "jam" },
    data: { state: "done" } },
] }
"""


async def run(hub: Driven, task: str, **given: Any) -> None:
    """Have a task done."""
    body = {"input": given, "wait_s": 5}
    answer = await hub.api.post(f"/v1/tasks/shop/{task}/runs", json=body)
    assert answer.json()["status"] == "succeeded", answer.text


def seen(messages: list[dict[str, Any]]) -> list[tuple[str, int, Any]]:
    """Event, record and its fields."""
    for each in messages:
        assert each["channel"] == "tables.orders"
        assert each["data"]["table"] == "orders"
    return [
        (
            each["event"].removeprefix("record."),
            each["data"]["id"],
            each["data"]["record"] and each["data"]["record"]["fields"],
        )
        for each in messages
    ]


async def test_a_page_hears_of_what_stacks_people_and_files_do(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    records = "/v1/tables/orders/records"
    async with listening(hub, "tables.orders") as page:
        await run(hub, "sell", item="jam")
        jam = {"item": "jam", "state": "open"}
        assert seen(await page.next(1)) == [("added", 1, jam)]
        made = await hub.api.post(
            records, json=[{"state": "draft"}, {"item": "ale", "state": "open", "cost": 1}]
        )
        draft, ale = (each["id"] for each in made.json()["items"])
        assert seen(await page.next(1)) == [("added", ale, {"item": "ale", "state": "open"})]
        await run(hub, "work", id=ale)
        edited, done = await page.next(2)
        assert seen([edited, done]) == [
            ("edited", ale, {"item": "tea", "state": "open"}),
            ("removed", 1, None),
        ]
        assert edited["data"]["changed"] == ["item"]
        await hub.api.patch(f"{records}/{draft}", json={"state": "open"})
        await hub.api.patch(f"{records}/{draft}", json={"state": "draft"})
        assert seen(await page.next(2)) == [
            ("added", draft, {"state": "open"}),
            ("removed", draft, None),
        ]
        lines = '{"item": "oil", "state": "open"}\n{"item": "rye", "state": "done"}\n'
        brought = await hub.api.post(
            "/v1/tables/orders/import",
            content=lines,
            headers={"content-type": "application/x-ndjson"},
        )
        assert brought.json() == {"count": 2}
        [(event, oil, fields)] = seen(await page.next(1))
        assert (event, fields) == ("added", {"item": "oil", "state": "open"})
        assert (await hub.api.delete(f"{records}/{oil}")).status_code == 204
        gone = await hub.api.delete(records, params={"filter": '{"item": "tea"}'})
        assert gone.json() == {"count": 1}
        assert seen(await page.next(2)) == [("removed", oil, None), ("removed", ale, None)]
        assert page.messages == []


async def test_a_message_shows_the_record_as_the_api_does_and_comes_at_once(hub: Driven) -> None:
    await hub.put("/v1/tables/orders", {"live": True})
    times = []
    async with listening(hub, "tables.orders") as page:
        for n in range(20):
            began = time.perf_counter()
            made = await hub.api.post("/v1/tables/orders/records", json={"n": n})
            [message] = await page.next(1)
            times.append(time.perf_counter() - began)
            assert message["data"]["record"] == made.json()
    assert sorted(times)[10] < 0.2  # and not the second after which the ledger is looked through


async def test_a_table_that_is_not_live_or_no_longer_is_silent(hub: Driven) -> None:
    assert hub.hub is not None
    await hub.put("/v1/tables/quiet", {"columns": {"n": {"type": "integer"}}})
    await hub.put("/v1/tables/orders", {"live": True})
    async with (
        listening(hub, "tables.quiet") as quiet,
        listening(hub, "tables.orders") as page,
    ):
        await hub.api.post("/v1/tables/quiet/records", json={"n": 1})
        await hub.api.post("/v1/tables/orders/records", json={"n": 1})
        assert len(await page.next(1)) == 1
        await hub.api.delete("/v1/tables/orders")
        await hub.api.post("/v1/tables/orders/records", json={"n": 2})
        await hub.put("/v1/tables/orders", {"live": {"fields": []}})
        await hub.api.post("/v1/tables/orders/records", json={"n": 3})
        assert seen(await page.next(1)) == [("added", 3, {})]
        assert quiet.messages == []
