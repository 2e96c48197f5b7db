"""What is under way ends, by itself or by force, before what it uses is closed."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from hub.channels.presence import Presence
from hub.ending import let_end
from hub.jobs import Doorbell, connect_jobs
from hub.model.channel import ChannelSetting
from hub.model.destination import Breaker
from hub.outbound.gates import Gates
from hub.valkey import EmbeddedValkey


async def test_what_goes_on_behind_a_shield_has_ended_too() -> None:
    written = []

    async def write_down() -> None:
        await asyncio.sleep(0.05)
        written.append("end")

    async def job() -> None:
        await asyncio.shield(write_down())

    under_way = asyncio.create_task(job())
    await asyncio.sleep(0)
    await let_end([under_way], within_s=5)
    assert written == ["end"]


async def test_what_does_not_end_is_cancelled() -> None:
    endless = asyncio.create_task(asyncio.Event().wait())
    await let_end([endless], within_s=0.01)
    assert endless.cancelled()


async def test_with_nothing_under_way_there_is_nothing_to_wait_for() -> None:
    await let_end([], within_s=3600)


async def test_no_ring_after_the_bell_was_closed_opens_a_connection(valkey: EmbeddedValkey) -> None:
    redis = connect_jobs(valkey.url)
    bell = Doorbell(redis)
    bell.ring("runs")
    await bell.close()
    bell.ring("runs")
    await asyncio.sleep(0.05)
    assert not any(each.is_connected for each in _connections(redis))


async def test_who_has_parted_is_taken_off_before_connections_close(redis: Redis) -> None:
    presence = Presence(redis, lambda _: ChannelSetting(), "wrk_here", grace_s=0)
    async with presence.present(["room"], "ann", None):
        assert (await presence.members("room")).count == 1
    await asyncio.sleep(0.01)  # the time to come back is over
    await presence.close()
    assert (await presence.members("room")).count == 0


async def test_who_might_have_come_back_is_left_to_other_servers(valkey: EmbeddedValkey) -> None:
    redis = Redis.from_url(valkey.url)
    presence = Presence(redis, lambda _: ChannelSetting(), "wrk_here", grace_s=0.02)
    async with presence.present(["room"], "ann", None):
        pass
    await presence.close()
    await redis.aclose()
    await asyncio.sleep(0.1)
    assert not any(each.is_connected for each in _connections(redis))


async def test_reports_have_been_told_when_gates_are_closed(redis: Redis) -> None:
    gates = Gates(redis)
    gates.report("dst", Breaker(), "bad")
    await gates.close()
    (state,) = await gates.states(["dst"])
    assert state.failed == 1


@pytest.mark.parametrize("reports", [1, 500])
async def test_reporting_is_over_when_gates_are_closed(reports: int) -> None:
    async with Redis(unix_socket_path="/nowhere/at/all") as away:
        gates = Gates(away)
        for number in range(reports):
            gates.report(f"dst{number}", Breaker(), "good")
        await gates.close()
        assert all(task is asyncio.current_task() for task in asyncio.all_tasks())


def _connections(redis: Redis) -> list[Any]:
    pool = redis.connection_pool
    return [*pool._available_connections, *pool._in_use_connections]
