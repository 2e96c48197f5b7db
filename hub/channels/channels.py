"""Channels: what is said on them, live and remembered."""

from collections.abc import Callable, Collection, Sequence

from redis.asyncio import Redis

from hub.channels.feed import Feed, outage_named
from hub.channels.past import Past
from hub.channels.publish import call_of, publishing
from hub.listener import Listener
from hub.model.channel import ChannelSetting, Pattern, check_channel, check_pattern
from hub.model.message import EARLIEST, History, Message, Position, check_message

_AS_USUAL = ChannelSetting()


class Channels:
    """Publishes, remembers, and passes on live what is said on channels.

    ``redis`` gives bytes (no ``decode_responses``). ``setting_of`` tells how a channel is set.
    One task per process runs ``follow``.
    """

    def __init__(
        self, redis: Redis, setting_of: Callable[[str], ChannelSetting] = lambda _: _AS_USUAL
    ) -> None:
        self._setting_of = setting_of
        self._publishing = publishing(redis)
        self._past = Past(redis, setting_of)
        self._feed = Feed(redis, self._past)

    def tell_heard(self, heard: Callable[[int, int], None]) -> None:
        """Have it told of each message that came in: its listeners here, and its age in µs."""
        self._feed.on_heard = heard

    async def publish(self, messages: Sequence[Message]) -> list[str]:
        """Their positions, in order. An id that was published before keeps its first one.

        Raises:
            InvalidError, TooLargeError: see ``check_message``; nothing is published.
            StoreError: ``redis_unavailable``; some may be published, so send all of them again.
        """
        for each in messages:
            check_message(each)
        calls = [call_of(each, self._setting_of(each.channel)) for each in messages]
        with outage_named():
            return [reply.decode() for reply in await self._publishing.run(calls)]

    async def history(self, channel: str, after: str) -> History:
        """What is remembered of a channel after a position, or from the ``earliest``.

        Raises:
            InvalidError: ``channel_invalid``.
            StoreError: ``redis_unavailable``.
        """
        name = check_channel(channel)
        with outage_named():
            return (await self._past.of([name], after))[name]

    async def latest(self) -> list[tuple[int, str]]:
        """The channels that something was said on, the last one first: each after its ms.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        with outage_named():
            return await self._past.latest()

    async def subscribe(self, channels: Collection[str], after: str | None = None) -> Listener:
        """Everything that is said from now on, and with ``after`` what was said since then.

        ``channels`` are names and patterns.

        Raises:
            InvalidError: ``channel_invalid``.
            StoreError: ``redis_unavailable``.
        """
        names = frozenset(check_pattern(each) for each in channels)
        await self._feed.ready()
        readers = self._feed.readers
        listener = Listener(names, lambda: self._feed.position, readers.remove)
        readers.add(listener)
        if after is not None:
            try:
                await self._put_past(listener, after)
            except BaseException:
                listener.close()
                raise
        return listener

    @property
    def listeners(self) -> int:
        """How many listen in this process."""
        return len(self._feed.readers.all())

    async def follow(self) -> None:
        """Pass on the feed to this process's listeners, through every outage, for ever."""
        await self._feed.follow()

    async def _put_past(self, listener: Listener, after: str) -> None:
        names = sorted(each for each in listener.channels if Pattern(each).is_one)
        patterns = [each for each in listener.channels if not Pattern(each).is_one]
        more = False
        with outage_named():
            if patterns:
                meant, more = await self._past.meant_by(patterns, after)
                names = sorted({*names, *meant})
            past = await self._past.of(names, after)
        gap = more or any(each.gap for each in past.values())
        listener.put_past(past, gap=gap)
        resumed = Position.parse(after) is not None and not gap
        listener.position = after if resumed else EARLIEST
