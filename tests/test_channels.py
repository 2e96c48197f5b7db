import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hub import keys
from hub.channels import Channels
from hub.errors import HubError, InvalidError, StoreError, TooLargeError
from hub.listener import QUEUE_BYTES, QUEUE_MESSAGES, Item, Listener, Mark
from hub.model.channel import ChannelSetting, check_channel
from hub.model.ids import new_id
from hub.model.message import MAX_DATA_BYTES, Message, Position, sse_event
from hub.valkey import EmbeddedValkey


def said(text: str, channel: str = "orders", message_id: str | None = None) -> Message:
    return Message(message_id or new_id("msg"), channel, "said", json.dumps(text), 1_700_000_000)


def texts(items: list[Item] | tuple[Message, ...]) -> list[str]:
    return [each if isinstance(each, Mark) else json.loads(each.data) for each in items]


@asynccontextmanager
async def following(channels: Channels) -> AsyncIterator[Channels]:
    task = asyncio.create_task(channels.follow())
    try:
        yield channels
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hear(listener: Listener, count: int) -> list[str]:
    """The texts and marks of the next ``count`` items."""
    heard: list[str] = []
    async with asyncio.timeout(10):
        while len(heard) < count:
            heard += texts(await listener.batch())
    assert len(heard) == count
    return heard


@pytest.fixture
async def channels(redis: Redis) -> AsyncIterator[Channels]:
    async with following(Channels(redis)) as following_channels:
        yield following_channels


async def test_positions_only_grow_and_history_keeps_their_order(channels: Channels) -> None:
    told = [said(str(n)) for n in range(50)]
    positions = await channels.publish(told[:25])
    for each in told[25:]:
        positions += await channels.publish([each])
    history = await channels.history("orders", "earliest")
    places = [Position.parse(each) for each in positions]
    assert all(a and b and a < b for a, b in pairwise(places))
    assert [each.position for each in history.messages] == positions
    assert [each.id for each in history.messages] == [each.id for each in told]
    assert not history.gap
    assert str(history.position) == positions[-1]


async def test_positions_grow_even_when_the_clock_goes_back(
    channels: Channels, redis: Redis
) -> None:
    pipe = redis.pipeline()
    pipe.hset(keys.POSITION, mapping={"epoch": "e1", "ms": "9999999999999", "seq": "41"})
    await pipe.execute()
    assert await channels.publish([said("a"), said("b")]) == [
        "e1-9999999999999-42",
        "e1-9999999999999-43",
    ]


async def test_a_message_comes_back_as_it_was_published(channels: Channels) -> None:
    message = Message(new_id("msg"), "a/b:c.d-e_F", "größe", '{"n":123456789012345678901}', 1)
    await channels.publish([message])
    (found,) = (await channels.history("a/b:c.d-e_F", "earliest")).messages
    assert (found.id, found.event, found.data, found.ts) == (
        message.id,
        message.event,
        message.data,
        1,
    )


async def test_an_id_is_published_once_however_many_try_at_once(
    channels: Channels, valkey: EmbeddedValkey
) -> None:
    async with Redis.from_url(valkey.url) as other:
        others = Channels(other)
        tries = [each.publish([said("x", message_id="msg_1")]) for each in [channels, others] * 20]
        positions = {position for (position,) in await asyncio.gather(*tries)}
    assert len(positions) == 1
    assert len((await channels.history("orders", "earliest")).messages) == 1


async def test_publishing_goes_on_when_redis_has_forgotten_the_script(
    channels: Channels, redis: Redis
) -> None:
    await channels.publish([said("a")])
    await redis.script_flush()
    await channels.publish([said("b"), said("c")])
    assert texts((await channels.history("orders", "earliest")).messages) == ["a", "b", "c"]


async def test_whoever_resumes_gets_what_came_after(channels: Channels) -> None:
    positions = await channels.publish([said("a"), said("b"), said("c")])
    history = await channels.history("orders", positions[0])
    assert texts(history.messages) == ["b", "c"]
    assert not history.gap


