"""A destination that is slow or never answers leaves room for the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import update

from hub.bootstrap import load_connectors
from hub.deliver.attempt import Attempter
from hub.deliver.dispatch import Dispatcher
from hub.model.delivery import DeliveryStart
from hub.model.json import dumps_text
from hub.model.time import US_PER_S, now_us
from hub.outbound.client import Client
from hub.outbound.gates import Gates
from hub.outbound.guard import AddressPolicy
from hub.store.catalog import Catalog
from hub.store.deliveries import insert_deliveries
from hub.store.ledger import Ledger, Write, open_ledger
from hub.store.lookup import where
from hub.store.objects import PUT, PutObject
from hub.store.schema import deliveries
from hub.store.tx import Tx
from tests.databases import prepare
from tests.outbound.servers import LOOPBACK
from tests.sink import Answer, Sink, open_sink
from tests.store.make import LEASE_US, delivery_start

CAPACITY, PER_DESTINATION = 10, 4


def _queue(tx: Tx, starts: object) -> list[None]:
    insert_deliveries(tx, starts)  # type: ignore[arg-type]  # the ledger hands on what it was given
    return [None] * len(starts)  # type: ignore[arg-type]  # as above


QUEUE: Write[DeliveryStart, None] = Write("queue_delivery", 50, _queue)


class Town:
    """Two destinations, a ledger and a dispatcher over them."""

    def __init__(self, ledger: Ledger, catalog: Catalog, dispatcher: Dispatcher) -> None:
        self.ledger = ledger
        self.catalog = catalog
        self.dispatcher = dispatcher
        self.most: Counter[str] = Counter()

    async def add(self, slug: str, sink: Sink) -> None:
        """A destination."""
        body = {"connector": "standard", "url": sink.url, "retry_schedule_s": []}
        await self.ledger.write(PUT, PutObject("destination", slug, dumps_text(body)))
        await self.catalog.refresh()

    async def queue(self, slug: str, count: int) -> None:
        """Deliveries that are due."""
        writes = (self.ledger.write(QUEUE, delivery_start(slug)) for _ in range(count))
        await asyncio.gather(*writes)

    def under_way(self) -> Counter[str]:
        """How many of each destination are worked on."""
        now = Counter(each.delivery.destination for each in self.dispatcher.drain.busy.values())
        self.most |= now
        return now

    async def delivered(self, count: int) -> None:
        """Wait until so many are; nobody wakes the drain meanwhile."""
        async with asyncio.timeout(10):
            while True:
                self.under_way()
                rows = await self.ledger.read(where, deliveries, status="delivered")
                if len(rows) >= count:
                    return


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.002)


@pytest_asyncio.fixture
async def town(tmp_path: Path, redis: Redis) -> AsyncIterator[Town]:
    """Over SQLite, with ten places, four for a destination."""
    prepare(None, tmp_path)
    ledger = await open_ledger(None, tmp_path)
    catalog = Catalog(ledger, {})
    async with Client(AddressPolicy(allow=LOOPBACK)) as client:
        gates, connectors = Gates(redis), load_connectors()
        dispatcher = Dispatcher(
            ledger,
            catalog,
            gates,
            Attempter(ledger, catalog, client, connectors, report=gates.report),
            connectors,
            worker="wrk_1",
            lease_us=LEASE_US,
            capacity=CAPACITY,
            per_destination=PER_DESTINATION,
        )
        yield Town(ledger, catalog, dispatcher)
        await dispatcher.drain.stop(0)
        await gates.close()
    await ledger.close()


@pytest_asyncio.fixture
async def slow(town: Town) -> AsyncIterator[Sink]:
    """A destination that answers when it is told."""
    async with open_sink() as sink:
        sink.answer = lambda n, request: Answer(delay_s=60)
        await town.add("slow", sink)
        yield sink


@pytest_asyncio.fixture
async def fast(town: Town) -> AsyncIterator[Sink]:
    """One that answers at once."""
    async with open_sink() as sink:
        await town.add("fast", sink)
        yield sink


async def test_a_destination_that_does_not_answer_leaves_places_for_the_others(
    town: Town, slow: Sink, fast: Sink
) -> None:
    await town.queue("slow", 40)
    await town.queue("fast", 40)
    assert town.dispatcher.drain.wake()
    await town.delivered(40)
    await until(lambda: town.under_way() == Counter(slow=PER_DESTINATION))
    assert len(fast.requests) == 40
    assert len(slow.requests) == PER_DESTINATION


@pytest.mark.parametrize("before", range(1, PER_DESTINATION))
async def test_a_destination_never_has_more_than_its_places(
    town: Town, slow: Sink, before: int
) -> None:
    await town.queue("slow", before)
    town.dispatcher.drain.wake()
    await slow.wait_for(before)
    await town.queue("slow", 40)
    for _ in range(3):
        await town.dispatcher.drain.drain()
        assert town.under_way()["slow"] <= PER_DESTINATION
    assert town.most["slow"] > PER_DESTINATION // 2


async def test_a_destination_that_was_passed_over_is_served_as_soon_as_it_has_room(
    town: Town, slow: Sink
) -> None:
    slow.answer = lambda n, request: Answer(delay_s=0.05)
    await town.queue("slow", 30)
    town.dispatcher.drain.wake()
    await town.delivered(30)
    assert len(slow.requests) == 30
    assert 1 < town.most["slow"] <= PER_DESTINATION


async def test_deliveries_that_come_while_a_destination_is_full_are_not_forgotten(
    town: Town, slow: Sink, fast: Sink
) -> None:
    slow.answer = lambda n, request: Answer(delay_s=0.2)
    await town.queue("slow", PER_DESTINATION)
    town.dispatcher.drain.wake()
    await slow.wait_for(PER_DESTINATION)
    await town.queue("slow", 3)
    await town.queue("fast", 3)
    town.dispatcher.drain.wake()
    await fast.wait_for(3)
    assert len(slow.requests) == PER_DESTINATION
    await town.delivered(PER_DESTINATION + 6)


@pytest.mark.parametrize("took", [False, True])
async def test_a_destination_that_takes_nothing_for_days_is_disabled(
    town: Town, fast: Sink, took: bool
) -> None:
    """What it took since counts, however much it refused."""
    if took:
        await town.queue("fast", 1)
        town.dispatcher.drain.wake()
        await town.delivered(1)
    fast.answer = lambda n, request: Answer(500)
    await town.queue("fast", 1)
    long_ago = now_us() - 3 * 86_400 * US_PER_S
    await town.ledger.engine.transact(
        lambda tx: tx.run(update(deliveries).values(created_at=long_ago))
    )
    await town.dispatcher.drain.drain()
    await until(lambda: not town.dispatcher.drain.busy)
    await town.catalog.refresh()
    destination = town.catalog.now.destinations["fast"]
    assert destination.takes is took
    assert (destination.state_reason or "").startswith("" if took else "It has taken nothing for 3")
    await town.queue("fast", 1)
    await town.dispatcher.drain.drain()
    await until(lambda: not town.dispatcher.drain.busy)
    assert len(fast.requests) == (3 if took else 1)


async def test_a_destination_that_is_gone_from_the_catalog_makes_a_dead_letter(town: Town) -> None:
    await town.queue("nowhere", 1)
    await town.dispatcher.drain.drain()
    await until(lambda: not town.dispatcher.drain.busy)
    (row,) = await town.ledger.read(where, deliveries, destination="nowhere")
    assert row["status"] == "dead"
    assert "'nowhere'" in row["reason"]
