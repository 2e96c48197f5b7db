"""A server and a worker in processes of their own: what the worker does is told by the server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Postgres
from tests.faults.apart import programs
from tests.flows.listening import listening
from tests.sink import open_sink

STACK = """
{ tables: { orders: { live: true } } }
{ task: "sell", function_stack: [
  { function: "add_record", table: "orders", data: { item: "{{item}}" } },
  { function: "deliver", destination: "make", payload: { item: "{{item}}" } },
] }
"""


@pytest.mark.timeout(90)
async def test_what_a_worker_does_is_heard_at_the_server(
    tmp_path: Path, postgres: Postgres, valkey: Any
) -> None:
    with postgres.database() as url:
        async with programs(tmp_path, url, valkey.url) as hub, open_sink() as sink:
            await hub.put("/v1/destinations/make", {"connector": "standard", "url": sink.url})
            await hub.put("/v1/stacks/shop", STACK)
            async with (
                listening(hub, "tables.orders") as orders,
                listening(hub, "deliveries") as deliveries,
            ):
                await asyncio.sleep(1.5)  # the worker looks once a second, for tables as for ears
                await hub.api.post("/v1/tasks/shop/sell/runs", json={"input": {"item": "tea"}})
                [added] = await orders.next(1)
                assert added["data"]["record"]["fields"] == {"item": "tea"}
                [delivered] = await deliveries.next(1)
                assert (delivered["event"], delivered["data"]["destination"]) == (
                    "delivered",
                    "make",
                )
