"""A person holds up a lane, a stack or everything, and lets it go on."""

import asyncio

import pytest

from tests.program import Driven
from tests.sink import Sink

STACK = """
{ task: "t", source: "%s", lane: "%s", function_stack: [
  { function: "deliver", destination: "make", payload: { n: "{{n}}" } },
] }
{ api_endpoint: "/%s/ask", auth: "public", wait_s: 0.2, function_stack: [
  { function: "return_response", body: { ok: true } },
] }
"""


async def set_up(hub: Driven) -> None:
    """Two stacks, in two lanes."""
    for name, lane in (("one", "high"), ("two", "low")):
        await hub.put(f"/v1/stacks/{name}", STACK % (name, lane, name))
        await hub.put(f"/v1/sources/{name}", {"verify": {"mode": "none"}})


async def post(hub: Driven, path: str) -> dict[str, object]:
    answer = await hub.api.post(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def send(hub: Driven, source: str, n: int) -> str:
    answer = await hub.api.post(f"/in/{source}", json={"n": n})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


async def rests(hub: Driven, run_id: str) -> None:
    """It is queued, and stays so for longer than a worker takes to look."""
    await asyncio.sleep(1.3)
    assert (await hub.get(f"/v1/runs/{run_id}"))["status"] == "queued"


@pytest.mark.parametrize("what", ["stacks/one", "lanes/high"])
async def test_what_is_paused_takes_events_and_runs_them_later(
    hub: Driven, make: Sink, what: str
) -> None:
    await set_up(hub)
    assert (await post(hub, f"/v1/{what}/pause"))["paused"] is True
    held = await send(hub, "one", 1)
    await hub.until(f"/v1/runs/{await send(hub, 'two', 2)}", status="succeeded")
    await rests(hub, held)
    assert (await post(hub, f"/v1/{what}/resume"))["paused"] is False
    await hub.until(f"/v1/runs/{held}", status="succeeded")
    assert [each.json["n"] for each in await make.wait_for(2)] == [2, 1]


async def test_a_hub_that_is_paused_runs_and_sends_nothing(hub: Driven, make: Sink) -> None:
    await set_up(hub)
    assert (await hub.api.post("/v1/pause")).json() == {"all": True, "lanes": [], "stacks": []}
    held = await send(hub, "one", 1)
    await rests(hub, held)
    asked = await hub.api.post("/one/ask")
    assert asked.status_code == 202
    waiting = asked.json()["run_id"]
    assert (await hub.get(f"/v1/runs/{waiting}"))["status"] == "queued"
    assert make.requests == []
    await hub.api.delete("/v1/pause")
    await hub.until(f"/v1/runs/{held}", status="succeeded")
    await hub.until(f"/v1/runs/{waiting}", status="succeeded", result={"ok": True})
    await make.wait_for(1)


async def test_a_paused_stack_says_so_until_it_is_removed(hub: Driven) -> None:
    await set_up(hub)
    await post(hub, "/v1/stacks/one/pause")
    await post(hub, "/v1/lanes/low/pause")
    assert (await hub.get("/v1/pause")) == {"all": False, "lanes": ["low"], "stacks": ["one"]}
    assert (await hub.get("/v1/stacks/one"))["paused"] is True
    lanes = (await hub.get("/v1/lanes"))["items"]
    assert [each["paused"] for each in lanes] == [False, False, True]
    await hub.api.delete("/v1/stacks/one")
    await set_up(hub)
    assert (await hub.get("/v1/stacks/one"))["paused"] is False


@pytest.mark.parametrize("what", ["stacks/none", "lanes/middle"])
async def test_what_is_not_there_is_not_paused(hub: Driven, what: str) -> None:
    for verb in ("pause", "resume"):
        answer = await hub.api.post(f"/v1/{what}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (
            404,
            f"{what.partition('s/')[0]}_unknown",
        )
