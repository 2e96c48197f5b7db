"""The feed: one reader of a process, who passes on what is said to all that listen there."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub import keys
from hub.channels.past import Past, entry_id, message_of
from hub.channels.publish import FEED_S
from hub.errors import StoreError
from hub.listener import Listener, Mark
from hub.model.channel import Pattern
from hub.model.message import Position
from hub.model.time import now_us

_BLOCK_MS = 2_000
_AT_ONCE = 100
_FIRST_SYNC_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
_MOST_KNOWN = 10_000
OUTAGES = (RedisError, OSError, TimeoutError)
_log = structlog.get_logger("hub.channels")


class Readers:
    """Who listens to what, in one process."""

    def __init__(self) -> None:
        self._by_name: dict[str, set[Listener]] = {}
        self._by_pattern: dict[Pattern, set[Listener]] = {}
        self._meant: dict[str, tuple[Pattern, ...]] = {}

    def add(self, listener: Listener) -> None:
        """From now on it hears what is said on its channels."""
        for name in listener.channels:
            pattern = Pattern(name)
            if pattern.is_one:
                self._by_name.setdefault(name, set()).add(listener)
            else:
                self._by_pattern.setdefault(pattern, set()).add(listener)
                self._meant.clear()

    def remove(self, listener: Listener) -> None:
        """It hears nothing more."""
        for name in listener.channels:
            pattern = Pattern(name)
            if pattern.is_one:
                _discard(self._by_name, name, listener)
            else:
                _discard(self._by_pattern, pattern, listener)
                self._meant.clear()

    def of(self, channel: str) -> tuple[Listener, ...]:
        """Those who listen to a channel, each once."""
        found = self._by_name.get(channel, set())
        if not self._by_pattern:
            return tuple(found)
        return tuple(found.union(*(self._by_pattern[each] for each in self._patterns(channel))))

    def all(self) -> set[Listener]:
        """Everybody who listens."""
        return set().union(*self._by_name.values(), *self._by_pattern.values())

    def _patterns(self, channel: str) -> tuple[Pattern, ...]:
        known = self._meant.get(channel)
        if known is None:
            if len(self._meant) >= _MOST_KNOWN:
                self._meant.clear()
            known = tuple(each for each in self._by_pattern if each.covers(channel))
            self._meant[channel] = known
        return known


class Feed:
    """Follows the feed through every outage, and knows how far it has come."""

    def __init__(self, redis: Redis, past: Past) -> None:
        self._redis = redis
        self._past = past
        self._at: Position | None = None
        self._synced = asyncio.Event()
        self.readers = Readers()
        self.on_heard: Callable[[int, int], None] = lambda listeners, age_us: None
        """Is told of each message: how many listen to it here, and how old it is."""

    @property
    def position(self) -> str:
        """Everything up to here has been passed on."""
        return str(cast(Position, self._at))

    async def ready(self) -> None:
        """Wait until it has begun.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        with outage_named():
            async with asyncio.timeout(_FIRST_SYNC_S):
                await self._synced.wait()

    async def follow(self) -> None:
        """Pass on the feed to this process's listeners, for ever."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._sync()
                if pause_s > _FIRST_PAUSE_S:
                    _log.info("feed.resumed")
                pause_s = _FIRST_PAUSE_S
                while await self._read():
                    pass
            except OUTAGES as error:
                if pause_s == _FIRST_PAUSE_S:
                    _log.warning("feed.lost", reason=str(error))
                await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311  # jitter
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _sync(self) -> None:
        """Find out where the feed stands, and whether something of it was missed."""
        look = await self._past.feed(FEED_S)
        if self._at is None:
            self._at = look.position
        elif self._at.epoch != look.position.epoch:
            await self._start_epoch(look.position.epoch)
        elif look.lacks(self._at):
            self._say_gap()
            self._at = look.position if look.first is None else self._at
        self._synced.set()

    async def _read(self) -> bool:
        at = cast(Position, self._at)
        async with asyncio.timeout(_BLOCK_MS / 1000 + _FIRST_SYNC_S):
            reply = await self._redis.xread(
                {keys.FEED: f"{at.ms}-{at.seq}"}, count=_AT_ONCE, block=_BLOCK_MS
            )
        for entry, fields in reply[0][1] if reply else ():
            epoch = fields[b"epoch"].decode()
            if epoch != at.epoch:
                await self._start_epoch(epoch)
                break
            self._pass_on(entry, fields)
        return bool(reply)

    async def _start_epoch(self, epoch: str) -> None:
        """Pass on all of an epoch from its beginning, which may lie before the last one's end.

        A clock that was set back, or a second life within the same millisecond, is enough.
        """
        entries = await self._redis.xrange(keys.FEED)
        self._say_gap()
        self._at = Position(epoch, 0, 0)
        for entry, fields in entries:
            if fields[b"epoch"].decode() == epoch:
                self._pass_on(entry, fields)
        if entries:
            self._at = Position(epoch, *entry_id(entries[-1][0]))

    def _pass_on(self, entry: bytes, fields: dict[bytes, bytes]) -> None:
        self._at = Position(fields[b"epoch"].decode(), *entry_id(entry))
        readers = self.readers.of(fields[b"channel"].decode())
        if readers:
            message = message_of(entry, fields)
            for each in readers:
                each.put(message)
            self.on_heard(len(readers), now_us() - message.ts)

    def _say_gap(self) -> None:
        for each in self.readers.all():
            each.put(Mark.GAP)


@contextmanager
def outage_named() -> Iterator[None]:
    """An outage of Redis becomes a StoreError ``redis_unavailable``."""
    try:
        yield
    except OUTAGES as error:
        raise StoreError(
            "Messages cannot be published or read now, because Redis does not answer as it "
            "should. Try again with the same id: it is published once.",
            code="redis_unavailable",
        ) from error


def _discard(readers: dict, key: object, listener: Listener) -> None:  # type: ignore[type-arg]
    readers[key].discard(listener)
    if not readers[key]:
        del readers[key]
