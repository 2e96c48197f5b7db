"""Publishing: one script for a message, so that it is said whole, and once for its id."""

import secrets
from collections.abc import Sequence
from functools import reduce
from itertools import chain
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from hub import keys
from hub.model.channel import MAX_HISTORY_S, ChannelSetting
from hub.model.message import Message

FEED_S: Final = 86_400
FEED_MESSAGES: Final = 10_000
_DEDUP_S = 3_600

_SAY = """
-- what is said on a channel, at a place that only grows; gives its position
local function say(epoch, channel, history, history_s, fields)
  redis.call('HSETNX', '{position}', 'epoch', epoch)
  local at = redis.call('HMGET', '{position}', 'epoch', 'ms', 'seq')
  local time = redis.call('TIME')
  local ms, seq = time[1] * 1000 + math.floor(time[2] / 1000), 0
  if at[2] and ms <= tonumber(at[2]) then ms, seq = tonumber(at[2]), at[3] + 1 end
  local entry = string.format('%.0f-%.0f', ms, seq)
  local kept = '{channel}' .. channel
  redis.call('XADD', kept, 'MAXLEN', '=', history, entry, 'epoch', at[1], unpack(fields))
  redis.call('XTRIM', kept, 'MINID', '~', string.format('%.0f', ms - history_s * 1000))
  redis.call('EXPIRE', kept, history_s)
  redis.call('XADD', '{feed}', 'MAXLEN', '~', {feed_messages}, entry,
    'epoch', at[1], unpack(fields))
  redis.call('EXPIRE', '{feed}', {feed_s})
  redis.call('ZADD', '{channels}', ms, channel)
  redis.call('ZREMRANGEBYSCORE', '{channels}', '-inf', ms - {longest_s} * 1000)
  redis.call('EXPIRE', '{channels}', {longest_s})
  redis.call('HSET', '{position}', 'ms', string.format('%.0f', ms),
    'seq', string.format('%.0f', seq))
  return at[1] .. '-' .. entry
end
"""
_NAMES = {
    "{position}": keys.POSITION,
    "{channel}": keys.channel(""),
    "{feed}": keys.FEED,
    "{channels}": keys.CHANNELS,
    "{feed_messages}": str(FEED_MESSAGES),
    "{feed_s}": str(FEED_S),
    "{longest_s}": str(MAX_HISTORY_S),
}
SAY: Final = reduce(lambda text, name: text.replace(name, _NAMES[name]), _NAMES, _SAY)
"""Lua that other scripts begin with: ``say(epoch, channel, history, history_s, fields)``."""

# KEYS marker of the id
# ARGV a new epoch, seconds of markers, channel, length and seconds of its history, then the fields
_PUBLISH = (
    SAY
    + """
local first = redis.call('GET', KEYS[1])
if first then return first end
local position = say(ARGV[1], ARGV[3], ARGV[4], ARGV[5], {unpack(ARGV, 6)})
redis.call('SET', KEYS[1], position, 'EX', ARGV[2])
return position
"""
)


class Script:
    """A script that Redis keeps, and is given again where it has forgotten it."""

    def __init__(self, redis: Redis, text: str) -> None:
        self._redis = redis
        self._text = text
        self._sha: str | None = None

    async def run(self, calls: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Any]:
        """Call it with these keys and arguments, in one turn; gives the replies, in order."""
        replies = await self._run(calls)
        if any(isinstance(each, NoScriptError) for each in replies):
            self._sha = None
            replies = await self._run(calls)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _run(self, calls: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Any]:
        if self._sha is None:
            self._sha = await self._redis.script_load(self._text)
        pipe = self._redis.pipeline(transaction=False)
        for names, told in calls:
            pipe.evalsha(self._sha, len(names), *names, *told)
        return await pipe.execute(raise_on_error=False)


def publishing(redis: Redis) -> Script:
    """The script that publishes messages; see :func:`call_of`."""
    return Script(redis, _PUBLISH)


def call_of(message: Message, setting: ChannelSetting) -> tuple[list[str], list[str]]:
    """Keys and arguments for one message."""
    bounds = (message.channel, str(setting.history), str(setting.history_s))
    told = [new_epoch(), str(_DEDUP_S), *bounds, *fields_of(message)]
    return [keys.message(message.channel, message.id)], told


def fields_of(message: Message) -> tuple[str, ...]:
    """A message as the fields of a stream's entry."""
    told = {"id": message.id, "channel": message.channel, "event": message.event}
    told |= {"data": message.data, "ts": str(message.ts)}
    if message.sender is not None:
        told["from"] = message.sender
    return tuple(chain(*told.items()))


def new_epoch() -> str:
    """The name of one life of a Redis."""
    return secrets.token_hex(4)
