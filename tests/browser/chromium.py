"""The Chromium that the tests drive, and pages in it."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Error, Page, Playwright, Route

EDITOR = "https://editor.weweb.io/"
PREVIEW = "https://0b1c2d3e-0000-4000-8000-aabbccddeeff-12-staging.weweb-preview.io/"
OWN = "https://app.example.com/"
EVIL = "https://evil.example/"

_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    # a page of the outside may call a hub on loopback, as it may one on the outside
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
)
_UNTIL = """async ([test, most_ms]) => {
  const end = Date.now() + most_ms;
  for (;;) {
    const found = await eval(test);
    if (found) return found;
    if (Date.now() > end) throw Error("never came true: " + test);
    await new Promise((done) => setTimeout(done, 20));
  }
}"""


def executable() -> str | None:
    """The system's Chromium, if it has one that starts; None for Playwright's own."""
    for command in _COMMANDS:
        path = shutil.which(command)
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


async def launched(playwright: Playwright) -> Browser:
    """A running browser."""
    options = [*_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return await playwright.chromium.launch(executable_path=executable(), args=options)


@asynccontextmanager
async def page_of(browser: Browser, url: str = OWN, **options: Any) -> AsyncIterator[Page]:
    """An empty page that has come from an address, in a window that knows of no other.

    No exception may be left in it.
    """
    context = await browser.new_context(**options)
    page = await context.new_page()
    broken: list[Error] = []
    page.on("pageerror", lambda error: broken.append(error))  # it takes no built-in one

    async def empty(route: Route) -> None:
        await route.fulfill(body="<!doctype html><title>page</title>", content_type="text/html")

    # no longer than for the page itself: Playwright answers the preflights of pages with routes
    await page.route(url, empty)
    await page.goto(url)
    await page.unroute_all()
    yield page
    await context.close()
    assert not broken, broken


async def until(page: Page, test: str, timeout_s: float = 20.0) -> Any:
    """What an expression gives as soon as it is true."""
    return await page.evaluate(_UNTIL, [test, timeout_s * 1000])
