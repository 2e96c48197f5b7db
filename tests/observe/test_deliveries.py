"""News of deliveries: told while they are wanted, and never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from hub import keys
from hub.channels import Channels
from hub.model.channel import DELIVERIES
from hub.model.delivery import ClaimedDelivery, DeliveryStatus
from hub.observe import deliveries, wanted
from hub.observe.deliveries import DeliveryNews
from hub.observe.wanted import Wanted
from tests.store.make import settlement


def delivery(n: int, attempts: int = 0) -> ClaimedDelivery:
    """One that is being worked on."""
    return ClaimedDelivery(
        id=f"dlv_{n}",
        destination="till",
        body=b"{}",
        content_type="application/json",
        idempotency_key="k",
        attempts=attempts,
        spent=0,
        pressed_for_us=0,
        fence=1,
        event_id=None,
        run_id=None,
        created_at=0,
    )


def settle(news: DeliveryNews, *numbers: int, status: DeliveryStatus = DeliveryStatus.DEAD) -> None:
    """Attempts were made."""
    for n in numbers:
        news.settled(delivery(n), settlement(delivery(n), status))


@asynccontextmanager
async def following(news: DeliveryNews) -> AsyncIterator[None]:
    """It publishes until the end of the block."""
    task = asyncio.create_task(news.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def ids(channels: Channels) -> list[str]:
    """Of the messages that were published."""
    return [each.id for each in (await channels.history(DELIVERIES, "earliest")).messages]


def away() -> Redis:
    """A client of a Redis that is not there."""
    return Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)


async def test_what_nobody_wants_is_forgotten_and_what_is_wanted_is_told_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "LOOK_EVERY_S", 0)
    channels = Channels(redis)
    news = DeliveryNews(channels, Wanted(redis))
    async with following(news):
        settle(news, 1)
        await until(lambda: not news._waiting)
        assert await redis.keys("*") == []
        await redis.set(keys.wanted(DELIVERIES), 1, ex=10)
        settle(news, 2, 3, 2)
        settle(news, 2, status=DeliveryStatus.RETRYING)
        async with asyncio.timeout(10):
            while len(await ids(channels)) < 3:
                await asyncio.sleep(0.01)
    assert await ids(channels) == ["dlv_2:1:dead", "dlv_3:1:dead", "dlv_2:1:retrying"]
    assert news.dropped == 0


async def test_what_redis_does_not_take_is_counted_and_holds_nobody_up(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_PAUSE_S", 0.01)
    await redis.set(keys.wanted(DELIVERIES), 1, ex=10)
    async with away() as gone:
        news = DeliveryNews(Channels(gone), Wanted(redis))
        async with following(news):
            settle(news, *range(250))
            await until(lambda: news.dropped == 250)
            settle(news, 1)
            await until(lambda: news.dropped == 251)


async def test_only_the_newest_wait(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_MOST", 3)
    await redis.set(keys.wanted(DELIVERIES), 1, ex=10)
    channels = Channels(redis)
    news = DeliveryNews(channels, Wanted(redis))
    settle(news, *range(5))
    async with following(news), asyncio.timeout(10):
        while len(await ids(channels)) < 3:
            await asyncio.sleep(0.01)
    assert await ids(channels) == [f"dlv_{n}:1:dead" for n in (2, 3, 4)]
    assert news.dropped == 2


# what is wanted


async def test_a_channel_is_wanted_while_it_is_held(redis: Redis) -> None:
    server, worker = Wanted(redis), Wanted(redis)
    task = asyncio.create_task(server.follow())
    with server.holding(["a", "b"]), server.holding(["b"]):
        async with asyncio.timeout(5):
            while await redis.exists(keys.wanted("a")) != 1:
                await asyncio.sleep(0.01)
        assert 0 < await redis.ttl(keys.wanted("b")) <= wanted.TTL_S
        assert await worker.now("a")
        assert not await worker.now("c")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_redis_is_asked_once_a_second(redis: Redis) -> None:
    worker = Wanted(redis)
    assert not await worker.now("a")
    await redis.set(keys.wanted("a"), 1, ex=10)
    assert not await worker.now("a")
    async with asyncio.timeout(5):
        while not await worker.now("a"):
            await asyncio.sleep(0.05)
    before = (await redis.info("commandstats"))["cmdstat_exists"]["calls"]
    for _ in range(100):
        assert await worker.now("a")
    after = (await redis.info("commandstats"))["cmdstat_exists"]["calls"]
    assert after - before <= 1


async def test_without_redis_nothing_is_wanted_and_nothing_fails() -> None:
    async with away() as gone:
        without = Wanted(gone)
        assert not await without.now("a")
        task = asyncio.create_task(without.follow())
        with without.holding(["a"]):
            await asyncio.sleep(0.3)
            assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
