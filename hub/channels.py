"""Live messages with history, in Redis streams.

A script gives each message a position that only ever grows and writes it to its channel's stream
(the history) and to the feed, which each server process follows with one reader.
"""

import asyncio
import random
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from hub import keys
from hub.errors import StoreError
from hub.listener import Listener, Mark
from hub.model.channel import check_channel
from hub.model.message import EARLIEST, History, Message, Position, check_message

_FEED_MESSAGES = 10_000
_DEDUP_S = 3_600
_BLOCK_MS = 2_000
_AT_ONCE = 100
_FIRST_SYNC_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
_BEGINNING = "-"
_OUTAGES = (RedisError, OSError, TimeoutError)

# KEYS position, marker, channel, feed
# ARGV token for a new epoch, seconds of markers, seconds of history, length of history, length
# of the feed, then the fields of the message
_PUBLISH = """
local first = redis.call('GET', KEYS[2])
if first then return first end
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local at = redis.call('HMGET', KEYS[1], 'epoch', 'ms', 'seq')
local time = redis.call('TIME')
local ms, seq = time[1] * 1000 + math.floor(time[2] / 1000), 0
if at[2] and ms <= tonumber(at[2]) then ms, seq = tonumber(at[2]), at[3] + 1 end
local entry = string.format('%.0f-%.0f', ms, seq)
local position = at[1] .. '-' .. entry
for i = 3, 4 do
  redis.call('XADD', KEYS[i], 'MAXLEN', '~', ARGV[i + 1], entry,
    'epoch', at[1], unpack(ARGV, 6))
  redis.call('EXPIRE', KEYS[i], ARGV[3])
end
redis.call('HSET', KEYS[1], 'ms', string.format('%.0f', ms), 'seq', string.format('%.0f', seq))
redis.call('SET', KEYS[2], position, 'EX', ARGV[2])
return position
"""

_log = structlog.get_logger("hub.channels")


Entry: TypeAlias = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class _Look:
    """A stream as it stood at one moment."""

    position: Position
    now_ms: int
    first: tuple[int, int] | None
    trimmed: bool
    entries: list[Entry]

    def lacks(self, after: Position, history_s: int) -> bool:
        """Whether something after that position may be gone, of the same epoch."""
        if self.position <= after or (self.first is not None and self.first <= after[1:]):
            return False
        return self.trimmed or after.ms < self.now_ms - history_s * 1000


