"""The worker: hears the doorbell and drains the queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from arq.cron import cron
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import RedisError

from hub import fault_points, keys
from hub.bootstrap import Hub, terms_of
from hub.deliver.attempt import Attempter
from hub.deliver.dispatch import Dispatcher
from hub.ending import let_end
from hub.errors import StoreError
from hub.expr import LANES
from hub.jobs import DRAIN_S, Drain, connect_jobs, deserialize, serialize
from hub.model.run import ClaimedRun
from hub.retention.pruning import Pruner
from hub.run.event_waits import EventWaits
from hub.run.lanes import Turns, open_lanes
from hub.run.left_rows import return_left_rows
from hub.run.runner import Runner
from hub.run.scheduling import Scheduler
from hub.store.leases import SWEEP
from hub.store.queues import RUNS
from hub.store.runs import CLAIM_ANY, ClaimAny, has_due_within

_TICK_S = 1.0
POLL_S = 0.01
"""How often a worker apart asks for rings: most of an idle hub's latency."""
POLL_BESIDE_SERVER_S = 0.2
"""The same beside a server, whose rings stay in the process."""
_JOB_TIMEOUT_S = 15
_BEAT_S = 15
_SWEEP_SECONDS = set(range(0, 60, 5))
_FILES_MINUTES = set(range(3, 60, 10))
_FILES_S = 60
_JOBS_END_S = 1.0
_log = structlog.get_logger("hub.worker")


class Drains:
    """This worker's drains, by the names of their queues."""

    def __init__(self, hub: Hub, runner: Runner) -> None:
        settings, ledger = hub.settings, hub.ledger

        turns = Turns()

        async def claim(most: int) -> list[ClaimedRun]:
            lanes, without = open_lanes(turns.next(), hub.catalog.now)
            wanted = ClaimAny(hub.worker, most, runner.lease_us, lanes, without)
            claimed = await ledger.write(CLAIM_ANY, wanted)
            self._is_blocked = claimed.is_blocked
            if claimed.runs:  # what was set before they were queued has to be known to them
                fault_points.at("run.claimed")
                with suppress(StoreError):  # they are claimed already, and will see it themselves
                    await hub.catalog.refresh()
            return claimed.runs

        async def has_due() -> bool:
            return await ledger.read(has_due_within, *open_lanes(LANES, hub.catalog.now))

        async def execute(run: ClaimedRun) -> None:
            try:
                await runner.executor.execute(run)
            finally:
                # what waits for its key, or for a place in its lane
                if self._is_blocked or run.concurrency_key is not None:
                    self.runs.wake()

        self._is_blocked = False
        self.runs = Drain(RUNS, settings.run_concurrency, claim, execute, has_due)
        self.deliveries = Dispatcher(
            ledger,
            hub.catalog,
            hub.gates,
            Attempter(
                ledger,
                hub.catalog,
                hub.client,
                hub.connectors,
                report=hub.gates.report,
                told=runner.announcer.disabled,
                settled=hub.delivery_news.settled,
                metrics=hub.metrics,
                tracing=hub.tracing,
            ),
            hub.connectors,
            worker=hub.worker,
            lease_us=runner.lease_us,
            capacity=settings.deliver_concurrency,
            per_destination=settings.deliver_per_destination,
        ).drain
        self.by_name: dict[str, Drain[Any]] = {
            drain.name: drain for drain in (self.runs, self.deliveries)
        }

    def held(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The runs and the deliveries that are being worked on."""
        return (
            tuple(run.id for run in self.runs.busy.values()),
            tuple(each.delivery.id for each in self.deliveries.busy.values()),
        )


@asynccontextmanager
async def working(hub: Hub, runner: Runner, poll_s: float = POLL_S) -> AsyncIterator[Drains]:
    """Work until the end of the block; then finish what is under way."""
    drains = Drains(hub, runner)
    runner.held = drains.held
    runner.working = lambda: drains.runs.busy
    for drain in drains.by_name.values():
        hub.bell.attach(drain)
    start = hub.supervisor.start
    pruner = Pruner(
        hub.ledger, lambda: terms_of(hub.settings).with_sources(hub.catalog.now.sources)
    )
    start("doorbell", lambda: _hear(hub, drains, pruner, poll_s))
    start("retention", pruner.follow)
    start("tick", lambda: _tick(drains))
    scheduler = Scheduler(hub.ledger, hub.catalog, hub.bell, hub.settings.timezone, hub.metrics)
    start("schedules", scheduler.follow)
    start("event waits", EventWaits(hub.ledger, hub.bell).follow)
    try:
        yield drains
    finally:
        grace_s = hub.settings.stop_grace_s
        await asyncio.gather(*(drain.stop(grace_s) for drain in drains.by_name.values()))


async def _hear(hub: Hub, drains: Drains, pruner: Pruner, poll_s: float) -> None:
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
        hub.metrics.leases_returned(returned.runs, returned.deliveries, returned.poisoned)
        if returned.runs or returned.deliveries or returned.poisoned:
            _log.warning(
                "leases.returned",
                runs=returned.runs,
                deliveries=returned.deliveries,
                poisoned=returned.poisoned,
            )
        for name in drains.by_name:
            hub.bell.ring(name)

    async def return_rows(ctx: dict[str, Any]) -> None:
        await return_left_rows(hub.ledger, hub.catalog)

    async def prune(ctx: dict[str, Any]) -> None:
        """Told to one worker in each minute: it takes longer than a job should."""
        pruner.begin()

    redis = connect_jobs(hub.redis_url)
    worker = Worker(
        functions=[
            func(drain, name="drain", keep_result=0, timeout=_JOB_TIMEOUT_S, max_tries=1000)
        ],
        cron_jobs=[
            cron(sweep, name="sweep", second=_SWEEP_SECONDS, keep_result=10),
            cron(return_rows, name="return_rows", second={30}, keep_result=10),
            cron(prune, name="prune", second={20}, keep_result=10),
            cron(
                _sweeping_files(hub),
                name="sweep_files",
                minute=_FILES_MINUTES,
                second={45},
                timeout=_FILES_S,
                keep_result=10,
            ),
        ],
        queue_name=keys.JOBS,
        redis_pool=redis,
        health_check_interval=_BEAT_S,
        health_check_key=keys.BEAT,
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
        # arq writes a job's end down behind a shield, with connections of its own
        await let_end(worker.tasks.values(), _JOBS_END_S)
        with suppress(RedisError, OSError):
            await redis.aclose(close_connection_pool=True)


def _sweeping_files(hub: Hub) -> WorkerCoroutine:
    async def sweep_files(ctx: dict[str, Any]) -> None:
        await hub.filing.sweep()

    return sweep_files


async def _tick(drains: Drains) -> None:
    """Look by itself: a ring can be lost."""
    while True:
        for drain in drains.by_name.values():
            drain.wake()
        await asyncio.sleep(_TICK_S)
