"""A person watches a run: how it stands, how far it has come, how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.program import Driven

STACK = """
{ task: "work", function_stack: [
  { function: "for_each_loop", array: "{{range(1, 4)}}", function_stack: [
    { function: "set_progress", done: "{{loop_item}}", total: 4, message: "at {{loop_item}}" },
    { function: "sleep", seconds: 0.3 },
  ] },
  { function: "return_response", body: { ok: true } },
] }
{ task: "parks", function_stack: [{ function: "sleep", seconds: 600 }] }
{ task: "fails", function_stack: [
  { function: "sleep", seconds: 0.5 }, { function: "throw_error", message: "no" } ] }
"""


class Watcher:
    """Reads a stream's envelopes."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.came: list[dict[str, Any]] = []

    async def read(self) -> None:
        """To its end."""
        async for line in self.response.aiter_lines():
            if line.startswith("data: "):
                self.came.append(json.loads(line[6:]))

    @property
    def statuses(self) -> list[str]:
        """What it was told, each once in a row."""
        found = [each["data"]["status"] for each in self.came]
        return [word for n, word in enumerate(found) if n == 0 or found[n - 1] != word]


@asynccontextmanager
async def watching(hub: Driven, path: str) -> AsyncIterator[Watcher]:
    async with hub.api.stream("GET", path) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Watcher(response)


async def start(hub: Driven, task: str, **given: Any) -> str:
    await hub.put("/v1/stacks/shop", STACK)
    answer = await hub.api.post(f"/v1/tasks/{task}/runs", json={"input": {}, **given})
    run_id: str = answer.json()["id"]
    return run_id


async def test_a_run_is_followed_to_its_end(hub: Driven) -> None:
    run_id = await start(hub, "work", delay_s=0.3)
    async with watching(hub, f"/v1/runs/{run_id}/stream") as watcher:
        await asyncio.wait_for(watcher.read(), 10)
    first, last = watcher.came[0], watcher.came[-1]
    assert (first["event"], first["data"]["id"]) == ("run", run_id)
    assert first["data"]["task"] == "shop/work"
    assert (last["event"], last["data"]["status"]) == ("status", "succeeded")
    assert watcher.statuses == ["queued", "running", "succeeded"]
    done = [each["data"]["progress"]["done"] for each in watcher.came if each["data"]["progress"]]
    assert done == sorted(done)
    assert len(set(done)) >= 3
    assert last["data"]["progress"] == {"done": 4, "total": 4, "message": "at 4"}
    assert (await hub.get(f"/v1/runs/{run_id}"))["progress"]["done"] == 4


async def test_many_watch_one_run_and_hear_each_thing_once(hub: Driven) -> None:
    run_id = await start(hub, "fails")
    async with (
        watching(hub, f"/v1/runs/{run_id}/stream") as one,
        watching(hub, f"/v1/runs/{run_id}/stream") as two,
    ):
        await asyncio.wait_for(asyncio.gather(one.read(), two.read()), 10)
    for watcher in (one, two):
        assert watcher.statuses[-1] == "failed"
        ids = [each["id"] for each in watcher.came]
        assert len(ids) == len(set(ids))
        assert watcher.came[-1]["data"]["failure"]["message"] == "no"


async def test_the_channel_of_a_run_tells_it_too(hub: Driven) -> None:
    run_id = await start(hub, "parks", delay_s=0.4)
    path = f"/realtime/runs.{run_id}?max_seconds=1.5"
    async with watching(hub, path) as watcher:
        await asyncio.wait_for(watcher.read(), 10)
    assert watcher.statuses[0] == "queued"
    assert watcher.statuses[-1] == "waiting"
    await hub.api.post(f"/v1/runs/{run_id}/cancel")
    async with watching(hub, f"{path[:-3]}1&last_event_id=earliest") as late:
        await asyncio.wait_for(late.read(), 10)
    assert late.statuses[-1] == "cancelled"


async def test_a_run_that_has_ended_is_told_at_once(hub: Driven) -> None:
    run_id = await start(hub, "fails")
    await hub.until(f"/v1/runs/{run_id}", status="failed")
    async with watching(hub, f"/v1/runs/{run_id}/stream") as watcher:
        await asyncio.wait_for(watcher.read(), 5)
    assert watcher.statuses == ["failed"]


async def test_nobody_else_is_told(hub: Driven) -> None:
    run_id = await start(hub, "parks")
    answer = await hub.api.get(f"/v1/runs/{run_id}/stream", headers={"authorization": "Bearer x"})
    assert answer.status_code == 401
    unknown = await hub.api.get("/v1/runs/run_0/stream")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "run_unknown")


@pytest.mark.parametrize("channel", ["runs.x", "tables.orders", "deliveries", "breakers"])
async def test_what_the_hub_says_itself_nobody_else_says(hub: Driven, channel: str) -> None:
    body = {"event": "status", "data": {"status": "succeeded"}}
    answer = await hub.api.post(f"/v1/channels/{channel}/messages", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "channel_reserved")
    stack = {"task": "t", "function_stack": [
        {"function": "realtime_publish", "channel": "{{c}}", "event": "e"}]}  # fmt: skip
    await hub.put("/v1/stacks/says", json.dumps(stack))
    asked = {"input": {"c": channel}, "wait_s": 5}
    run = (await hub.api.post("/v1/tasks/says/t/runs", json=asked)).json()
    assert run["failure"]["code"] == "channel_reserved"


async def test_who_stops_watching_costs_nothing_more(hub: Driven) -> None:
    assert hub.hub is not None
    run_id = await start(hub, "parks")
    async with watching(hub, f"/v1/runs/{run_id}/stream"):
        await asyncio.sleep(0.3)
    async with asyncio.timeout(5):
        while hub.hub.watch._watched:
            await asyncio.sleep(0.02)
