"""A dead letter is sent again by hand, and is seen to arrive while the page stays as it is."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.program import ADMIN_KEY, Driven
from tests.sink import Answer, open_sink

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_MS = 30_000
HOSTILE = "<img src=x onerror=\"document.title='hurt'\">"


async def test_a_dead_letter_is_replayed_by_clicks_and_seen_to_arrive(
    browser: Browser, hub: Driven
) -> None:
    async with open_sink() as till:
        till.answer = lambda n, request: Answer(400, HOSTILE) if n == 0 else Answer()
        delivery_id = await _dead(hub, till.url)
        async with await browser.new_context() as context:
            page = await _signed_in(await context.new_page(), hub)
            await page.goto(f"{hub.base}/dashboard/dead-letters?destination=mended-till")
            await page.get_by_label("Mark all on this page").check()
            await expect(page.get_by_label(f"Mark {delivery_id}")).to_be_checked()
            await page.get_by_role("button", name="Replay the marked…").click()
            await expect(page.get_by_text("1 delivery")).to_be_visible()
            assert len(till.requests) == 1, "so far nothing was sent"

            watching = await context.new_page()
            await watching.goto(f"{hub.base}/dashboard/deliveries/{delivery_id}")
            await watching.evaluate("window.isTheSame = true")
            await watching.get_by_text("What was answered").click()
            await page.get_by_role("button", name="Send them").click()
            await expect(page.get_by_role("status")).to_contain_text("1 delivery is sent again")

            attempts = watching.get_by_role("region", name="Attempts")
            await expect(attempts.get_by_text("HTTP 200")).to_be_visible(timeout=LONG_MS)
            stands = watching.get_by_role("region", name="How it stands")
            await expect(stands.get_by_text("delivered", exact=True)).to_be_visible()
            assert await watching.evaluate("window.isTheSame"), "it was not loaded anew"
            await expect(attempts.get_by_text(HOSTILE)).to_be_visible()
            assert await watching.title() == "Delivery · hub"
            row = page.get_by_role("region", name="Deliveries").get_by_text("delivered")
            await expect(row).to_be_visible(timeout=LONG_MS)
        assert len(till.requests) == 2


async def _dead(hub: Driven, url: str) -> str:
    """A delivery that its destination has refused for good."""
    await hub.put("/v1/destinations/mended-till", {"url": url})
    await hub.put("/v1/sources/shop-of-till", {"verify": {"mode": "none"}})
    wish = {"source": "shop-of-till", "destination": "mended-till"}
    await hub.put("/v1/subscriptions/to-mended-till", wish)
    await hub.api.post("/in/shop-of-till", json={"name": HOSTILE})
    found = (await hub.get("/v1/deliveries?destination=mended-till"))["items"]
    delivery_id = str(found[0]["id"])
    await hub.until(f"/v1/deliveries/{delivery_id}", status="dead")
    return delivery_id


async def _signed_in(page: Page, hub: Driven) -> Page:
    await page.goto(f"{hub.base}/login")
    await page.get_by_label("API key").fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in with the key").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page
