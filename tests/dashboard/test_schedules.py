"""The pages of schedules, lanes and pauses: what they show, and what their forms do."""

import pytest

from hub.dashboard.pages.schedules import there
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

STACK = b"""
{ scheduled_task: { name: "nightly", schedule: "30 3 * * *", timezone: "Europe/Berlin",
  overlap: "queue", function_stack: [] } }
"""
ONE = "/dashboard/schedules/desk/nightly"
LANES = "/dashboard/lanes"


@pytest.fixture
async def nightly(desk: Desk) -> None:
    """A stack with a schedule."""
    path, parts = "/v1/stacks/{name}", {"name": "desk"}
    await desk.answer("PUT", path, parts, body=STACK, content_type="text/plain")


async def _paused(desk: Desk) -> bool:
    found = await desk.ask("GET", "/v1/schedules/{name:path}", {"name": "desk/nightly"})
    return bool(found["paused"])


async def test_without_a_schedule_the_page_says_how_to_get_one(visitor: Visitor) -> None:
    assert "No schedule yet" in await visitor.see("/dashboard/schedules")


@pytest.mark.usefixtures("nightly")
async def test_schedules_are_listed_and_shown_with_their_next_times(visitor: Visitor) -> None:
    page = await visitor.see("/dashboard/schedules")
    assert f'href="{ONE}"' in page
    assert "30 3 * * *" in page
    page = await visitor.see(ONE)
    assert page.count(" 03:30 ") == 5
    assert "it waits its turn" in page
    await visitor.see("/dashboard/schedules/desk/nothing", 404)


@pytest.mark.usefixtures("nightly")
async def test_a_schedule_is_paused_and_resumed(desk: Desk, visitor: Visitor) -> None:
    page = await visitor.do(f"{ONE}/pause", **{"from": "one"})
    assert "desk/nightly is paused" in page
    assert "<h1>Schedule desk/nightly</h1>" in page
    assert await _paused(desk)
    page = await visitor.do(f"{ONE}/resume")
    assert "fires again" in page
    assert "<h1>Schedules</h1>" in page
    assert not await _paused(desk)


@pytest.mark.usefixtures("nightly")
async def test_the_task_of_a_schedule_is_started_now(desk: Desk, visitor: Visitor) -> None:
    assert "Its task is started" in await visitor.do(f"{ONE}/run")
    (run,) = (await desk.ask("GET", "/v1/runs"))["items"]
    assert run["task"] == "desk/nightly"
    assert run["id"] in await visitor.see(ONE)


async def test_an_unknown_schedule_is_named(visitor: Visitor) -> None:
    for doing in ("pause", "resume", "run"):
        page = await visitor.do(f"/dashboard/schedules/desk/%3Cb%3E/{doing}")
        assert "There is no schedule" in page
        assert "<b>" not in page


def test_times_are_told_as_the_clocks_of_the_zone_show_them() -> None:
    assert there("2026-07-01T01:30:00Z", "Europe/Berlin") == "Wed 2026-07-01 03:30"
    assert there("2026-12-01T02:30:00.000000Z", "Europe/Berlin") == "Tue 2026-12-01 03:30"


async def test_a_lane_is_paused_and_resumed(desk: Desk, visitor: Visitor) -> None:
    page = await visitor.do(f"{LANES}/low/pause")
    assert "The lane low is paused" in page
    assert f"{LANES}/low/resume" in page
    assert (await desk.ask("GET", "/v1/pause"))["lanes"] == ["low"]
    assert "the lane low" in await visitor.see("/dashboard/runs")
    await visitor.do(f"{LANES}/low/resume")
    assert (await desk.ask("GET", "/v1/pause"))["lanes"] == []
    assert "There is no lane" in await visitor.do(f"{LANES}/fast/pause")


async def test_everything_is_paused_and_goes_on(desk: Desk, visitor: Visitor) -> None:
    page = await visitor.do(f"{LANES}/pause")
    assert "<strong>Everything is paused.</strong>" in page
    assert (await desk.ask("GET", "/v1/pause"))["all"]
    assert "<strong>Everything is paused.</strong>" in await visitor.see("/dashboard/runs")
    page = await visitor.do(f"{LANES}/resume")
    assert "<strong>" not in page
    assert not (await desk.ask("GET", "/v1/pause"))["all"]


@pytest.mark.usefixtures("nightly")
async def test_a_paused_stack_is_told(desk: Desk, visitor: Visitor) -> None:
    await desk.ask("POST", "/v1/stacks/{name}/pause", {"name": "desk"})
    assert 'href="/dashboard/stacks/desk"' in await visitor.see(LANES)
    assert "the stack desk" in await visitor.see("/dashboard/runs")


@pytest.mark.usefixtures("nightly")
async def test_whoever_only_looks_holds_nothing_up(visitor_of: VisitorOf) -> None:
    viewer = await visitor_of("read")
    for page in ("/dashboard/schedules", ONE, LANES):
        assert "/pause" not in await viewer.see(page)
    for doing in (f"{ONE}/pause", f"{ONE}/run", f"{LANES}/pause", f"{LANES}/low/pause"):
        await viewer.send(doing, 403)
