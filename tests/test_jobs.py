"""Drains never take more than they can do; doorbells never hold up whoever rings."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hub import keys
from hub.errors import InvalidError, StoreError
from hub.jobs import SLOTS, Doorbell, Drain, connect_jobs, deserialize, serialize
from hub.valkey import EmbeddedValkey


@dataclass
class Desk:
    """A queue of numbers, and what was done with them."""

    due: deque[int] = field(default_factory=deque)
    asked: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    most: int = 0
    at_once: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    failures: deque[Exception] = field(default_factory=deque)
    on_claim: Callable[[], None] = lambda: None

    async def claim(self, most: int) -> list[int]:
        """Take some."""
        self.asked.append(most)
        found = [self.due.popleft() for _ in range(min(most, len(self.due)))]
        self.on_claim()
        await asyncio.sleep(0)
        if self.failures:
            self.due.extendleft(reversed(found))
            raise self.failures.popleft()
        self.given.append(len(found))
        return found

    async def work(self, number: int) -> None:
        """Work until it may end."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.may_end.wait()
            if number < 0:
                raise ValueError("a number below zero")
            self.done.append(number)
        finally:
            self.at_once -= 1

    async def has_due(self) -> bool:
        """Whether something is left."""
        return bool(self.due)

    def drain(self, capacity: int, batch: int = 100) -> Drain[Any]:
        """A drain of this queue."""
        return Drain("numbers", capacity, self.claim, self.work, self.has_due, batch)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.002)


@pytest.fixture
def said() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


async def test_no_more_is_under_way_than_there_are_places() -> None:
    desk = Desk(deque(range(500)))
    desk.may_end.set()
    drain = desk.drain(7)
    drain.wake()
    await until(lambda: len(desk.done) == 500)
    assert desk.most <= 7
    assert sorted(desk.done) == list(range(500))
    assert all(0 < each <= 7 for each in desk.asked)


async def test_no_claim_is_larger_than_a_batch() -> None:
    desk = Desk(deque(range(50)))
    desk.may_end.set()
    desk.drain(100, batch=8).wake()
    await until(lambda: len(desk.done) == 50)
    assert max(desk.asked) == 8


async def test_a_full_drain_waits_for_a_quarter_of_its_places_if_that_comes_soon() -> None:
    desk = Desk(deque(range(2000)))
    desk.may_end.set()
    desk.drain(40).wake()
    await until(lambda: len(desk.done) == 2000)
    assert min(desk.given[:-1]) >= 10
    assert len(desk.given) <= 2000 / 10 + 1


async def test_one_free_place_is_used_when_no_more_come_soon() -> None:
    desk = Desk(deque(range(9)))
    drain = desk.drain(8)
    drain.wake()
    await until(lambda: desk.at_once == 8)
    next(iter(drain.busy)).cancel()
    await until(lambda: desk.at_once == 8 and not desk.due)
    assert desk.asked[-2:] in ([8, 1], [1, 1])
    await drain.stop(0)


async def test_a_wake_while_a_claim_is_under_way_is_not_lost() -> None:
    desk = Desk()
    desk.may_end.set()
    drain = desk.drain(5)
    came = iter([1])

    def another_comes() -> None:
        for number in came:
            desk.due.append(number)
            assert drain.wake()

    desk.on_claim = another_comes
    await drain.drain()
    await until(lambda: desk.done == [1])
    assert desk.given == [0, 1]


@pytest.mark.parametrize(
    "failure", [StoreError("The database is away."), InvalidError("It refuses."), ValueError("x")]
)
async def test_a_claim_that_fails_ends_the_drain_and_the_next_wake_starts_it(
    failure: Exception, said: list[EventDict]
) -> None:
    desk = Desk(deque([1]), failures=deque([failure]))
    desk.may_end.set()
    drain = desk.drain(5)
    await drain.drain()
    assert desk.done == []
    assert [line["event"] for line in said] == ["drain.failed"]
    assert drain.wake()
    await until(lambda: desk.done == [1])


async def test_work_that_crashes_is_logged_and_frees_its_place(said: list[EventDict]) -> None:
    desk = Desk(deque([-1, 2]))
    desk.may_end.set()
    drain = desk.drain(1)
    drain.wake()
    await until(lambda: desk.done == [2])
    (line,) = said
    assert (line["event"], line["queue"]) == ("work.crashed", "numbers")
    assert isinstance(line["exc_info"], ValueError)
    await until(lambda: drain.room == 1)


async def test_a_stop_takes_nothing_more_and_lets_what_is_under_way_end() -> None:
    desk = Desk(deque(range(9)))
    drain = desk.drain(3)
    drain.wake()
    await until(lambda: desk.at_once == 3)
    stopping = asyncio.create_task(drain.stop(5))
    await asyncio.sleep(0)
    assert not drain.wake()
    desk.may_end.set()
    await stopping
    assert sorted(desk.done) == [0, 1, 2]
    assert len(desk.due) == 6
    assert not drain.busy


async def test_a_stop_cancels_what_does_not_end_in_time() -> None:
    desk = Desk(deque(range(3)))
    drain = desk.drain(3)
    drain.wake()
    await until(lambda: desk.at_once == 3)
    began = time.monotonic()
    await drain.stop(0.05)
    assert 0.05 <= time.monotonic() - began < 1
    assert (desk.done, desk.at_once, drain.busy) == ([], 0, {})


