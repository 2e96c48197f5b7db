"""The hub notices what goes wrong, says so once, and says when it is over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.program import Driven, embedded_hub
from tests.sink import Answer, Sink, open_sink

STACK = """
{ task: "sell", function_stack: [
  { function: "throw_error", message: "No stock.", if: "{{input.fails}}" },
] }
"""
SOON = {"window_s": 2, "clear_s": 0, "threshold": 2}


@pytest_asyncio.fixture
async def hub(tmp_path: Path, database_url: str | None) -> AsyncIterator[Driven]:
    """A hub that looks often, and tells the destination ``pager``."""
    told = {"alert_every_s": 0.2, "alert_destinations": "pager"}
    async with embedded_hub(tmp_path, database_url=database_url, **told) as driven:
        yield driven


@pytest_asyncio.fixture
async def pager(hub: Driven) -> AsyncIterator[Sink]:
    """Whoever is to know."""
    async with open_sink() as sink:
        await hub.put("/v1/destinations/pager", {"connector": "n8n", "url": sink.url})
        yield sink


async def sold(hub: Driven, count: int, *, fails: bool = True) -> None:
    """Have runs that fail."""
    await hub.put("/v1/stacks/shop", STACK)
    for _ in range(count):
        answer = await hub.api.post("/v1/tasks/sell/runs", json={"input": {"fails": fails}})
        assert answer.status_code == 202, answer.text


def told(sink: Sink, event: str) -> list[Any]:
    """The alerts of the notices that came."""
    notices = [each.json for each in sink.requests if each.json["event"] == event]
    return [alert for notice in notices for alert in notice["alerts"]]


async def test_what_fails_is_told_once_and_its_end_too(hub: Driven, pager: Sink) -> None:
    await hub.put("/v1/alerts/tasks-failing", {"when": "task_failures", **SOON})
    await sold(hub, 3)
    [notice] = await pager.wait_for(1)
    assert notice.json["subject"].startswith("[warning]")
    [alert] = told(pager, "alert.firing")
    assert alert["rule"] == "tasks-failing"
    assert alert["of"] == {"task": "shop/sell"}
    assert alert["value"] >= 2
    [firing] = (await hub.get("/v1/alerts/firing"))["items"]
    assert (firing["rule"], firing["told"], firing["muted_until"]) == (
        "tasks-failing",
        ["pager"],
        None,
    )
    await pager.wait_for(2)
    [over] = told(pager, "alert.resolved")
    assert over["lasted_s"] > 0
    await asyncio.sleep(1)
    assert [each.json["event"] for each in pager.requests] == ["alert.firing", "alert.resolved"]
    assert (await hub.get("/v1/alerts/firing"))["items"] == []
    events = (await hub.get("/v1/events?source=hub"))["items"]
    assert {each["type"]: each["fate"] for each in events} == {
        "alert.firing": "delivered",
        "alert.resolved": "delivered",
    }
    said = (await hub.get("/v1/channels/alerts/messages"))["items"]
    assert [each["event"] for each in said] == ["alert.firing", "alert.resolved"]


async def test_slack_gets_text_and_a_subscription_gets_the_notice(hub: Driven, pager: Sink) -> None:
    async with open_sink() as slack:
        await hub.put("/v1/destinations/slack", {"connector": "slack", "url": slack.url})
        rule = {"when": "task_failures", "destinations": ["slack"], **SOON}
        await hub.put("/v1/alerts/tasks-failing", rule)
        follow = {"source": "hub", "event_type": "alert.firing", "destination": "pager"}
        await hub.put("/v1/subscriptions/ours", follow)
        await sold(hub, 2)
        [text] = await slack.wait_for(1)
        [notice] = await pager.wait_for(1)
    assert list(text.json) == ["text"]
    assert text.json["text"].startswith("*[warning] 2 runs of the task shop/sell failed")
    assert notice.json["event"] == "alert.firing"


async def test_a_destination_that_fails_is_told_of_elsewhere(hub: Driven, pager: Sink) -> None:
    async with open_sink() as broken:
        broken.answer = lambda n, request: Answer(status=400, body="no")
        setting = {"connector": "standard", "url": broken.url, "retry_schedule_s": []}
        await hub.put("/v1/destinations/shop", setting)
        rule = {"when": "dead_letters", "of": {"destination": "shop"}, "destinations": ["shop"]}
        made = await hub.put("/v1/alerts/dead-letters", rule)
        assert "told to the destination that it is about" in made["warnings"][0]
        await hub.put("/v1/subscriptions/all", {"source": "till", "destination": "shop"})
        await hub.put("/v1/sources/till", {"verify": {"mode": "none"}})
        assert (await hub.api.post("/in/till", json={})).status_code == 202
        await pager.wait_for(1)
        [alert] = told(pager, "alert.firing")
        assert alert["of"] == {"destination": "shop"}
        assert len(broken.requests) == 1


async def test_a_muted_rule_is_told_when_the_mute_ends(hub: Driven, pager: Sink) -> None:
    rule = {"when": "task_failures", "threshold": 1}
    await hub.put("/v1/alerts/tasks-failing", rule)
    muted = await hub.api.post("/v1/alerts/tasks-failing/mute", json={"for_s": 600})
    assert muted.json()["muted_until"] is not None
    await sold(hub, 1)
    async with asyncio.timeout(10):
        while not (items := (await hub.get("/v1/alerts/firing"))["items"]):
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert items[0]["muted_until"] == muted.json()["muted_until"]
    assert pager.requests == []
    await hub.api.post("/v1/alerts/tasks-failing/unmute")
    await pager.wait_for(1)


async def test_what_is_switched_off_or_paused_is_not_told(hub: Driven, pager: Sink) -> None:
    off = await hub.api.patch("/v1/alerts/tasks-failing", json={"enabled": False})
    assert off.json()["enabled"] is False
    await sold(hub, 12)
    await hub.put("/v1/destinations/gone", {"connector": "standard", "url": pager.url})
    answer = await hub.api.patch("/v1/destinations/gone", json={"state": "disabled"})
    assert answer.status_code == 200
    await pager.wait_for(1)
    assert [each["rule"] for each in told(pager, "alert.firing")] == ["destinations-disabled"]
    resumed = await hub.api.post("/v1/destinations/gone/resume")
    assert resumed.status_code == 200
