"""The stories run on the embedded hub, in this process, over real sockets, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.program import Driven, embedded_hub
from tests.sink import Sink, open_sink


@pytest_asyncio.fixture
async def hub(tmp_path: Path, database_url: str | None) -> AsyncIterator[Driven]:
    """A hub that nothing has been set in."""
    async with embedded_hub(tmp_path, database_url=database_url) as driven:
        yield driven


@pytest_asyncio.fixture
async def make(hub: Driven) -> AsyncIterator[Sink]:
    """A sink like a Make webhook, known to the hub as the destination ``make``."""
    async with open_sink() as sink:
        await hub.put(
            "/v1/destinations/make",
            {"connector": "make", "url": sink.url, "retry_schedule_s": [0.05, 0.05, 0.05]},
        )
        yield sink
