"""The page of a run, watched while the run goes on."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.program import ADMIN_KEY, Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

STACK = """
{ task: "long", function_stack: [
  { function: "set_progress", done: 1, total: 2, message: "{{run.resume_url}}" },
  { function: "wait_for", timeout_s: 600 },
  { function: "return_response", body: "<img src=x onerror='document.title = 1'>" },
] }
"""


async def test_a_run_is_watched_from_its_queue_to_its_end_and_the_page_never_loads_anew(
    browser: Browser, hub: Driven
) -> None:
    await hub.put("/v1/stacks/watched", STACK)
    await hub.api.post("/v1/lanes/high/pause")
    async with await browser.new_context(viewport={"width": 400, "height": 800}) as context:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda told: complaints.append(told.text))
        await _sign_in(page, hub)
        await page.goto(f"{hub.base}/dashboard/tasks/watched/long")
        await page.get_by_label("Lane").select_option("high")
        await page.get_by_role("button", name="Start", exact=True).click()
        stands = page.locator(".stands .badge")
        await expect(stands).to_have_text("queued")
        await page.evaluate("window.first = true")
        run_id = page.url.rpartition("/")[2]

        await hub.api.post("/v1/lanes/high/resume")
        await expect(stands).to_have_text("waiting", timeout=20_000)
        await expect(page.locator("progress")).to_have_attribute("value", "1")
        await page.locator("summary", has_text="set_progress").click()

        run = await hub.get(f"/v1/runs/{run_id}")
        await hub.api.post(urlsplit(run["progress"]["message"]).path)
        await expect(stands).to_have_text("succeeded", timeout=20_000)
        result = page.get_by_label("Result of the run")
        await expect(result).to_contain_text("<img src=x")
        opened = page.locator("details[open]", has_text="set_progress")
        await expect(opened).to_be_visible()
        assert await page.evaluate("window.first"), "it is the same page still"
        assert await page.locator("[data-live]").count() == 0, "there is nothing more to follow"
        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(fits), "nothing sticks out on a phone"
        assert complaints == []


async def _sign_in(page: Page, hub: Driven) -> None:
    await page.goto(f"{hub.base}/login")
    await page.get_by_label("API key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in with the key").click()
    await page.wait_for_url(f"{hub.base}/")
