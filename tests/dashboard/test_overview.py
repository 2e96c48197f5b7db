"""The first page: all of it, also while parts of the hub are away."""

from pathlib import Path

from hub.bootstrap import open_hub
from hub.dashboard.pages.overview import flows_of
from hub.settings import Settings
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, enter
from tests.databases import prepare


async def test_a_new_hub_says_how_to_begin_and_that_no_worker_works(visitor: Visitor) -> None:
    page = await visitor.see("/")
    assert "/dashboard/first-event" in page
    assert "No worker was heard of" in page


async def test_what_is_wrong_is_named_with_the_way_to_it(desk: Desk, visitor: Visitor) -> None:
    wish = {"connector": "standard", "url": "https://example.com/"}
    await desk.ask("PUT", "/v1/destinations/{slug}", {"slug": "crm"}, body=wish)
    await desk.ask("POST", "/v1/destinations/{slug}/breaker/trip", {"slug": "crm"}, body={})
    await desk.ask("POST", "/v1/pause")
    page = await visitor.see("/")
    assert "Paused: everything" in page
    assert '<a href="/dashboard/destinations/crm">crm</a> <span class="badge bad">open' in page


def test_a_chart_says_in_words_what_it_shows() -> None:
    minute = {
        "at": "2026-11-30T06:15:00.000000Z",
        **dict.fromkeys(("received", "rejected", "succeeded", "failed", "delivered", "dead"), 2),
    }
    came, ran, went = flows_of([minute, minute])
    assert (came.good, came.bad, came.most) == (4, 4, 4)
    assert 'aria-label="Came in by the minute: 8 events in the last hour, 4 rejected"' in came.chart
    assert "06:15: 4" in came.chart
    assert (ran.path, went.bad_path) == ("/dashboard/runs", "/dashboard/deliveries?status=dead")


async def test_without_redis_it_tells_what_the_ledger_knows(tmp_path: Path) -> None:
    prepare(None, tmp_path)
    nobody = f"unix://{tmp_path}/nobody.sock"
    async with open_hub(Settings(data=tmp_path), nobody) as hub:
        visitor = await enter(hub)
        page = await visitor.see("/")
        assert "Redis does not answer" in page
        assert "breakers open</dt><dd>not known" in page
        await visitor.client.aclose()
