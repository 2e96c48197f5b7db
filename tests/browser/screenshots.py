"""Pictures of the dashboard's main pages, for the documentation: ``make screenshots``.

A hub with something to show is started, a real Chromium looks at it, and docs/images has the
pictures afterwards.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Page, async_playwright

from hub.dashboard.sessions import new_link
from tests.browser.chromium import launched
from tests.program import Driven, embedded_hub
from tests.sink import Answer, Sink, open_sink

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_SIZE: Final = {"width": 1280, "height": 800}
_STACK: Final = """
task: shop
function_stack:
  - function: create_variable
    name: total
    value: "{{ input.amount * 1.19 | round(2) }}"
  - function: add_record
    table: orders
    data: {customer: "{{ input.customer }}", total: "{{ total }}"}
  - function: deliver
    destination: crm
    payload: {customer: "{{ input.customer }}", total: "{{ total }}"}
"""


async def main() -> None:
    """Make them all anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            embedded_hub(Path(folder)) as hub,
            open_sink() as sink,
            async_playwright() as playwright,
        ):
            await _set_the_scene(hub, sink)
            browser = await launched(playwright)
            page = await browser.new_page(viewport=_SIZE, color_scheme="light")
            assert hub.hub is not None
            await page.goto(await new_link(hub.hub.ledger, hub.base))
            for name, path in (await _paths(hub)).items():
                await _picture(page, f"{hub.base}{path}", IMAGES / f"{name}.png")
            await page.emulate_media(color_scheme="dark")
            await _picture(page, hub.base, IMAGES / "overview-dark.png")
            await browser.close()


async def _set_the_scene(hub: Driven, sink: Sink) -> None:
    """An order's way: most arrive, some are refused, one destination is down."""
    sink.answer = lambda n, request: Answer() if n % 9 else Answer(400, "No such customer")
    crm = {"connector": "make", "url": sink.url, "retry_schedule_s": [0.2]}
    await hub.put("/v1/destinations/crm", crm)
    away = {"connector": "n8n", "url": "http://127.0.0.1:9/webhook/stock"}
    await hub.put("/v1/destinations/stock", away)
    await hub.put("/v1/stacks/shop", _STACK)
    await hub.put(
        "/v1/sources/shop",
        {"connector": "n8n", "verify": {"mode": "none"}, "task": "shop/shop"},
    )
    await hub.put("/v1/subscriptions/stock", {"source": "shop", "destination": "stock"})
    for number in range(60):
        order = {"event": "order.paid", "customer": f"Ada {number % 7}", "amount": 10 + number}
        answer = await hub.api.post("/in/shop", json=order)
        assert answer.status_code == 202, answer.text
    await hub.api.post("/in/shop", content="{broken", headers={"content-type": "application/json"})
    await sink.wait_for(60, timeout_s=60)
    assert hub.hub is not None
    await hub.hub.rates.tell()


async def _paths(hub: Driven) -> dict[str, str]:
    event = (await hub.get("/v1/events?source=shop&limit=9"))["items"][-1]["id"]
    run = (await hub.get("/v1/runs?task=shop%2Fshop&limit=1"))["items"][-1]["id"]
    return {
        "overview": "/",
        "events": "/dashboard/events",
        "event": f"/dashboard/events/{event}",
        "run": f"/dashboard/runs/{run}",
        "dead-letters": "/dashboard/dead-letters",
        "destination": "/dashboard/destinations/stock",
        "source": "/dashboard/sources/shop",
        "stack": "/dashboard/stacks/shop",
        "table": "/dashboard/tables/orders",
        "first-event": "/dashboard/first-event",
    }


async def _picture(page: Page, url: str, file: Path) -> None:
    await page.goto(url)
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(1_500)  # the editor and what is live have come by then
    await page.screenshot(path=file, animations="disabled")


if __name__ == "__main__":
    asyncio.run(main())
