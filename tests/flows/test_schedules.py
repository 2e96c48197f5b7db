"""A task that the clock starts: held up, let go on, and started by hand."""

import asyncio

from hub.model.time import from_iso
from tests.flows.clock import due_a_minute_ago
from tests.program import Driven

STACK = """
{ scheduled_task: {
  name: "nightly", schedule: "30 2 * * *", timezone: "Europe/Berlin",
  function_stack: [
    { function: "add_record", table: "nights",
      data: { at: "{{now()}}", due: "{{run.scheduled_for}}" } },
  ],
} }
"""


async def test_a_schedule_is_seen_held_up_and_run_by_hand(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    [listed] = (await hub.get("/v1/schedules"))["items"]
    assert (listed["name"], listed["cron"], listed["timezone"], listed["paused"]) == (
        "shop/nightly",
        "30 2 * * *",
        "Europe/Berlin",
        False,
    )
    assert len(listed["next"]) == 5
    assert listed["next"] == sorted(listed["next"])
    paused = await hub.api.post("/v1/schedules/shop/nightly/pause")
    assert paused.json()["paused"] is True
    resumed = await hub.api.post("/v1/schedules/nightly/resume")
    assert (resumed.json()["paused"], resumed.json()["next"]) == (False, listed["next"])
    started = await hub.api.post("/v1/schedules/shop/nightly/run")
    assert started.status_code == 202
    await hub.until(f"/v1/runs/{started.json()['id']}", status="succeeded")
    [night] = (await hub.get("/v1/tables/nights/records"))["items"]
    assert night["fields"]["at"] >= night["fields"]["due"]
    unknown = await hub.api.get("/v1/schedules/none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "schedule_unknown")


async def test_a_run_of_a_schedule_sees_the_time_at_which_it_was_due(hub: Driven) -> None:
    """Due a while ago, because nobody looked: its clock stands where it should have begun."""
    await hub.put("/v1/stacks/shop", STACK.replace('"30 2 * * *"', '"* * * * *", catch_up: "all"'))
    assert hub.hub is not None
    await hub.until("/v1/schedules/nightly", paused=False)
    due_at = await due_a_minute_ago(hub)
    async with asyncio.timeout(10):
        while not (nights := (await hub.get("/v1/tables/nights/records"))["items"]):
            await asyncio.sleep(0.05)
    night = nights[0]["fields"]
    assert from_iso(night["due"]) == due_at
    assert 0 <= from_iso(night["at"]) - due_at < 5_000_000
    assert from_iso(nights[0]["created_at"]) - due_at >= 60_000_000