async def test_a_stop_while_a_claim_is_under_way_works_on_what_it_brought() -> None:
    desk = Desk(deque(range(3)))
    desk.may_end.set()
    drain = desk.drain(3)
    drain.wake()
    await drain.stop(5)
    assert sorted([*desk.done, *desk.due]) == [0, 1, 2]
    assert not drain.busy


async def test_a_drain_without_places_leaves_the_work_to_others() -> None:
    desk = Desk(deque([1]))
    drain = desk.drain(0)
    assert not drain.wake()
    await drain.drain()
    assert (desk.asked, list(desk.due)) == ([], [1])
    assert await drain.has_due()
    await drain.stop(0)


async def test_a_full_drain_says_that_others_have_to_hear() -> None:
    desk = Desk(deque([1, 2]))
    drain = desk.drain(1)
    assert drain.wake()
    await until(lambda: desk.at_once == 1)
    assert not drain.wake()
    desk.may_end.set()
    await until(lambda: sorted(desk.done) == [1, 2])


@pytest_asyncio.fixture
async def bell(valkey: EmbeddedValkey, redis: Redis) -> AsyncIterator[Doorbell]:
    """A doorbell whose Redis is empty."""
    made = Doorbell(connect_jobs(valkey.url))
    yield made
    await made.close()


async def jobs(redis: Redis) -> list[bytes]:
    """The ids of the jobs that wait."""
    found: list[bytes] = await redis.zrange(keys.JOBS, 0, -1)
    return found


async def some_jobs(redis: Redis) -> list[bytes]:
    """The same, once there is one."""
    async with asyncio.timeout(5):
        while not (found := await jobs(redis)):
            await asyncio.sleep(0.005)
    return found


async def test_rings_collapse(bell: Doorbell, redis: Redis) -> None:
    for _ in range(20):
        for _ in range(500):
            bell.ring("runs")
        await asyncio.sleep(0.01)
    found = await some_jobs(redis)
    assert 1 <= len(found) <= SLOTS
    assert set(found) <= {keys.drain_job("runs", slot).encode() for slot in range(SLOTS)}


async def test_a_ring_is_json_that_names_a_queue_and_nothing_else(
    bell: Doorbell, redis: Redis
) -> None:
    bell.ring("deliveries")
    found = await some_jobs(redis)
    stored = json.loads(await redis.get(f"arq:job:{found[0].decode()}"))
    assert (stored["f"], stored["a"], stored["k"]) == ("drain", ["deliveries"], {})


async def test_a_ring_for_a_queue_of_this_process_stays_in_it(bell: Doorbell, redis: Redis) -> None:
    desk = Desk(deque([1]))
    desk.may_end.set()
    bell.attach(desk.drain(1))
    bell.ring("numbers")
    await until(lambda: desk.done == [1])
    assert await jobs(redis) == []


async def test_a_ring_for_a_drain_without_room_goes_out_to_others(
    bell: Doorbell, redis: Redis
) -> None:
    bell.attach(Desk(deque([1])).drain(0))
    bell.ring("numbers")
    assert len(await some_jobs(redis)) == 1


@pytest.mark.parametrize("url", ["unix:///{folder}/none.sock", "redis://127.0.0.1:1/0"])
async def test_a_ring_without_redis_neither_raises_nor_blocks(
    url: str, tmp_path: Path, said: list[EventDict]
) -> None:
    bell = Doorbell(connect_jobs(url.format(folder=tmp_path)))
    began = time.perf_counter()
    for _ in range(1000):
        bell.ring("runs")
    assert time.perf_counter() - began < 0.2
    await until(lambda: any(line["event"] == "ring.lost" for line in said))
    await bell.close()


async def test_a_ring_to_a_redis_that_never_answers_is_given_up(
    tmp_path: Path, said: list[EventDict]
) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    path = tmp_path / "silent.sock"
    server = await asyncio.start_unix_server(listen, path)
    bell = Doorbell(connect_jobs(f"unix://{path}"))
    bell.ring("runs")
    await until(lambda: any(line["event"] == "ring.lost" for line in said))
    await bell.close()
    server.close()
    await server.wait_closed()


async def test_rings_reach_a_redis_that_comes_back(tmp_path: Path, said: list[EventDict]) -> None:
    valkey = EmbeddedValkey(tmp_path)
    bell = Doorbell(connect_jobs(valkey.url))
    bell.ring("runs")
    await until(lambda: any(line["event"] == "ring.lost" for line in said))
    async with valkey, Redis.from_url(valkey.url) as redis, asyncio.timeout(10):
        while not await jobs(redis):
            bell.ring("runs")
            await asyncio.sleep(0.01)
    await bell.close()


def test_jobs_are_json_and_pickles_are_refused() -> None:
    job: dict[str, Any] = {"t": None, "f": "drain", "a": ["runs"], "k": {}, "et": 1_800_000_000_000}
    assert json.loads(serialize(job)) == deserialize(serialize(job)) == job
    with pytest.raises(InvalidError):
        deserialize(b"\x80\x05\x95\x0b\x00\x00\x00\x00\x00\x00\x00}.")


@pytest.mark.parametrize(
    "changed",
    [{"f": ["drain"]}, {"a": None}, {"k": []}, {"t": "1"}, {"et": None}, {"et": 10**18}],
)
def test_json_that_is_no_job_is_refused(changed: dict[str, object]) -> None:
    job = {"t": None, "f": "drain", "a": ["runs"], "k": {}, "et": 1, **changed}
    with pytest.raises(InvalidError):
        deserialize(serialize(job))
