"""The page to try channels on, as somebody uses it who has just started ``hub up``."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = '<img src=x onerror="document.title = 1">'


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_published_on_the_page_appears_on_it_and_in_a_second_window(
    browser: Browser, hub: Driven, scheme: str
) -> None:
    phone = {"width": 320, "height": 640}
    async with await browser.new_context(color_scheme=scheme, viewport=phone) as context:
        first, second = await opened(await context.new_page(), hub), await context.new_page()
        await opened(second, hub)
        await first.get_by_label("Event").fill(f"greeting {scheme}")
        await first.get_by_label("Data").fill(HOSTILE)
        await first.get_by_role("button", name="Publish", exact=True).click()
        await expect(first.locator("#outcome")).to_contain_text("Published as ")
        for page in (first, second):
            newest = page.get_by_role("log").locator("li").first
            await expect(newest).to_contain_text(f"greeting {scheme}")
            await expect(newest).to_contain_text(HOSTILE)
            assert await page.locator("#messages img").count() == 0
            assert await page.title() == "Live channel · hub"
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await page.evaluate(wide), "nothing sticks out on a phone"


async def test_the_page_shows_what_others_publish_and_how_to_listen_elsewhere(
    browser: Browser, hub: Driven
) -> None:
    async with await browser.new_context() as context:
        page = await opened(await context.new_page(), hub)
        message = {"event": "from.elsewhere", "data": "Plain"}
        await hub.api.post("/v1/channels/demo/messages", json=message)
        newest = page.get_by_role("log").locator("li").first
        await expect(newest).to_contain_text("from.elsewhere")
        await expect(newest.locator("pre")).to_have_text("Plain")

        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.locator("[data-copies=listen]").click()
        await expect(page.locator("[data-copies=listen]")).to_have_text("Copied")
        line = await page.evaluate("navigator.clipboard.readText()")
        assert line.startswith('curl -N -H "Authorization: Bearer ')
        assert line.endswith(f"{hub.base}/realtime/demo")
        snippet = await page.locator("#page").inner_text()
        assert f'<script src="{hub.base}/hub.js"></script>' in snippet


async def opened(page: Page, hub: Driven) -> Page:
    """The page, once it is connected; nothing on it may be refused by its own policy."""
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text))
    await page.goto(f"{hub.base}/demo")
    await expect(page.get_by_role("status").first).to_have_text("connected")
    assert complaints == []
    return page
