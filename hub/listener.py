"""Listener: one reader of channels, with a bounded queue between it and those who speak."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeAlias

from hub.model.message import History, Message, Position

QUEUE_MESSAGES = 1_000
QUEUE_BYTES = 16 * 1024 * 1024


class Mark(StrEnum):
    """What a listener is told between messages."""

    GAP = "gap"
    """Messages may be missing here."""
    SLOW = "slow"
    """Too much waited to be read: the listener has ended."""


Item: TypeAlias = Message | Mark


class Stopping(asyncio.Event):
    """The server stops: whatever is open is closed, and what would be opened, too."""

    def __init__(self) -> None:
        super().__init__()
        self._closes: dict[object, Callable[[], None]] = {}

    @property
    def open(self) -> int:
        """How many are open."""
        return len(self._closes)

    def set(self) -> None:
        """Close everything, now and from now on."""
        super().set()
        for close in tuple(self._closes.values()):
            close()

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Have it closed when the server stops, until the end of the block."""
        if self.is_set():
            close()
        mark = object()
        self._closes[mark] = close
        try:
            yield
        finally:
            del self._closes[mark]


class Listener:
    """What is said on some channels, for one reader; to be closed."""

    def __init__(
        self,
        channels: frozenset[str],
        reached: Callable[[], str],
        forget: Callable[["Listener"], None],
    ) -> None:
        self.channels = channels
        """Names, and patterns of names."""
        self.reached = reached
        """How far the process has come: all up to there has been put."""
        self.position = reached()
        """Whoever resumes after it misses nothing of what this listener gets."""
        self.ended = False
        self.slow = False
        """It has ended because too much waited to be read."""
        self.on_end: Callable[[], None] = lambda: None
        self._forget = forget
        self._past: list[Item] = []
        self._items: list[Item] = []
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._seen: dict[str, Position] = {}

    async def batch(self) -> list[Item]:
        """All that waits; empty after a ``nudge`` or the end."""
        if not (self._items or self._past or self.ended):
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        items, self._past, self._items, self._bytes = self._past + self._items, [], [], 0
        return items

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            items = await self.batch()
            for each in items:
                yield each
            if self.ended and not items:
                return

    def nudge(self) -> None:
        """Let whoever waits for a batch go on."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def close(self) -> None:
        """End it; what waits can still be read."""
        if not self.ended:
            self.ended = True
            self._forget(self)
            self.nudge()
            self.on_end()

    def put(self, item: Item) -> None:
        """Add to what waits, or end it when that is too much."""
        if isinstance(item, Message):
            if self._has_seen(item):
                return
            self._bytes += len(item.data)
        if len(self._items) >= QUEUE_MESSAGES or self._bytes > QUEUE_BYTES:
            self._past, self._items, self.slow = [], [Mark.SLOW], True
            self.close()
            return
        self._items.append(item)
        self.nudge()

    def put_past(self, histories: Mapping[str, History], *, gap: bool) -> None:
        """Put what was said before in front; live messages that are in it do not come twice.

        Of more than may wait in all, the newest; what that leaves out is a gap.
        """
        if self.ended:
            return
        past = [message for each in histories.values() for message in each.messages]
        past.sort(key=lambda message: message.place or ())
        kept = _newest(past)
        self._past = [Mark.GAP, *kept] if gap or len(kept) < len(past) else list(kept)
        self._seen = {name: each.position for name, each in histories.items()}
        self._items = [
            each for each in self._items if isinstance(each, Mark) or not self._has_seen(each)
        ]

    def _has_seen(self, message: Message) -> bool:
        seen, place = self._seen.get(message.channel), message.place
        return seen is not None and place is not None and seen[0] == place[0] and place <= seen


def _newest(past: list[Message]) -> list[Message]:
    size = 0
    for at in range(len(past) - 1, -1, -1):
        size += len(past[at].data)
        if size > QUEUE_BYTES:
            return past[at + 1 :]
    return past
