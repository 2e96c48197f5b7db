"""A worker hears rings, looks by itself, keeps its leases and gives back what it cannot finish."""

import asyncio
import json
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from hub import keys
from hub.bootstrap import Hub, open_hub
from hub.jobs import Doorbell, connect_jobs
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.message import EARLIEST, Message
from hub.model.segment import Publication
from hub.run.runner import running
from hub.settings import Settings
from hub.stack.load import load_stack
from hub.store import objects, runs, schema, stacks
from hub.store.due import claim_any
from hub.store.ledger import Ledger, Write
from hub.store.lookup import one, where
from hub.store.queues import DELIVERIES, RUNS
from hub.store.statement import insert_of
from hub.store.tx import Tx
from hub.valkey import EmbeddedValkey
from hub.worker import Drains
from hub.worker import working as work
from tests.databases import prepare
from tests.outbound.servers import LOOPBACK
from tests.sink import Answer, Sink, open_sink
from tests.store.make import run_start

STACK = """
{ task: "sell", function_stack: [
  { function: "add_record", table: "sold", data: { order: "{{input.order}}" } },
] }
{ task: "pass_on", function_stack: [
  { function: "add_record", table: "sold", data: {} },
  { function: "deliver", destination: "till", payload: { order: "{{input.order}}" } },
] }
"""
Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[Hub]]


@pytest_asyncio.fixture
async def open_one(tmp_path: Path, valkey: EmbeddedValkey, redis: Redis) -> Opener:
    """Opens hubs on one database and one Redis, as programs on several hosts would."""
    prepare(None, tmp_path)

    @asynccontextmanager
    async def opened(**given: Any) -> AsyncIterator[Hub]:
        settings = Settings(data=tmp_path, outbound_allow=LOOPBACK, stop_grace_s=0, **given)
        async with open_hub(settings, valkey.url) as hub:
            if "shop" not in hub.catalog.now.stacks:
                version = load_stack("shop", STACK).version
                await hub.ledger.write(stacks.PUT, stacks.PutStack("shop", version, STACK))
                await hub.catalog.refresh()
            yield hub

    return opened


@pytest_asyncio.fixture
async def hub(open_one: Opener) -> AsyncIterator[Hub]:
    """One with a stack, on which nobody works yet."""
    async with open_one() as opened:
        yield opened


@pytest_asyncio.fixture
async def till(hub: Hub) -> AsyncIterator[Sink]:
    """A destination."""
    async with open_sink() as sink:
        body = {"connector": "standard", "url": sink.url, "retry_schedule_s": [0.05] * 5}
        put = objects.PutObject("destination", "till", dumps_text(body))
        await hub.ledger.write(objects.PUT, put)
        await hub.catalog.refresh()
        yield sink


@asynccontextmanager
async def working(hub: Hub) -> AsyncIterator[Drains]:
    """A worker on these parts."""
    async with running(hub) as runner, work(hub, runner) as drains:
        yield drains


async def start(ledger: Ledger, task: str = "shop/sell", order: int = 1) -> str:
    """Commit a run and ring for nobody."""
    return await ledger.write(runs.START, run_start(task=task, input=f'{{"order":{order}}}'))


