"""A source is made by a form and tried; a breaker is tripped and reset while a page looks on."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from hub.dashboard.sessions import new_link
from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 400, "height": 800}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


async def test_a_source_is_made_by_a_form_and_sent_its_sample(
    browser: Browser, hub: Driven
) -> None:
    async with await browser.new_context(viewport=PHONE) as context:
        page = await _signed_in(await context.new_page(), hub)
        await page.goto(f"{hub.base}/dashboard/sources/+new")
        await page.get_by_role("link", name="make", exact=True).click()
        await page.get_by_label("Name").first.fill("made-by-form")
        which = page.get_by_label("How its sender is known")
        await expect(page.get_by_role("group", name="header", exact=True)).to_be_visible()
        await which.select_option("hmac")
        await expect(page.get_by_role("group", name="header", exact=True)).to_be_hidden()
        await which.select_option("header")
        await page.get_by_text("More settings").click()
        await page.get_by_label("Redact").fill("body:card.number")
        await _is_well_made(page)
        await page.get_by_role("button", name="Make it").click()
        await expect(page.get_by_text("it is not shown again")).to_be_visible()
        await _is_well_made(page)
        await page.get_by_role("link", name="I have it").click()

        await expect(page.get_by_text(f"{hub.base}/in/made-by-form").last).to_be_visible()
        await page.get_by_role("button", name="Send a sample").click()
        await expect(page.get_by_text("HTTP 202")).to_be_visible()
        await _is_well_made(page)
        await page.get_by_role("link", name="Back to made-by-form").click()
        came = page.get_by_role("region", name="Recent events").first
        await expect(came.get_by_text("unmatched")).to_be_visible()
        await _is_well_made(page)
    kept = await hub.get("/v1/sources/made-by-form")
    assert kept["verify"]["header"] == "X-Hub-Token"
    assert kept["redact"] == ["body:card.number"]


async def test_a_breaker_is_tripped_and_reset_and_others_see_it(
    browser: Browser, hub: Driven
) -> None:
    await hub.put("/v1/destinations/tripped", {"url": "https://nowhere.invalid/"})
    async with await browser.new_context(color_scheme="dark") as context:
        page = await _signed_in(await context.new_page(), hub)
        await page.goto(f"{hub.base}/dashboard/destinations/tripped")
        watching = await context.new_page()
        await watching.goto(f"{hub.base}/dashboard/destinations")
        await watching.evaluate("window.isTheSame = true")
        row = watching.get_by_role("row", name="tripped")
        await expect(row.get_by_text("closed")).to_be_visible()

        await page.get_by_role("button", name="Trip").click()
        await expect(page.get_by_text("it waits until it is reset")).to_be_visible()
        await expect(row.get_by_text("open", exact=True)).to_be_visible()
        await _is_well_made(page)
        await page.get_by_role("button", name="Reset").click()
        await expect(page.get_by_role("status")).to_contain_text("The breaker is closed.")
        await expect(row.get_by_text("closed")).to_be_visible()
        assert await watching.evaluate("window.isTheSame"), "it was not loaded anew"
        await _is_well_made(watching)


async def _signed_in(page: Page, hub: Driven) -> Page:
    assert hub.hub is not None
    await page.goto(await new_link(hub.hub.ledger, hub.base))
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


async def _is_well_made(page: Page) -> None:
    """Nothing sticks out, and nothing keeps somebody from using it."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = await Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
