"""From the printed link to a first event, as somebody does it who has just started the hub."""

import html
import re
import shlex

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from hub.dashboard.sessions import new_link
from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_first_event_is_seen_from_the_link_on(browser: Browser, hub: Driven) -> None:
    assert hub.hub is not None
    context = await browser.new_context()
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda line: broken.append(line.text) if line.type == "error" else None)

    await page.goto(await new_link(hub.hub.ledger, hub.base))
    await _headed(page, "Overview")
    await page.goto(f"{hub.base}/dashboard/first-event")
    await page.get_by_role("button", name="Something else, or curl").click()
    await _headed(page, "Waiting for your first event…")

    line = shlex.split(html.unescape(await page.locator("pre").inner_text()))
    url, secret = line[1], line[5].partition(": ")[2]
    async with httpx.AsyncClient() as sender:
        refused = await sender.post(url, json={"event": "hello"})
        assert refused.status_code == 401
        await expect(
            page.get_by_role("heading", name="A request came, and was refused")
        ).to_be_visible()
        taken = await sender.post(url, json={"event": "hello"}, headers={"x-api-key": secret})
        assert taken.status_code == 202
    await _headed(page, "Your first event is here")
    await page.get_by_role("link", name="See what came").click()
    await expect(
        page.get_by_role("heading", name=re.compile(taken.json()["event_id"]))
    ).to_be_visible()
    await expect(page.get_by_label("Body of the event")).to_contain_text('"event": "hello"')
    await page.get_by_role("button", name="Sign out").click()
    await _headed(page, "Sign in to the hub")
    await context.close()
    assert [each for each in broken if "401" not in each] == []


async def _headed(page: Page, heading: str | re.Pattern[str]) -> None:
    await expect(page.get_by_role("heading", name=heading)).to_be_visible()
