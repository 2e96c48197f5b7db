"""What channels remember, read from their streams."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hub import keys
from hub.channels.publish import new_epoch
from hub.model.channel import ChannelSetting, Pattern
from hub.model.message import EARLIEST, History, Message, Position

MOST_MESSAGES = 10_000
"""So many of one channel are read at most; the newest."""
MOST_CHANNELS = 1_000
"""So many channels are looked through for patterns; the last ones that something was said on."""
_AT_ONCE = 10
Entry: TypeAlias = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Look:
    """A stream as it stood at one moment."""

    position: Position
    """Where the hub stood."""
    oldest_ms: int
    """What was said before may be gone with time."""
    first: tuple[int, int] | None
    last: tuple[int, int] | None
    trimmed: bool
    entries: list[Entry]

    def lacks(self, after: Position) -> bool:
        """Whether something after that position may be gone, of the same epoch."""
        if self.position <= after or (self.last is not None and self.last <= after[1:]):
            return False
        if after.ms < self.oldest_ms:
            return True
        return self.trimmed and (self.first is None or self.first > after[1:])


class Past:
    """Reads histories. ``setting_of`` tells how a channel is set."""

    def __init__(self, redis: Redis, setting_of: Callable[[str], ChannelSetting]) -> None:
        self._redis = redis
        self._setting_of = setting_of

    async def of(self, names: Sequence[str], after: str) -> dict[str, History]:
        """What is remembered of channels after a position, or from the ``earliest``."""
        found: dict[str, History] = {}
        for begin in range(0, len(names), _AT_ONCE):
            found |= await self._some(names[begin : begin + _AT_ONCE], after)
        return found

    async def meant_by(self, patterns: Iterable[str], after: str) -> tuple[list[str], bool]:
        """The channels that patterns mean, and whether there are more of them.

        Of those on which something was said after the position.
        """
        since = Position.parse(after)
        (epoch,) = await self._redis.hmget(keys.POSITION, ["epoch"])  # type: ignore[misc]
        known = since is not None and epoch is not None and since.epoch == epoch.decode()
        least = since.ms if known and since is not None else "-inf"
        names = await self._redis.zrevrangebyscore(keys.CHANNELS, "+inf", least)
        meant = [Pattern(each) for each in patterns]
        found = [n for n in map(bytes.decode, names) if any(each.covers(n) for each in meant)]
        return found[:MOST_CHANNELS], len(found) > MOST_CHANNELS

    async def latest(self) -> list[tuple[int, str]]:
        """The channels that something was said on, the last one first: each after its ms."""
        found = await self._redis.zrevrange(keys.CHANNELS, 0, -1, withscores=True)
        return [(int(ms), name.decode()) for name, ms in found]

    async def feed(self, seconds: int) -> Look:
        """The feed, without its entries."""
        return (await self.looks([(keys.FEED, seconds)]))[0]

    async def _some(self, names: Sequence[str], after: str) -> dict[str, History]:
        since = Position.parse(after)
        asked = [(keys.channel(name), self._setting_of(name).history_s) for name in names]
        looks = await self.looks(asked, f"({since.ms}-{since.seq}" if since else "-")
        known = since is not None and since.epoch == looks[0].position.epoch
        if since is not None and not known:
            looks = await self.looks(asked, "-")
        after_known = since if known else None
        return {
            name: _history(look, after_known, after)
            for name, look in zip(names, looks, strict=True)
        }

    async def looks(self, asked: Sequence[tuple[str, int]], start: str | None = None) -> list[Look]:
        """Streams, by their keys and the seconds of their history, all at one moment."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(keys.POSITION, "epoch", new_epoch())
        pipe.hmget(keys.POSITION, ["epoch", "ms", "seq"])
        pipe.time()
        for key, _ in asked:
            pipe.xinfo_stream(key)
            if start is not None:
                pipe.xrevrange(key, "+", start, count=MOST_MESSAGES)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and "no such key" not in str(reply):
                raise reply
        _, at, (now_s, now_us), *streams = replies
        position = Position(at[0].decode(), int(at[1] or 0), int(at[2] or 0))
        now_ms = now_s * 1000 + now_us // 1000
        each = 1 if start is None else 2
        return [
            _look(position, now_ms - seconds * 1000, *streams[n * each : (n + 1) * each])
            for n, (_, seconds) in enumerate(asked)
        ]


def message_of(entry: bytes, fields: dict[bytes, bytes]) -> Message:
    """A message from its stream's entry."""
    told = {name.decode(): value.decode() for name, value in fields.items()}
    return Message(
        id=told["id"],
        channel=told["channel"],
        event=told["event"],
        data=told["data"],
        ts=int(told["ts"]),
        position=f"{told['epoch']}-{entry.decode()}",
        sender=told.get("from"),
    )


def entry_id(entry: bytes) -> tuple[int, int]:
    """A stream's id as two numbers that compare."""
    ms, _, seq = entry.partition(b"-")
    return int(ms), int(seq)


def _look(position: Position, oldest_ms: int, info: Any, entries: Any = ()) -> Look:
    if isinstance(info, ResponseError):
        return Look(position, oldest_ms, None, None, trimmed=False, entries=[])
    return Look(
        position=position,
        oldest_ms=oldest_ms,
        first=entry_id(info["first-entry"][0]) if info["first-entry"] else None,
        last=entry_id(info["last-generated-id"]),
        trimmed=info["entries-added"] > info["length"],
        entries=entries,
    )


def _history(look: Look, since: Position | None, asked: str) -> History:
    messages = [
        message_of(entry, fields)
        for entry, fields in reversed(look.entries)
        if entry_id(entry)[0] >= look.oldest_ms
    ]
    gap = look.lacks(since) if since is not None else asked != EARLIEST
    whole = len(look.entries) < MOST_MESSAGES
    return History(tuple(messages), gap or not whole, look.position)
