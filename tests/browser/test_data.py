"""Records and channels in a browser: what is edited is seen, what is said appears."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.dashboard import SLOW_S, Scene, session, watched
from tests.hostile import MARKUP
from tests.program import Driven

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(SLOW_S)]

HOSTILE = MARKUP[0]
MOST = 200
"""So many messages a page keeps."""


async def test_a_record_is_edited_and_seen_in_a_list_that_is_live(
    browser: Browser, hub: Driven
) -> None:
    scene = Scene(hub, await session(hub), {})
    listed = f"{hub.base}/dashboard/tables/edited"
    text = f" a\n{HOSTILE}"
    await hub.put("/v1/tables/edited", {"live": True})
    await hub.api.post("/v1/tables/edited/records", json={"note": text, "n": 1})
    async with watched(browser, scene) as other, watched(browser, scene) as seen:
        async with other.page.expect_response(lambda answer: "/realtime?" in answer.url):
            await other.page.goto(listed)
        await seen.page.goto(f"{listed}/records/1")
        await expect(seen.page.get_by_label("Value of note")).to_have_value(text)
        await seen.page.get_by_label("Value of n", exact=True).fill("42")
        await seen.page.get_by_role("button", name="Save what was changed").click()
        await expect(seen.page.get_by_role("status")).to_have_text("Saved: n.")
        await expect(other.page.get_by_role("cell", name="42", exact=True)).to_be_visible()
        assert seen.complaints == other.complaints == []
    found = await hub.get("/v1/tables/edited/records/1")
    assert found["fields"] == {"note": text, "n": 42}


async def test_what_is_said_on_a_channel_appears_at_once_and_is_text(
    browser: Browser, hub: Driven
) -> None:
    scene = Scene(hub, await session(hub), {})
    path = "/v1/channels/watched.1/messages"
    await hub.api.post(path, json={"event": "before", "data": 0})
    async with watched(browser, scene) as seen:
        page = seen.page
        await page.goto(f"{hub.base}/dashboard/channels/watched.1")
        await expect(page.locator("#watch")).to_contain_text("Live")
        messages = page.locator("#messages > li")
        newest = messages.first
        await expect(newest).to_contain_text("before")
        await hub.api.post(path, json={"event": HOSTILE, "data": [HOSTILE, "\u202e"]})
        await expect(newest.locator(".event")).to_have_text(HOSTILE)
        await expect(newest.locator("pre")).to_contain_text("\\u202e")
        await expect(messages).to_have_count(2)
        await page.get_by_label("Event").fill("from.here")
        await page.get_by_role("button", name="Publish").click()
        await expect(newest).to_contain_text("from.here")
        for n in range(MOST + 10):
            await hub.api.post(path, json={"event": "many", "data": n})
        await expect(newest.locator("pre")).to_have_text(str(MOST + 9))
        await expect(messages).to_have_count(MOST)
        assert seen.complaints == []


async def test_a_page_of_a_pattern_hears_all_that_it_means(browser: Browser, hub: Driven) -> None:
    scene = Scene(hub, await session(hub), {})
    async with watched(browser, scene) as seen:
        await seen.page.goto(f"{hub.base}/dashboard/channels/many.*")
        await expect(seen.page.locator("#watch")).to_contain_text("Live")
        await hub.api.post("/v1/channels/many.5/messages", json={"event": "e", "data": 1})
        await expect(seen.page.locator("#messages > li").first).to_contain_text("on many.5")
        assert seen.complaints == []
