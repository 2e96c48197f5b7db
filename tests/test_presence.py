"""Who is on a channel: over several servers, through crashes and outages."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from hub import keys
from hub.channels import Channels
from hub.channels.presence import Presence
from hub.errors import StoreError
from hub.model.channel import ChannelSetting
from hub.model.json import Json

LEASE_S = 0.6


class Server:
    """One server's presence, which can crash."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.presence = Presence(
            redis, lambda _: ChannelSetting(), name, lease_s=LEASE_S, grace_s=0.1
        )
        self.following = asyncio.create_task(self.presence.follow())

    async def crash(self) -> None:
        """Nothing is said any more, not even that it ends."""
        self.presence._end = nothing  # type: ignore[method-assign]
        await self.stop()

    async def stop(self) -> None:
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)


async def nothing() -> None:
    pass


@asynccontextmanager
async def server(redis: Redis, name: str = "one") -> AsyncIterator[Server]:
    made = Server(redis, name)
    try:
        yield made
    finally:
        await made.stop()


async def names(presence: Presence, channel: str = "room") -> list[Json]:
    return [each["member"] for each in (await presence.members(channel)).items]


async def told(redis: Redis, channel: str = "room") -> list[tuple[str, str, int]]:
    """What was said of it: event, member, how many there are then."""
    history = await Channels(redis).history(f"presence.{channel}", "earliest")
    said = [(each.event, json.loads(each.data)) for each in history.messages]
    return [(event, data["member"], data["count"]) for event, data in said]


async def until(holds: Callable[[], object], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # type: ignore[misc]
            await asyncio.sleep(0.02)


async def test_who_comes_and_goes_is_told_with_how_many_are_there(redis: Redis) -> None:
    async with server(redis) as one:
        async with one.presence.present(["room"], "ada", {"name": "Ada"}):
            async with one.presence.present(["room", "hall"], "bob", None):
                members = await one.presence.members("room")
                assert (members.count, len(members.items)) == (2, 2)
                assert await names(one.presence) == ["ada", "bob"]
                assert await names(one.presence, "hall") == ["bob"]
                assert members.items[0]["info"] == {"name": "Ada"}
                assert members.items[0]["connections"] == 1
                assert str(members.items[0]["since"]).endswith("Z")
            await until(lambda: empty(redis, "hall"))
            assert await names(one.presence) == ["ada"]
        await until(lambda: empty(redis, "room"))
    assert await told(redis) == [("join", "ada", 1), ("join", "bob", 2), ("leave", "bob", 1),
                                 ("leave", "ada", 0)]  # fmt: skip


async def empty(redis: Redis, channel: str) -> bool:
    return not await redis.exists(keys.presence(channel))


async def test_a_member_with_several_connections_comes_and_goes_once(redis: Redis) -> None:
    async with server(redis, "one") as one, server(redis, "two") as two:
        async with one.presence.present(["room"], "ada", None):
            async with two.presence.present(["room"], "ada", None):
                (member,) = (await one.presence.members("room")).items
                assert member["connections"] == 2
            await asyncio.sleep(0.2)
            assert await names(one.presence) == ["ada"]
        await until(lambda: empty(redis, "room"))
    assert await told(redis) == [("join", "ada", 1), ("leave", "ada", 0)]


async def test_who_is_back_at_once_never_left(redis: Redis) -> None:
    async with server(redis, "one") as one, server(redis, "two") as two:
        async with one.presence.present(["room"], "ada", None):
            pass
        async with two.presence.present(["room"], "ada", None):
            await asyncio.sleep(0.3)
            assert await told(redis) == [("join", "ada", 1)]
        await until(lambda: empty(redis, "room"))


async def test_guests_are_counted_and_told_apart(redis: Redis) -> None:
    async with server(redis) as one, AsyncExitStack() as held:
        for _ in range(3):
            await held.enter_async_context(one.presence.present(["room"], None, None))
        members = await one.presence.members("room")
        assert members.count == 3
        assert all(str(each["member"]).startswith("guest_") for each in members.items)


async def test_those_of_a_server_that_has_crashed_leave_after_its_lease(redis: Redis) -> None:
    async with (
        server(redis, "one") as one,
        server(redis, "two") as two,
        AsyncExitStack() as held,
    ):
        for n in range(250):
            here = one.presence.present(["room"], f"user {n}", None)
            await held.enter_async_context(here)
        await held.enter_async_context(two.presence.present(["room"], "ada", None))
        await one.crash()
        assert (await two.presence.members("room")).count == 251
        crashed = time.monotonic()
        await until(lambda: counts(two.presence, 1))
        assert time.monotonic() - crashed >= LEASE_S / 2
        assert await names(two.presence) == ["ada"]
        left = [each for each in await told(redis) if each[0] == "leave"]
        assert len(left) == len({name for _, name, _ in left}) == 250
        assert [count for *_, count in left] == list(range(250, 0, -1))


async def counts(presence: Presence, count: int) -> bool:
    return (await presence.members("room")).count == count


async def test_those_of_a_server_that_stops_have_a_moment_to_come_back_elsewhere(
    redis: Redis,
) -> None:
    async with server(redis, "one") as one, server(redis, "two") as two:
        await asyncio.sleep(LEASE_S)
        async with one.presence.present(["room"], "ada", None):
            await one.stop()
            async with two.presence.present(["room"], "ada", None):
                await asyncio.sleep(LEASE_S)
                assert await told(redis) == [("join", "ada", 1)]
                (member,) = (await two.presence.members("room")).items
                assert member["connections"] == 1
        await until(lambda: empty(redis, "room"))


async def test_when_redis_has_lost_everything_whoever_is_there_is_there_again(
    redis: Redis,
) -> None:
    async with server(redis) as one, one.presence.present(["room"], "ada", None):
        await redis.flushall()
        await until(lambda: counts(one.presence, 1))
        assert await told(redis) == [("join", "ada", 1)]


async def test_a_server_that_was_taken_for_dead_says_again_who_is_there(redis: Redis) -> None:
    async with server(redis, "one") as one, server(redis, "two") as two:
        async with one.presence.present(["room"], "ada", None):
            one.following.cancel()
            await until(lambda: counts(two.presence, 0))
            await one.presence.look()
            assert await names(two.presence) == ["ada"]
        await until(lambda: empty(redis, "room"))


async def test_a_name_may_hold_anything_that_can_be_shown(redis: Redis) -> None:
    name = 'a "b" \\ c:/é 5 — %d {x}'
    async with server(redis) as one, one.presence.present(["a:b/c.d"], name, {"k": [1.5, "ü"]}):
        (member,) = (await one.presence.members("a:b/c.d")).items
        assert (member["member"], member["info"]) == (name, {"k": [1.5, "ü"]})
        assert await told(redis, "a:b/c.d") == [("join", name, 1)]


async def test_without_redis_nobody_is_seen_and_nobody_is_kept_out() -> None:
    async with Redis(unix_socket_path="/nowhere/at/all") as away:
        presence = Presence(away, lambda _: ChannelSetting(), "one", grace_s=0.01)
        async with presence.present(["room"], "ada", None):
            with pytest.raises(StoreError) as refused:
                await presence.members("room")
            assert refused.value.code == "redis_unavailable"
        await asyncio.sleep(0.05)


async def test_every_key_ends_by_itself(redis: Redis) -> None:
    async with server(redis) as one, one.presence.present(["room"], "ada", None):
        await until(lambda: redis.exists(keys.SERVERS))
        for name in (keys.presence("room"), keys.connections("one"), keys.SERVERS):
            assert 86_000 < await redis.ttl(name) <= 86_400