async def row_of(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """A run as it stands."""
    row = await ledger.read(one, schema.runs, id=run_id)
    assert row is not None
    return row


async def done(ledger: Ledger, run_id: str, timeout_s: float = 10) -> dict[str, Any]:
    """A run that has succeeded."""
    async with asyncio.timeout(timeout_s):
        while (row := await row_of(ledger, run_id))["status"] != "succeeded":
            assert row["status"] != "failed", row
            await asyncio.sleep(0.005)
    return row


async def until(looks: Callable[[], Awaitable[bool]], timeout_s: float = 10) -> None:
    """Look until it is so."""
    async with asyncio.timeout(timeout_s):
        while not await looks():
            await asyncio.sleep(0.01)


async def gone(redis: Redis, job_id: str) -> None:
    """Wait until a job has left arq's queue."""

    async def left() -> bool:
        return await redis.zscore(keys.JOBS, job_id) is None

    await until(left)


async def put_job(redis: Redis, job_id: str, raw: bytes) -> None:
    """Put a job into the queue as somebody who can write to Redis would."""
    await redis.set(f"arq:job:{job_id}", raw, ex=60)
    await redis.zadd(keys.JOBS, {job_id: time.time() * 1000})


@asynccontextmanager
async def outside_bell(valkey: EmbeddedValkey) -> AsyncIterator[Doorbell]:
    """The doorbell of a process that drains nothing itself."""
    bell = Doorbell(connect_jobs(valkey.url))
    try:
        yield bell
    finally:
        await bell.close()


async def heard(hub: Hub, bell: Doorbell) -> float:
    """How long it takes from a ring elsewhere to the end of a run."""
    run_id = await start(hub.ledger)
    began = time.perf_counter()
    bell.ring(RUNS)
    await done(hub.ledger, run_id)
    return time.perf_counter() - began


async def test_a_run_that_nobody_rang_for_is_found_by_the_worker_s_own_look(hub: Hub) -> None:
    async with working(hub):
        for order in range(2):
            await done(hub.ledger, await start(hub.ledger, order=order), timeout_s=3)


async def test_a_run_committed_before_the_worker_came_is_found(hub: Hub) -> None:
    run_id = await start(hub.ledger)
    async with working(hub):
        await done(hub.ledger, run_id, timeout_s=3)


async def test_a_ring_from_another_process_is_heard_well_under_a_second(
    hub: Hub, valkey: EmbeddedValkey
) -> None:
    async with working(hub), outside_bell(valkey) as bell:
        times = sorted([await heard(hub, bell) for _ in range(9)])
    assert times[4] < 0.2, times
    assert times[-1] < 0.9, times


async def test_what_arq_stores_in_redis_is_json(
    hub: Hub, valkey: EmbeddedValkey, redis: Redis
) -> None:
    async def two_wait() -> bool:
        return int(await redis.zcard(keys.JOBS)) >= 2

    async with outside_bell(valkey) as bell:
        bell.ring(RUNS)
        bell.ring(DELIVERIES)
        await until(two_wait)
        stored = [await redis.get(key) async for key in redis.scan_iter("arq:*")]
        assert sorted(json.loads(each)["a"][0] for each in stored) == [DELIVERIES, RUNS]
        async with working(hub):
            await heard(hub, bell)
            seen = [key async for key in redis.scan_iter("arq:*")]
            for key in seen:
                value = await redis.get(key)
                assert value is None or json.loads(value) is not None, key


class Mark:
    """Its unpickling makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


async def test_a_pickle_in_the_queue_never_runs_and_the_worker_goes_on(
    hub: Hub, valkey: EmbeddedValkey, redis: Redis, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    raw = pickle.dumps({"t": None, "f": "drain", "a": (Mark(mark),), "k": {}, "et": 1})
    pickle.loads(raw)  # noqa: S301 - to show that it would leave its mark
    assert mark.exists()
    mark.unlink()
    async with working(hub), outside_bell(valkey) as bell:
        await put_job(redis, "wicked", raw)
        await gone(redis, "wicked")
        assert await heard(hub, bell) < 0.9
        assert hub.supervisor.health["doorbell"].restarts == 0
    assert not mark.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"t":null,"f":"drain","a":["nobody"],"k":{},"et":1}',
        b'{"t":null,"f":"drain","a":[],"k":{},"et":1}',
        b'{"t":null,"f":"drain","a":[["runs"]],"k":{},"et":1}',
        b'{"t":null,"f":"other","a":["runs"],"k":{},"et":1}',
        b'{"t":null,"f":["drain"],"a":["runs"],"k":{},"et":1}',
        b'{"t":null,"f":"drain","a":["runs"],"k":{},"et":1000000000000000000}',
        b'{"t":"x","f":"drain","a":["runs"],"k":{},"et":1}',
        b"[]",
        b"",
    ],
)
async def test_a_job_that_makes_no_sense_is_harmless(
    hub: Hub, valkey: EmbeddedValkey, redis: Redis, raw: bytes
) -> None:
    async with working(hub), outside_bell(valkey) as bell:
        await put_job(redis, "odd", raw)
        await gone(redis, "odd")
        assert await heard(hub, bell) < 0.9
        assert hub.supervisor.health["doorbell"].restarts == 0


async def test_a_stop_gives_back_and_the_next_worker_goes_on_at_once(
    open_one: Opener, hub: Hub, till: Sink
) -> None:
    till.answer = lambda n, request: Answer(delay_s=60 if n == 0 else 0)
    async with working(hub):
        await start(hub.ledger, "shop/pass_on")
        await till.wait_for(1)
    (left,) = await hub.ledger.read(where, schema.deliveries)
    assert (left["status"], left["worker"], left["attempts"]) == ("pending", None, 0)
    async with open_one() as other, working(other):
        began = time.perf_counter()
        await till.wait_for(2)
        assert time.perf_counter() - began < 1.5
    assert len({request.key for request in till.requests}) == 1


async def test_a_heartbeat_keeps_a_delivery_longer_than_its_lease(
    open_one: Opener, till: Sink
) -> None:
    till.answer = lambda n, request: Answer(delay_s=3.5)
    async with open_one(lease_s=1) as slow, open_one(lease_s=1) as other, working(slow):
        await start(slow.ledger, "shop/pass_on")
        await till.wait_for(1)
        async with working(other), asyncio.timeout(10):
            while True:
                (row,) = await slow.ledger.read(where, schema.deliveries)
                if row["status"] == "delivered":
                    break
                assert (row["status"], row["worker"]) == ("delivering", slow.worker)
                await asyncio.sleep(0.05)
    assert (row["attempts"], row["fence"], len(till.requests)) == (1, 1, 1)


async def test_a_heartbeat_keeps_a_run_as_long_as_it_is_worked_on_and_no_longer(
    open_one: Opener,
) -> None:
    async with open_one(lease_s=1) as hub:
        run_id = await start(hub.ledger)
        claim = runs.Claim(hub.worker, "normal", 1, 1_000_000)
        (claimed,) = await hub.ledger.write(runs.CLAIM, claim)
        async with working(hub) as drains:
            held = asyncio.create_task(asyncio.Event().wait())
            drains.runs.busy[held] = claimed  # type: ignore[index]  # a task that gives True
            first_us = (await row_of(hub.ledger, run_id))["lease_until"]

            async def kept() -> bool:
                return bool(
                    (await row_of(hub.ledger, run_id))["lease_until"] > first_us + 1_500_000
                )

            await until(kept)
            del drains.runs.busy[held]  # type: ignore[arg-type]  # as above
            held.cancel()
            row = await done(hub.ledger, run_id, timeout_s=12)
    assert (row["attempt"], row["crashes"]) == (2, 0)  # it has come further since


async def test_what_a_dead_worker_held_is_swept_and_goes_on_elsewhere(hub: Hub, till: Sink) -> None:
    till.answer = lambda n, request: Answer(delay_s=60 if n == 0 else 0)
    async with working(hub):
        await start(hub.ledger, "shop/pass_on")
        await till.wait_for(1)
    run_id = await start(hub.ledger)
    (run,) = await hub.ledger.write(runs.CLAIM, runs.Claim("wrk_dead", "normal", 9, 1))
    (delivery,) = await claim_any(hub.ledger, "wrk_dead", 9, 1)
    assert run.id == run_id
    async with working(hub):
        row = await done(hub.ledger, run_id, timeout_s=12)
        await till.wait_for(2, timeout_s=12)
    assert (row["crashes"], row["attempt"], row["fence"]) == (0, 2, 2)
    assert len(await hub.ledger.read(where, schema.records)) == 2
    assert till.requests[1].key == delivery.idempotency_key


async def test_a_worker_without_places_leaves_its_rows_to_others(open_one: Opener) -> None:
    async with open_one(run_concurrency=0) as idle, working(idle):
        run_id = await start(idle.ledger)
        idle.bell.ring(RUNS)
        async with open_one() as other, working(other):
            await done(other.ledger, run_id)


_LEAVE = insert_of(schema.outbox)


def _leave(tx: Tx, left: object) -> list[None]:
    tx.many(
        _LEAVE,
        [
            {
                "id": each.id,
                "channel": each.channel,
                "event": each.event,
                "data": each.data,
                "created_at": 1,
            }
            for each in left  # type: ignore[attr-defined]  # the ledger hands on what it was given
        ],
    )
    return [None] * len(left)  # type: ignore[arg-type]  # as above


LEAVE: Write[Publication, None] = Write("leave_message", 99, _leave)


async def test_messages_that_were_left_behind_are_published_once(hub: Hub) -> None:
    left = [Publication(new_id("msg"), "news", "said", str(n)) for n in range(450)]
    for each in left:
        await hub.ledger.write(LEAVE, each)
    out_already = left[7]  # published, and not forgotten when the worker died
    await hub.channels.publish(
        [Message(out_already.id, "news", "said", out_already.data, ts=1)],
    )

    async def all_out() -> bool:
        return not await hub.ledger.read(where, schema.outbox)

    async with working(hub):
        await until(all_out)
    found = (await hub.channels.history("news", EARLIEST)).messages
    assert len(found) == 450
    assert sorted(int(message.data) for message in found) == list(range(450))
    assert {message.id for message in found} == {each.id for each in left}


async def test_a_run_whose_event_is_gone_fails_and_says_so(hub: Hub) -> None:
    run = run_start(task="shop/sell", input=None, event_id="evt_gone")
    run_id = await hub.ledger.write(runs.START, run)
    async with working(hub):
        await until(lambda: _ended(hub.ledger, run_id))
    row = await row_of(hub.ledger, run_id)
    assert (row["status"], json.loads(row["failure"])["code"]) == ("failed", "input_gone")


async def _ended(ledger: Ledger, run_id: str) -> bool:
    return (await row_of(ledger, run_id))["status"] in ("succeeded", "failed")
