"""Whatever anybody sends is text on every page of the dashboard, and does nothing there."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.dashboard import SLOW_S, Scene, Watched, settled, watched
from tests.hostile import BODIES, DEEP, LARGE, MARKUP, TEXTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(SLOW_S)]

# what a page has of its own is by the hub's own files; nothing of a payload became an element
FOREIGN = """() => [
  window.canary,
  ...[...document.querySelectorAll(
    "script:not([src]), script:not([src^='/']), iframe, object, embed, base, style, img[onerror], "
    + "svg[onload], meta[http-equiv], form[action^='http'], a[href^='javascript:' i], "
    + "a[href^='data:' i], [style], [hx-on\\\\:click]"
  )].map((each) => each.outerHTML.slice(0, 200)),
  ...[...document.querySelectorAll("*")].flatMap((each) =>
    [...each.attributes].filter(({ name }) => name.startsWith("on")).map(({ name }) => name)
  ),
].filter((each) => each !== undefined)"""


async def look(seen: Watched, url: str, name: str) -> int:
    """Open a page; gives its status. Nothing may have happened on it."""
    answer = await seen.page.goto(url)
    assert answer is not None
    await settled(seen.page)
    assert await seen.page.evaluate(FOREIGN) == [], name
    assert seen.complaints == [], name
    return answer.status


async def test_on_no_page_a_payload_is_more_than_text(browser: Browser, scene: Scene) -> None:
    async with watched(browser, scene) as seen:
        for template, path in scene.paths().items():
            if template.endswith(("/content", "/export")):
                continue  # it is saved and not shown
            assert await look(seen, f"{scene.hub.base}{path}", template) == 200, template


async def test_every_event_can_be_looked_at_whatever_was_sent(
    browser: Browser, scene: Scene
) -> None:
    found, deepest = await scene.hub.get("/v1/events?limit=100"), 0
    async with watched(browser, scene) as seen:
        for each in found["items"]:
            url = f"{scene.hub.base}/dashboard/events/{each['id']}"
            assert await look(seen, url, each["id"]) == 200
            size = await seen.page.evaluate("document.documentElement.outerHTML.length")
            assert size < 1_000_000, "large bodies come by piece"
            body = await seen.page.get_by_label("Body of the event").text_content()
            deepest = max(deepest, (body or "").count('"a"'))
    assert len(found["items"]) > len(BODIES)
    assert deepest == DEEP.count('"a"')


async def test_what_was_sent_stands_there_as_it_was_sent(browser: Browser, scene: Scene) -> None:
    path = scene.path("/dashboard/events/{id}")
    event = await scene.hub.get(f"/v1/events/{path.rpartition('/')[2]}")
    async with watched(browser, scene) as seen:
        await look(seen, f"{scene.hub.base}{path}", path)
        page = seen.page
        heading = page.locator("main h2").first
        await expect(heading).to_contain_text(f"{event['path']}?{event['query']}")
        await expect(page.locator("dl.facts").first).to_contain_text(event["type"])
        fields = await page.locator("dl.facts").last.inner_text()
        assert MARKUP[0] in fields
        assert MARKUP[4] in fields
        body = await page.get_by_label("Body of the event").inner_text()
        for text in TEXTS[:16]:
            assert text.replace('"', '\\"') in body
        assert "\\u202egnp.exe" in body, "signs that turn text around are spelled out"
        assert "\u202e" not in await page.locator("main").inner_text()


async def test_the_next_piece_of_a_large_body_is_text_too(browser: Browser, scene: Scene) -> None:
    found = await scene.hub.get("/v1/events?source=large")
    async with watched(browser, scene) as seen:
        for event_id in [each["id"] for each in found["items"]]:
            await look(seen, f"{scene.hub.base}/dashboard/events/{event_id}", event_id)
            onward = seen.page.get_by_role("link", name="The next piece")
            before = await onward.get_attribute("href")
            await onward.click()
            await expect(onward).not_to_have_attribute("href", before or "", timeout=SLOW_S * 1000)
            assert await seen.page.evaluate(FOREIGN) == []
        assert seen.complaints == []
        assert len(found["items"]) == len(LARGE)
