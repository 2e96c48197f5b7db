"""What a hub had begun when it ended, it finishes when it is back."""

import asyncio
from pathlib import Path

import pytest

from hub.errors import SettingsError
from tests.program import embedded_hub
from tests.sink import Answer, open_sink

STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "add_record", table: "orders", data: { order: "{{order}}" } },
  { function: "deliver", destination: "make", payload: { order: "{{orders.order}}" } },
] }
"""


async def test_deliveries_that_were_waiting_leave_after_a_restart(tmp_path: Path) -> None:
    async with open_sink() as make:
        make.answer = lambda n, request: Answer(503)
        async with embedded_hub(tmp_path) as hub:
            await hub.put("/v1/stacks/orders", STACK)
            await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
            setting = {"url": make.url, "retry_schedule_s": [1, 1, 1]}
            await hub.put("/v1/destinations/make", setting)
            for order in range(5):
                await hub.api.post("/in/shop", json={"order": order})
            await make.wait_for(5)
        make.answer = lambda n, request: Answer()
        make.requests.clear()
        async with embedded_hub(tmp_path) as hub:
            await make.wait_for(5)
            await asyncio.sleep(0.1)
            assert sorted(request.json["order"] for request in make.requests) == list(range(5))
            for delivery in (await hub.get("/v1/deliveries"))["items"]:
                await hub.until(f"/v1/deliveries/{delivery['id']}", status="delivered")


async def test_a_second_hub_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path):
        with pytest.raises(SettingsError, match="Another hub"):
            async with embedded_hub(tmp_path):
                pass