async def test_a_position_on_another_channel_resumes_without_a_gap(channels: Channels) -> None:
    (elsewhere,) = await channels.publish([said("x", channel="elsewhere")])
    assert not (await channels.history("orders", elsewhere)).gap
    await channels.publish([said("a")])
    history = await channels.history("orders", elsewhere)
    assert (texts(history.messages), history.gap) == (["a"], False)


async def test_a_position_that_history_no_longer_holds_is_a_gap(redis: Redis) -> None:
    channels = Channels(redis, lambda _: ChannelSetting(history=10))
    positions = await channels.publish([said(str(n)) for n in range(300)])
    history = await channels.history("orders", positions[0])
    assert history.gap
    assert len(history.messages) == 10
    assert texts(history.messages)[-1] == "299"
    assert not (await channels.history("orders", positions[-5])).gap
    assert not (await channels.history("orders", "earliest")).gap


async def test_a_position_older_than_a_history_that_has_ended_is_a_gap(
    channels: Channels, redis: Redis
) -> None:
    (position,) = await channels.publish([said("a")])
    await channels.publish([said("b"), said("x", channel="elsewhere")])
    place = Position.parse(position)
    assert place is not None
    old = f"{place.epoch}-{place.ms - 86_400_001}-0"
    await redis.delete(keys.channel("orders"))
    assert (await channels.history("orders", old)).gap


@pytest.mark.parametrize("after", ["0ld-1700000000000-0", "", "nonsense", "1-2", "$-1-1"])
async def test_an_unknown_position_is_a_gap_and_gives_what_there_is(
    channels: Channels, after: str
) -> None:
    await channels.publish([said("a")])
    history = await channels.history("orders", after)
    assert (texts(history.messages), history.gap) == (["a"], True)


async def test_a_listener_hears_its_channels_and_no_other(channels: Channels) -> None:
    listener = await channels.subscribe(["orders", "bills"])
    await channels.publish([said("a"), said("x", channel="elsewhere"), said("b", channel="bills")])
    assert await hear(listener, 2) == ["a", "b"]
    listener.close()


async def test_a_listener_can_be_read_with_async_for_until_it_is_closed(channels: Channels) -> None:
    listener = await channels.subscribe(["orders"])
    await channels.publish([said("a"), said("b")])
    heard = []
    async for item in listener:
        heard.append(item)
        if len(heard) == 2:
            listener.close()
    assert texts(heard) == ["a", "b"]


async def test_whoever_subscribes_amid_messages_gets_each_once_and_in_order(
    channels: Channels,
) -> None:
    (first,) = await channels.publish([said("start")])

    async def speak() -> None:
        for n in range(0, 400, 4):
            await channels.publish([said(str(n + i)) for i in range(4)])

    speaking = asyncio.create_task(speak())
    listeners = []
    for _ in range(20):
        await asyncio.sleep(0.002)
        listeners.append(await channels.subscribe(["orders"], first))
    await speaking
    for listener in listeners:
        assert await hear(listener, 400) == [str(n) for n in range(400)]
        listener.close()


async def test_where_a_listener_began_is_a_position_to_resume_from(channels: Channels) -> None:
    earlier = await channels.subscribe(["orders"])
    (first,) = await channels.publish([said("a")])
    await hear(earlier, 1)
    earlier.close()
    for after, then in ((None, []), (first, []), ("earliest", ["a"]), ("other-1-1", ["a"])):
        listener = await channels.subscribe(["orders"], after)
        history = await channels.history("orders", listener.position)
        assert texts(history.messages) == then
        assert not history.gap
        listener.close()


async def test_a_gap_in_history_stands_before_the_first_message(channels: Channels) -> None:
    await channels.publish([said("a")])
    listener = await channels.subscribe(["orders"], "0ld-1-1")
    assert await hear(listener, 2) == [Mark.GAP, "a"]
    listener.close()


