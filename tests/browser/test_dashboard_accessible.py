"""Every page of the dashboard is held against axe's rules: light and dark, wide and narrow."""

import json
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser

from hub.dashboard.pages import PAGES
from tests.browser.dashboard import SLOW_S, Scene, settled, watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(SLOW_S)]

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 400, "height": 800}
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
GRAVE = ("serious", "critical")
OUT = "/login"
"""Shown to whoever is not signed in: it comes last."""
WIDEST = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 150)).slice(0, 3)"""
STICKS_OUT = "document.documentElement.scrollWidth > innerWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_page_can_be_used_by_everybody(browser: Browser, scene: Scene, scheme: str) -> None:
    found: list[str] = []
    async with watched(browser, scene, color_scheme=scheme, viewport=WIDE) as seen:
        for template, path in {**scene.paths(), OUT: OUT}.items():
            if not shows_html(template):
                continue
            if template == OUT:
                await seen.page.context.clear_cookies()
            await seen.page.goto(f"{scene.hub.base}{path}")
            await seen.page.evaluate(AXE_SCRIPT)
            for size in (WIDE, PHONE):
                await seen.page.set_viewport_size(size)  # type: ignore[arg-type]  # theirs is a TypedDict
                await settled(seen.page)
                where = f"{template} {scheme} {size['width']}"
                found.extend(f"{where}: {fault}" for fault in await faults(seen.page))
                if size is PHONE and await seen.page.evaluate(STICKS_OUT):
                    found.append(f"{where}: sticks out: {await seen.page.evaluate(WIDEST)}")
    assert not found, "\n".join(found)


def shows_html(template: str) -> bool:
    """Whether a page is one for people, and no content to be saved."""
    return not template.endswith(("/content", "/export", "/stack-language"))


async def faults(page: Any) -> list[str]:
    """What is serious of what axe finds, with the elements."""
    result = await page.evaluate(f"axe.run(document, {json.dumps(RULES)})")
    return [
        f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in result["violations"]
        if each["impact"] in GRAVE
    ]


async def test_every_page_has_an_example(scene: Scene) -> None:
    missing = []
    for page in PAGES:
        try:
            scene.path(page.path)
        except KeyError as before:
            missing.append(
                f"{page.path}: give an example of {before} in tests/browser/dashboard.py"
            )
    assert not missing, "\n".join(missing)