class Channels:
    """Publishes, remembers, and passes on live what is said on channels.

    ``redis`` gives bytes (no ``decode_responses``). One task per process runs ``follow``.
    """

    def __init__(self, redis: Redis, history: int = 1000, history_s: int = 86_400) -> None:
        self._redis = redis
        self._history = history
        self._history_s = history_s
        self._script: str | None = None
        self._readers: dict[str, set[Listener]] = {}
        self._at: Position | None = None
        self._synced = asyncio.Event()

    async def publish(self, messages: Sequence[Message]) -> list[str]:
        """Their positions, in order. An id that was published before keeps its first one.

        Raises:
            InvalidError, TooLargeError: see ``check_message``; nothing is published.
            StoreError: ``redis_unavailable``; some may be published, so send all of them again.
        """
        for each in messages:
            check_message(each)
        with _outage_named():
            replies = await self._publish(messages)
            if any(isinstance(each, NoScriptError) for each in replies):
                self._script = None
                replies = await self._publish(messages)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
        return [reply.decode() for reply in replies]

    async def history(self, channel: str, after: str) -> History:
        """What is remembered of a channel after a position, or from the ``earliest``.

        Raises:
            InvalidError: ``channel_invalid``.
            StoreError: ``redis_unavailable``.
        """
        key = keys.channel(check_channel(channel))
        since = Position.parse(after)
        with _outage_named():
            look = await self._look(key, f"({since.ms}-{since.seq}" if since else _BEGINNING)
            known = since is not None and since.epoch == look.position.epoch
            if since is not None and not known:
                look = await self._look(key, _BEGINNING)
        if since is not None and known:
            gap = look.lacks(since, self._history_s)
        else:
            gap = after != EARLIEST
        messages = tuple(_message(entry, fields) for entry, fields in look.entries)
        return History(messages, gap, look.position)

    async def subscribe(self, channels: Collection[str], after: str | None = None) -> Listener:
        """Everything that is said from now on, and with ``after`` what was said since then.

        Raises:
            InvalidError: ``channel_invalid``.
            StoreError: ``redis_unavailable``.
        """
        names = frozenset(check_channel(each) for each in channels)
        listener = Listener(names, str(await self._first_sync()), self._forget)
        for name in names:
            self._readers.setdefault(name, set()).add(listener)
        if after is not None:
            try:
                past = {name: await self.history(name, after) for name in sorted(names)}
            except BaseException:
                listener.close()
                raise
            listener.put_past(past)
            resumed = Position.parse(after) is not None and not any(e.gap for e in past.values())
            listener.position = after if resumed else EARLIEST
        return listener

    async def follow(self) -> None:
        """Pass on the feed to this process's listeners, through every outage, for ever."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._sync()
                if pause_s > _FIRST_PAUSE_S:
                    _log.info("feed.resumed")
                pause_s = _FIRST_PAUSE_S
                while await self._read_feed():
                    pass
            except _OUTAGES as error:
                if pause_s == _FIRST_PAUSE_S:
                    _log.warning("feed.lost", reason=str(error))
                await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311  # jitter
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _publish(self, messages: Sequence[Message]) -> list[Any]:
        if self._script is None:
            self._script = await self._redis.script_load(_PUBLISH)
        pipe = self._redis.pipeline(transaction=False)
        for each in messages:
            names = (keys.POSITION, keys.message(each.id), keys.channel(each.channel), keys.FEED)
            bounds = (_DEDUP_S, self._history_s, self._history, _FEED_MESSAGES)
            told = (_new_epoch(), *map(str, bounds), *_fields(each))
            pipe.evalsha(self._script, len(names), *names, *told)
        return await pipe.execute(raise_on_error=False)

    async def _look(self, key: str, start: str | None = None) -> _Look:
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(keys.POSITION, "epoch", _new_epoch())
        pipe.hmget(keys.POSITION, ["epoch", "ms", "seq"])
        pipe.time()
        pipe.xinfo_stream(key)
        if start is not None:
            pipe.xrange(key, start)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and "no such key" not in str(reply):
                raise reply
        _, (epoch, ms, seq), now, info, *entries = replies
        if isinstance(info, ResponseError):
            info = {"first-entry": None, "entries-added": 0, "length": 0}
        return _Look(
            position=Position(epoch.decode(), int(ms or 0), int(seq or 0)),
            now_ms=now[0] * 1000 + now[1] // 1000,
            first=_entry_id(info["first-entry"][0]) if info["first-entry"] else None,
            trimmed=info["entries-added"] > info["length"],
            entries=entries[0] if entries else [],
        )

    async def _first_sync(self) -> Position:
        with _outage_named():
            async with asyncio.timeout(_FIRST_SYNC_S):
                await self._synced.wait()
        return cast(Position, self._at)

    async def _sync(self) -> None:
        """Find out where the feed stands, and whether something of it was missed."""
        look = await self._look(keys.FEED)
        if self._at is None:
            self._at = look.position
        elif self._at.epoch != look.position.epoch:
            await self._start_epoch(look.position.epoch)
        elif look.lacks(self._at, self._history_s):
            self._say_gap()
            self._at = look.position if look.first is None else self._at
        self._synced.set()

    async def _read_feed(self) -> bool:
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
            self._at = Position(epoch, *_entry_id(entries[-1][0]))

    def _pass_on(self, entry: bytes, fields: dict[bytes, bytes]) -> None:
        self._at = Position(fields[b"epoch"].decode(), *_entry_id(entry))
        readers = self._readers.get(fields[b"channel"].decode())
        if readers:
            message = _message(entry, fields)
            for each in tuple(readers):
                each.put(message)

    def _say_gap(self) -> None:
        for each in {each for readers in self._readers.values() for each in readers}:
            each.put(Mark.GAP)

    def _forget(self, listener: Listener) -> None:
        for name in listener.channels:
            readers = self._readers[name]
            readers.discard(listener)
            if not readers:
                del self._readers[name]


def _fields(message: Message) -> tuple[str, ...]:
    told = {"id": message.id, "channel": message.channel, "event": message.event}
    return tuple(chain(*told.items(), ("data", message.data, "ts", str(message.ts))))


def _message(entry: bytes, fields: dict[bytes, bytes]) -> Message:
    told = {name.decode(): value.decode() for name, value in fields.items()}
    return Message(
        id=told["id"],
        channel=told["channel"],
        event=told["event"],
        data=told["data"],
        ts=int(told["ts"]),
        position=f"{told['epoch']}-{entry.decode()}",
    )


def _entry_id(entry: bytes) -> tuple[int, int]:
    ms, _, seq = entry.partition(b"-")
    return int(ms), int(seq)


def _new_epoch() -> str:
    return secrets.token_hex(4)


@contextmanager
def _outage_named() -> Iterator[None]:
    try:
        yield
    except _OUTAGES as error:
        raise StoreError(
            "Messages cannot be published or read now, because Redis does not answer as it "
            "should. Try again with the same id: it is published once.",
            code="redis_unavailable",
        ) from error