async def test_five_hundred_listeners_share_one_encoded_message(channels: Channels) -> None:
    listeners = [await channels.subscribe(["orders"]) for _ in range(500)]
    await channels.publish([said("a")])
    heard = [await listener.batch() for listener in listeners]
    encoded = {id(item.sse) for (item,) in heard if isinstance(item, Message)}
    assert len(encoded) == 1
    for listener in listeners:
        listener.close()


async def test_a_listener_that_does_not_read_is_cut(channels: Channels) -> None:
    slow = await channels.subscribe(["orders"])
    quick = await channels.subscribe(["orders"])
    for _ in range(0, QUEUE_MESSAGES + 100, 100):
        await channels.publish([said("x") for _ in range(100)])
        await hear(quick, 100)
    assert slow.ended
    assert [each async for each in slow] == [Mark.SLOW]
    assert not quick.ended
    quick.close()


def test_a_listener_is_cut_when_too_many_bytes_wait() -> None:
    listener = Listener(frozenset({"orders"}), str, lambda _: None)
    for _ in range(QUEUE_BYTES // MAX_DATA_BYTES + 1):
        listener.put(said("x" * (MAX_DATA_BYTES - 2)))
    assert listener.ended


async def test_listeners_are_told_of_a_gap_when_redis_has_lost_everything(
    channels: Channels, redis: Redis
) -> None:
    await channels.publish([said("a")])
    listener = await channels.subscribe(["orders"], "earliest")
    assert await hear(listener, 1) == ["a"]
    await redis.flushall()
    await channels.publish([said("b"), said("c")])
    assert await hear(listener, 3) == [Mark.GAP, "b", "c"]
    listener.close()


@pytest.mark.parametrize(("ahead_ms", "pause_s"), [(3_600_000, 0.0), (400, 0.5)])
async def test_a_new_epoch_may_begin_before_the_old_one_ended(
    channels: Channels, redis: Redis, ahead_ms: int, pause_s: float
) -> None:
    """As after a failover to a machine whose clock is behind."""
    await channels.publish([said("x")])
    await redis.hset(keys.POSITION, "ms", str(int(time.time() * 1000) + ahead_ms))
    listener = await channels.subscribe(["orders"])
    await channels.publish([said("a")])
    assert await hear(listener, 1) == ["a"]
    await redis.flushall()
    await channels.publish([said("b")])
    await asyncio.sleep(pause_s)
    await channels.publish([said("c")])
    assert await hear(listener, 3) == [Mark.GAP, "b", "c"]
    listener.close()


async def test_listeners_get_what_follows_a_restart_of_redis_and_nothing_twice(
    tmp_path: Path,
) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, Redis.from_url(valkey.url) as client:
        supervision = asyncio.create_task(valkey.supervise())
        async with following(Channels(client)) as channels:
            listeners = [await channels.subscribe(["orders"]) for _ in range(5)]
            await channels.publish([said("a")])
            pid = int((await client.info("server"))["process_id"])
            os.kill(pid, signal.SIGKILL)
            again = said("b")
            async with asyncio.timeout(10):
                while True:
                    with suppress(StoreError):
                        await channels.publish([again])
                        break
                    await asyncio.sleep(0.02)
            await channels.publish([again, said("c")])
            for listener in listeners:
                assert await hear(listener, 3) == ["a", "b", "c"]
                listener.close()
        supervision.cancel()
        await asyncio.gather(supervision, return_exceptions=True)


async def test_without_redis_nothing_is_published_or_read_and_the_error_says_so(
    tmp_path: Path,
) -> None:
    async with Redis(unix_socket_path=str(tmp_path / "none")) as client:
        channels = Channels(client)
        for attempt in (channels.publish([said("a")]), channels.history("orders", "earliest")):
            with pytest.raises(StoreError) as failed:
                await attempt
            assert failed.value.code == "redis_unavailable"


@pytest.mark.parametrize("name", ["", "a b", "a\n", "ä", "x" * 201, "a*", None])
def test_a_name_that_no_channel_can_have_is_refused(name: object) -> None:
    with pytest.raises(InvalidError) as refused:
        check_channel(name)
    assert refused.value.code == "channel_invalid"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (said("x", channel="a b"), "channel_invalid"),
        (said("x", message_id="a\nb"), "message_invalid"),
        (Message("msg_1", "orders", "a\rb", "1", 0), "message_invalid"),
        (Message("msg_1", "orders", "\ud800", "1", 0), "message_invalid"),
    ],
)
async def test_a_message_that_cannot_be_published_holds_back_its_whole_batch(
    channels: Channels, message: Message, code: str
) -> None:
    with pytest.raises(HubError) as refused:
        await channels.publish([said("good"), message])
    assert refused.value.code == code
    assert not (await channels.history("orders", "earliest")).messages


