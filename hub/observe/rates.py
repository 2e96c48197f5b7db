"""How much came, ran and went, minute by minute: what every process counted, together.

Each adds what it counted to the minute's hash in Redis, every few seconds. What is counted while
Redis is away is added when it is back, to the minute of that time. Losing Redis loses the past.
"""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub import keys
from hub.errors import StoreError
from hub.observe.metrics import Metrics

COUNTED: Final = ("received", "rejected", "succeeded", "failed", "delivered", "dead")
"""Events that were taken and refused, runs by their end, deliveries by theirs."""
MOST_MINUTES: Final = 24 * 60
_KEEP_S: Final = (MOST_MINUTES + 60) * 60
_TELL_EVERY_S: Final = 5.0
_ANSWER_S: Final = 2.0
_MINUTE_S: Final = 60
_OUTAGES: Final = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute counted. ``at_us``: its beginning, in microseconds since the epoch."""

    at_us: int
    counts: dict[str, int]
    """By the words of :data:`COUNTED`."""


class Rates:
    """One for a process: it tells its own part, and knows the sum of all."""

    def __init__(self, redis: Redis, metrics: Metrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._told: Counter[str] = Counter()

    async def follow(self) -> None:
        """Tell for ever what was counted here; the supervisor runs it."""
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            with suppress(*_OUTAGES):  # it is told with the next
                await self.tell()

    async def tell(self) -> None:
        """Add what was counted since the last time. Raises as the client of Redis."""
        totals = self._metrics.totals()
        more = totals - self._told
        if not more:
            return
        key = keys.rates(int(time.time()) // _MINUTE_S)
        pipe = self._redis.pipeline(transaction=True)
        for word, count in more.items():
            pipe.hincrby(key, word, count)
        pipe.expire(key, _KEEP_S)
        async with asyncio.timeout(_ANSWER_S):
            await pipe.execute()
        self._told = totals

    async def last(self, minutes: int) -> list[Minute]:
        """The last minutes up to this one, the oldest first.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        now = int(time.time()) // _MINUTE_S
        wanted = range(now - minutes + 1, now + 1)
        pipe = self._redis.pipeline(transaction=False)
        for each in wanted:
            pipe.hgetall(keys.rates(each))
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await pipe.execute()
        except _OUTAGES as error:
            raise StoreError(
                "Redis does not answer, and it alone knows how much there was.",
                code="redis_unavailable",
            ) from error
        return [
            Minute(
                at * _MINUTE_S * 1_000_000,
                {word: int(counts.get(word.encode(), 0)) for word in COUNTED},
            )
            for at, counts in zip(wanted, found, strict=True)
        ]
