"""A run tells how its work went while it is at it, and each is told once."""

import asyncio
from pathlib import Path
from typing import Any

from tests.program import Driven, embedded_hub
from tests.sink import Sink, open_sink

STACK = """
{ task: "crunch", function_stack: [
  { function: "try_catch",
    try_stack: [
      { function: "throw_error", message: "No rows.", code: "empty", if: "{{input.fails}}" },
      { function: "return_response", body: { rows: 12 } },
      { function: "send_completion_notification", destination: "make", message: "12 rows" },
    ],
    catch_stack: [
      { function: "send_error_notification", destinations: ["nobody", "make"] },
    ] },
] }
"""


async def worked(hub: Driven, **given: Any) -> str:
    answer = await hub.api.post("/v1/tasks/crunch/runs", json={"input": given})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    return run_id


async def test_what_is_done_is_told_by_a_delivery_and_on_the_run_s_channel(
    hub: Driven, make: Sink
) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    run_id = await worked(hub)
    [notice] = await make.wait_for(1)
    assert notice.json["type"] == "run.succeeded"
    data = notice.json["data"]
    assert (data["id"], data["task"], data["result"]) == (run_id, "shop/crunch", {"rows": 12})
    assert (data["message"], data["failure"]) == ("12 rows", None)
    async with asyncio.timeout(5):
        while not (said := await history(hub, run_id)):
            await asyncio.sleep(0.05)
    assert said == [data]


async def history(hub: Driven, run_id: str) -> list[Any]:
    """What the run has said on its channel."""
    messages = (await hub.get(f"/v1/channels/runs.{run_id}/messages"))["items"]
    return [each["data"] for each in messages if each["event"] == "run.succeeded"]


async def test_what_failed_is_told_to_who_is_there_and_the_rest_is_noted(
    hub: Driven, make: Sink
) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    run_id = await worked(hub, fails=True)
    [notice] = await make.wait_for(1)
    assert notice.json["type"] == "run.failed"
    assert notice.json["data"]["failure"]["code"] == "empty"
    steps = (await hub.get(f"/v1/runs/{run_id}/steps"))["items"]
    [step] = [each for each in steps if each["function"] == "send_error_notification"]
    assert "There is no destination 'nobody'" in step["note"]
    assert [each["to"] for each in step["output"]["skipped"]] == ["nobody"]


UNNAMED = """
{ task: "crunch", function_stack: [
  { function: "send_completion_notification" },
  { function: "send_error_notification" },
] }
"""


async def test_where_steps_name_nobody_the_settings_do(tmp_path: Path) -> None:
    told = {"notify_destinations": "all", "notify_error_destinations": "pager"}
    async with (
        open_sink() as everyone,
        open_sink() as pager,
        embedded_hub(tmp_path, **told) as hub,
    ):
        for slug, sink in (("all", everyone), ("pager", pager)):
            await hub.put(f"/v1/destinations/{slug}", {"connector": "make", "url": sink.url})
        await hub.put("/v1/stacks/shop", UNNAMED)
        await worked(hub)
        [done] = await everyone.wait_for(1)
        [broke] = await pager.wait_for(1)
    assert (done.json["type"], broke.json["type"]) == ("run.succeeded", "run.failed")