async def test_data_over_the_limit_are_refused_with_the_limit_named(channels: Channels) -> None:
    await channels.publish([said("x" * (MAX_DATA_BYTES - 2))])
    with pytest.raises(TooLargeError, match="256 KiB") as refused:
        await channels.publish([said("ä" * (MAX_DATA_BYTES // 2))])
    assert refused.value.details == {"limit_bytes": MAX_DATA_BYTES}


def test_an_event_is_one_line_whatever_it_says() -> None:
    message = Message("msg_1", "orders", "a\r\nb", '{\r\n"a":\n"b\\n"}', 0, "e-1-2")
    lines = message.sse.split(b"\n")
    assert b"\r" not in message.sse
    assert (lines[0], lines[2:]) == (b"id: e-1-2", [b"", b""])
    assert json.loads(lines[1].removeprefix(b"data: ")) == {
        "id": "msg_1",
        "event": "a\r\nb",
        "channel": "orders",
        "data": {"a": "b\n"},
        "ts": "1970-01-01T00:00:00.000000Z",
        "position": "e-1-2",
    }
    assert sse_event(message, named=True).split(b"\n")[1] == b"event: ab"


async def test_a_pattern_hears_every_channel_that_it_means_and_each_thing_once(
    channels: Channels,
) -> None:
    listener = await channels.subscribe(["room_*", "room_1", "bills"])
    await channels.publish([said("a", "room_1"), said("x", "runs.room_1"), said("b", "room_2")])
    await channels.publish([said("c", "bills"), said("x", "rooms")])
    assert await hear(listener, 3) == ["a", "b", "c"]
    listener.close()
    assert channels.listeners == 0


async def test_a_pattern_resumes_on_channels_that_came_up_meanwhile(channels: Channels) -> None:
    (first,) = await channels.publish([said("a", "room_1")])
    await channels.publish([said("b", "room_2"), said("x", "other"), said("c", "room_1")])
    late = await channels.subscribe(["room_*"], first)
    whole = await channels.subscribe(["room_*"], "earliest")
    assert await hear(late, 2) == ["b", "c"]
    assert await hear(whole, 3) == ["a", "b", "c"]
    await channels.publish([said("d", "room_3")])
    for listener in (late, whole):
        assert await hear(listener, 1) == ["d"]
        listener.close()


async def test_a_pattern_amid_messages_on_new_channels_gets_each_once_and_in_order(
    channels: Channels,
) -> None:
    (first,) = await channels.publish([said("start", "room_0")])

    async def speak() -> None:
        for n in range(200):
            await channels.publish([said(str(n), f"room_{n}")])

    speaking = asyncio.create_task(speak())
    listeners = []
    for _ in range(10):
        await asyncio.sleep(0.003)
        listeners.append(await channels.subscribe(["room_*"], first))
    await speaking
    for listener in listeners:
        assert await hear(listener, 200) == [str(n) for n in range(200)]
        listener.close()


async def test_one_position_resumes_many_channels_in_the_order_of_what_was_said(
    channels: Channels,
) -> None:
    (first,) = await channels.publish([said("0", "a")])
    for n in range(1, 60):
        await channels.publish([said(str(n), "abc"[n % 3])])
    listener = await channels.subscribe(["a", "b", "c"], first)
    assert await hear(listener, 59) == [str(n) for n in range(1, 60)]
    listener.close()


async def test_a_channel_without_history_is_live_and_says_that_something_was_missed(
    redis: Redis,
) -> None:
    async with following(Channels(redis, lambda _: ChannelSetting(history=0))) as channels:
        listener = await channels.subscribe(["orders"])
        first, second = await channels.publish([said("a"), said("b")])
        assert await hear(listener, 2) == ["a", "b"]
        assert (await channels.history("orders", "earliest")).messages == ()
        missed = await channels.history("orders", first)
        assert (missed.messages, missed.gap) == ((), True)
        assert not (await channels.history("orders", second)).gap
        listener.close()


async def test_what_is_said_elsewhere_makes_no_gap_where_history_was_trimmed(
    redis: Redis,
) -> None:
    channels = Channels(redis, lambda _: ChannelSetting(history=2))
    positions = await channels.publish([said(str(n)) for n in range(10)])
    (elsewhere,) = await channels.publish([said("x", "elsewhere")])
    assert not (await channels.history("orders", positions[-1])).gap
    assert not (await channels.history("orders", elsewhere)).gap
    assert (await channels.history("orders", positions[-4])).gap


async def test_what_is_older_than_the_history_s_time_is_not_told(
    channels: Channels, redis: Redis
) -> None:
    old, _ = await channels.publish([said("a"), said("b")])
    await asyncio.sleep(1.1)
    short = Channels(redis, lambda _: ChannelSetting(history_s=1))
    history = await short.history("orders", old)
    assert (history.messages, history.gap) == ((), True)
    await short.publish([said("c")])
    history = await short.history("orders", "earliest")
    assert (texts(history.messages), history.gap) == (["c"], False)


async def test_more_than_may_wait_of_the_past_is_cut_to_the_newest_and_told(
    channels: Channels,
) -> None:
    big = "x" * (MAX_DATA_BYTES - 2)
    count = QUEUE_BYTES // MAX_DATA_BYTES + 3
    for n in range(count):
        await channels.publish([said(big, f"big_{n % 2}")])
    listener = await channels.subscribe(["big_0", "big_1"], "earliest")
    items = await listener.batch()
    assert items[0] is Mark.GAP
    assert count - 5 <= len(items) - 1 < count
    listener.close()


async def test_the_same_id_on_another_channel_is_another_message(channels: Channels) -> None:
    same = [said("a", "a:b", "c"), said("b", "a", "b:c"), said("c", "a:b", "c")]
    first, second, third = await channels.publish(same)
    assert first == third != second


async def test_who_said_it_is_told_with_the_message(channels: Channels) -> None:
    listener = await channels.subscribe(["orders"])
    for sender in ("user 5", None):
        await channels.publish([replace(said("a"), sender=sender)])
        (heard,) = await listener.batch()
        assert isinstance(heard, Message)
        assert json.loads(heard.envelope).get("from") == sender
    (kept, _) = (await channels.history("orders", "earliest")).messages
    assert kept.sender == "user 5"
    listener.close()


async def test_a_heartbeat_s_position_is_one_to_resume_after(channels: Channels) -> None:
    listener = await channels.subscribe(["orders"])
    await channels.publish([said("x", "elsewhere"), said("a")])
    assert await hear(listener, 1) == ["a"]
    reached = listener.reached()
    await channels.publish([said("b")])
    history = await channels.history("orders", reached)
    assert (texts(history.messages), history.gap) == (["b"], False)
    listener.close()
