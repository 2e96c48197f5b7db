"""The worker: hears the doorbell, drains the queues, keeps its leases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from arq.cron import cron
from arq.worker import Worker, func
from redis.exceptions import RedisError

from hub import keys
from hub.bootstrap import Hub
from hub.deliver.attempt import Attempter
from hub.deliver.dispatch import Dispatcher
from hub.errors import StoreError
from hub.jobs import DRAIN_S, Drain, connect_jobs, deserialize, serialize
from hub.model.run import DEFAULT_LANE, ClaimedRun
from hub.model.time import US_PER_S
from hub.run.execute import Executor
from hub.run.numbers import Numbers
from hub.run.publish import Publisher
from hub.run.world import LedgerWorld
from hub.store.events import PRUNE_DEDUP
from hub.store.leases import GIVE_BACK, HEARTBEAT, SWEEP, Heartbeat
from hub.store.queues import RUNS
from hub.store.runs import CLAIM, Claim, has_due_runs

_TICK_S = 1.0
POLL_S = 0.01
"""How often a worker apart asks for rings: most of an idle hub's latency."""
POLL_BESIDE_SERVER_S = 0.2
"""The same beside a server, whose rings stay in the process."""
_JOB_TIMEOUT_S = 15
_SWEEP_SECONDS = set(range(0, 60, 5))
_log = structlog.get_logger("hub.worker")


class Drains:
    """This worker's drains, by the names of their queues."""

    def __init__(self, hub: Hub, publisher: Publisher) -> None:
        settings, ledger = hub.settings, hub.ledger
        lease_us = int(settings.lease_s * US_PER_S)
        numbers = Numbers(ledger)
        executor = Executor(
            ledger,
            hub.catalog,
            lambda stack: LedgerWorld(
                stack, ledger, hub.catalog, numbers, publisher, hub.bell, settings.timezone
            ),
        )

        async def claim(most: int) -> list[ClaimedRun]:
            return await ledger.write(CLAIM, Claim(hub.worker, DEFAULT_LANE, most, lease_us))

        async def has_due() -> bool:
            return await ledger.read(has_due_runs, DEFAULT_LANE)

        self.runs = Drain(RUNS, settings.run_concurrency, claim, executor.execute, has_due)
        self.deliveries = Dispatcher(
            ledger,
            Attempter(ledger, hub.catalog, hub.client, hub.connectors),
            worker=hub.worker,
            lease_us=lease_us,
            capacity=settings.deliver_concurrency,
            per_destination=settings.deliver_per_destination,
        ).drain
        self.by_name: dict[str, Drain[Any]] = {
            drain.name: drain for drain in (self.runs, self.deliveries)
        }


@asynccontextmanager
async def working(hub: Hub, poll_s: float = POLL_S) -> AsyncIterator[Drains]:
    """Work until the end of the block; then finish what is under way, or give it back."""
    publisher = Publisher(hub.ledger, hub.channels)
    drains = Drains(hub, publisher)
    for drain in drains.by_name.values():
        hub.bell.attach(drain)
    start = hub.supervisor.start
    start("publisher", publisher.run)
    start("doorbell", lambda: _hear(hub, drains, poll_s))
    start("tick", lambda: _tick(drains))
    start("heartbeat", lambda: _keep_leases(hub, drains))
    try:
        yield drains
    finally:
        grace_s = hub.settings.stop_grace_s
        await asyncio.gather(*(drain.stop(grace_s) for drain in drains.by_name.values()))
        with suppress(StoreError):
            returned = await hub.ledger.write(GIVE_BACK, hub.worker)
            _log.info("worker.stopped", runs=returned.runs, deliveries=returned.deliveries)


async def _hear(hub: Hub, drains: Drains, poll_s: float) -> None:
    """Run arq until it fails; the supervisor starts it again."""

    attended: set[str] = set()

    async def drain(ctx: dict[str, Any], name: str) -> str:
        found = drains.by_name.get(name)
        if found is not None and name not in attended:
            attended.add(name)
            try:
                async with asyncio.timeout(DRAIN_S + 1):
                    await found.drain()
            finally:
                attended.discard(name)
        return name

    async def look_again(ctx: dict[str, Any]) -> None:
        """A ring between the last look and the end of its job was dropped: look once more."""
        with suppress(StoreError):  # the tick looks too
            for drain in drains.by_name.values():
                if drain.open and drain.name not in attended and await drain.has_due():
                    hub.bell.ring(drain.name)

    async def sweep(ctx: dict[str, Any]) -> None:
        returned = await hub.ledger.write(SWEEP, None)
        if returned.runs or returned.deliveries or returned.poisoned:
            _log.warning(
                "leases.returned",
                runs=returned.runs,
                deliveries=returned.deliveries,
                poisoned=returned.poisoned,
            )
        for name in drains.by_name:
            hub.bell.ring(name)

    async def prune(ctx: dict[str, Any]) -> None:
        await hub.ledger.write(PRUNE_DEDUP, 0)

    redis = connect_jobs(hub.redis_url)
    worker = Worker(
        functions=[
            func(drain, name="drain", keep_result=0, timeout=_JOB_TIMEOUT_S, max_tries=1000)
        ],
        cron_jobs=[
            cron(sweep, name="sweep", second=_SWEEP_SECONDS, keep_result=10),
            cron(prune, name="prune", minute={7}, keep_result=10),
        ],
        queue_name=keys.JOBS,
        redis_pool=redis,
        handle_signals=False,
        after_job_end=look_again,
        poll_delay=poll_s,
        max_jobs=len(drains.by_name),  # while each queue is attended there is nothing to ask for
        job_timeout=_JOB_TIMEOUT_S,
        keep_result=0,
        job_serializer=serialize,
        job_deserializer=deserialize,
        log_results=False,
    )
    try:
        await worker.main()
    finally:
        for task in worker.tasks.values():
            task.cancel()
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        with suppress(RedisError, OSError):
            await redis.aclose(close_connection_pool=True)


async def _tick(drains: Drains) -> None:
    """Look by itself: a ring can be lost."""
    while True:
        for drain in drains.by_name.values():
            drain.wake()
        await asyncio.sleep(_TICK_S)


async def _keep_leases(hub: Hub, drains: Drains) -> None:
    """Keep what is under way; the ledger's fencing stops whoever lost it.

    Each row by its id: what this worker holds and no longer works on has to become overdue.
    """
    lease_us = int(hub.settings.lease_s * US_PER_S)
    while True:
        await asyncio.sleep(hub.settings.lease_s / 4)
        runs = tuple(run.id for run in drains.runs.busy.values())
        deliveries = tuple(each.id for each in drains.deliveries.busy.values())
        if runs or deliveries:
            await hub.ledger.write(HEARTBEAT, Heartbeat(hub.worker, lease_us, runs, deliveries))
