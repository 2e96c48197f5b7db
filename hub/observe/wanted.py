"""Wanted: whether somebody, on any server, listens to a channel that is told on demand.

Servers say it in Redis again and again while they have listeners; whoever would tell looks there,
once a second at most. When Redis is away nothing is wanted: nobody could be told.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub import keys

TTL_S = 10
SAY_EVERY_S = 3.0
LOOK_EVERY_S = 1.0
_ANSWER_S = 1.0
_OUTAGES = (RedisError, OSError, TimeoutError)


class Wanted:
    """One for a process: its server holds, its worker asks."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._held: Counter[str] = Counter()
        self._more = asyncio.Event()
        self._seen: dict[str, tuple[float, bool]] = {}

    @contextmanager
    def holding(self, channels: Iterable[str]) -> Iterator[None]:
        """These are wanted until the end of the block, and up to ten seconds longer."""
        names = list(channels)
        if any(name not in self._held for name in names):
            self._more.set()
        self._held.update(names)
        try:
            yield
        finally:
            self._held.subtract(names)
            self._held = +self._held

    async def follow(self) -> None:
        """Say for ever what is wanted here; the supervisor runs it."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SAY_EVERY_S if self._held else None):
                    await self._more.wait()
            self._more.clear()
            with suppress(*_OUTAGES):  # it is said again soon
                await self._say()

    async def _say(self) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for name in self._held:
            pipe.set(keys.wanted(name), 1, ex=TTL_S)
        async with asyncio.timeout(_ANSWER_S):
            await pipe.execute()

    async def now(self, channel: str) -> bool:
        """Whether a channel was wanted within the last second; False while Redis is away."""
        at, wanted = self._seen.get(channel, (float("-inf"), False))
        if time.monotonic() - at < LOOK_EVERY_S:
            return wanted
        try:
            async with asyncio.timeout(_ANSWER_S):
                wanted = bool(await self._redis.exists(keys.wanted(channel)))
        except _OUTAGES:
            wanted = False
        self._seen[channel] = (time.monotonic(), wanted)
        return wanted
