"""A page that listens, with a key."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.program import Driven


class Page:
    """The messages that a stream has brought so far."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def take(self, line: str) -> None:
        """A line of the stream."""
        if line.startswith("data: "):
            self.messages.append(json.loads(line[6:]))
            self._more.set()

    async def next(self, count: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
        """The next messages, which are taken away."""
        async with asyncio.timeout(timeout_s):
            while len(self.messages) < count:
                self._more.clear()
                await self._more.wait()
        found, self.messages = self.messages[:count], self.messages[count:]
        return found


@asynccontextmanager
async def listening(hub: Driven, channel: str, query: str = "") -> AsyncIterator[Page]:
    """A page on a channel until the end of the block."""
    page = Page()
    async with hub.api.stream("GET", f"/realtime/{channel}{query}") as stream:
        assert stream.status_code == 200

        async def read() -> None:
            async for line in stream.aiter_lines():
                page.take(line)

        reading = asyncio.create_task(read())
        try:
            yield page
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
