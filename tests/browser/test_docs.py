"""The API's page, as somebody reads it who wants to know how a source is set."""

import pytest
from playwright.async_api import Browser, expect

from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_shows_an_operation_and_asks_nobody_else(
    browser: Browser, hub: Driven, scheme: str
) -> None:
    phone = {"width": 320, "height": 640}
    async with await browser.new_context(color_scheme=scheme, viewport=phone) as context:
        page = await context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda told: complaints.append(told.text))
        await page.goto(f"{hub.base}/docs")
        operation = page.locator("#put_source")
        await page.get_by_text("Create or replace a source").click()
        await expect(operation).to_contain_text("scope write")
        await expect(operation).to_contain_text("mask_given")
        await expect(operation).to_contain_text("max_body_bytes")
        await expect(operation.locator("pre")).to_contain_text("Authorization: Bearer KEY")
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(wide), "nothing sticks out on a phone"

        await operation.get_by_role("link", name="VerifyHmac", exact=True).first.click()
        await expect(page.locator("#shape-VerifyHmac table")).to_be_visible()
        await expect(page.locator("#shape-VerifyHmac")).to_be_in_viewport()
        elsewhere = [url for url in asked if not url.startswith(hub.base) and url[:5] != "data:"]
        assert elsewhere == []
        assert complaints == []
