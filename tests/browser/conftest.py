"""One Chromium and one embedded hub for all of these tests, which share one event loop."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.chromium import OWN, launched
from tests.browser.dashboard import Scene, filled
from tests.program import Driven, embedded_hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium."""
    expect.set_options(timeout=20_000)  # a busy machine is no fault of a page
    async with async_playwright() as playwright:
        running = await launched(playwright)
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    """A hub that lets pages of ``OWN`` call it; each test has channels of its own."""
    data = tmp_path_factory.mktemp("hub")
    async with embedded_hub(data, cors_origins=OWN) as driven:
        yield driven


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A hub full of what is hostile, for the tests that change nothing in it."""
    async with filled(tmp_path_factory.mktemp("scene")) as made:
        yield made
