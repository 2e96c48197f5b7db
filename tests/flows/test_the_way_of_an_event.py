"""n8n sends a customer; the stack keeps it, Make gets a request, a page sees it live."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from tests.program import STACKS, Driven
from tests.sink import open_sink

RECORDED = json.loads(
    (STACKS.parent / "connectors/n8n/samples/sent-customer-updated.json").read_text()
)["request"]


async def send_recorded(hub: Driven, **instead: str) -> httpx.Response:
    """Send the request that was recorded from n8n, byte for byte."""
    headers = [
        (name, instead.get(name, value))
        for name, value in RECORDED["headers"]
        if name not in ("Host", "Content-Length", "Connection")
    ]
    async with httpx.AsyncClient(trust_env=False) as n8n:
        return await n8n.post(
            f"{hub.base}/in/n8n", content=RECORDED["body"].encode(), headers=headers
        )


async def next_message(hub: Driven, channel: str, listening: asyncio.Event) -> Any:
    """What a page gets next on a public channel."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as page,
        page.stream("GET", f"{hub.base}/realtime/{channel}") as stream,
    ):
        assert stream.status_code == 200
        listening.set()
        lines = (line async for line in stream.aiter_lines() if line.startswith("data: "))
        return json.loads((await anext(lines)).removeprefix("data: "))


async def test_from_n8n_through_a_stack_to_make_and_to_a_page(hub: Driven, tmp_path: Path) -> None:
    async with open_sink() as make:
        await hub.put("/v1/stacks/customers", (STACKS / "customers.json5").read_text())
        await hub.put("/v1/destinations/make-leads", {"connector": "make", "url": make.url})
        await hub.put("/v1/channels/dashboard", {"public": True})
        await hub.put(
            "/v1/sources/n8n",
            {
                "connector": "n8n",
                "verify": {
                    "mode": "header",
                    "header": "X-Api-Key",
                    "secrets": ["peer-to-hub-token"],
                },
            },
        )
        listening = asyncio.Event()
        page = asyncio.create_task(next_message(hub, "dashboard", listening))
        await listening.wait()

        answer = await send_recorded(hub)

        assert answer.status_code == 202
        accepted = answer.json()
        assert accepted["status"] == "accepted"
        assert answer.headers["webhook-id"] == accepted["event_id"]

        run = await hub.until(f"/v1/runs/{accepted['run_id']}", status="succeeded")
        assert run["result"] == {"customer": 1, "lead": 1}

        (request,) = await make.wait_for(1)
        assert request.json == {
            "lead_id": 1,
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "amount": 1299.5,
        }
        assert request.headers["content-type"] == "application/json"
        assert request.key.startswith(accepted["run_id"])

        seen = await asyncio.wait_for(page, 10)
        assert (seen["channel"], seen["event"]) == ("dashboard", "customer_changed")
        assert seen["data"] == {"id": 1, "name": "Ada Lovelace", "amount": 1299.5}

        event = await hub.until(f"/v1/events/{accepted['event_id']}", fate="delivered")
        assert event["body"] == json.loads(RECORDED["body"])
        assert event["runs"] == [accepted["run_id"]]
        assert dict(event["headers"])["x-api-key"] != "peer-to-hub-token"
        (delivery_id,) = event["deliveries"]
        delivery = await hub.get(f"/v1/deliveries/{delivery_id}")
        assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["delivered"]

        records = await hub.get("/v1/tables/customers/records")
        assert [record["fields"]["customer_id"] for record in records["items"]] == ["cus_1042"]


async def test_a_second_change_edits_the_same_record(hub: Driven) -> None:
    await hub.put("/v1/stacks/customers", (STACKS / "customers.json5").read_text())
    await hub.put("/v1/sources/n8n", {"connector": "n8n", "verify": {"mode": "none"}})
    for plan in ("free", "pro"):
        body = {"customer": {"id": "c1", "name": "Eve", "plan": plan}, "amount": 1}
        accepted = (await hub.api.post("/in/n8n", json=body)).json()
        await hub.until(f"/v1/runs/{accepted['run_id']}", status="succeeded")
    (record,) = (await hub.get("/v1/tables/customers/records"))["items"]
    assert record["fields"]["plan"] == "pro"
    assert record["id"] == 1
