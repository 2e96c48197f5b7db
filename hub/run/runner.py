"""The runner: what a process needs to carry runs out, its leases included."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

from hub import fault_points
from hub.alert.lookout import Lookout
from hub.bootstrap import Hub
from hub.deliver.announce import Announcer
from hub.errors import StoreError
from hub.model.run import DEFAULT_LANE, ClaimedRun, RunStart
from hub.model.time import US_PER_S
from hub.run.answers import Answers
from hub.run.datasets import FiledDataSets
from hub.run.execute import Executor
from hub.run.publish import Publisher
from hub.run.requests import Requests
from hub.run.world import LedgerWorld
from hub.stack.ports import Notified
from hub.store.leases import GIVE_BACK, HEARTBEAT, Heartbeat
from hub.store.queues import RUNS
from hub.store.runs import BEGIN, START, Begin

_LONGEST_BEAT_S = 1.0
"""Twice as long a cancelled run may still wait for the answer to a request."""
_log = structlog.get_logger("hub.runner")


class Runner:
    """Executes runs of this process: those that a worker has claimed, and endpoints' own."""

    def __init__(self, hub: Hub, publisher: Publisher, announcer: Announcer) -> None:
        requests = Requests(hub.catalog, hub.client, hub.connectors, hub.gates)
        self.announcer = announcer
        zone = hub.settings.timezone
        self.datasets = FiledDataSets(
            hub.filing,
            hub.client,
            hub.catalog,
            hub.settings.data / "downloads",
            hub.settings.root,
        )
        world = LedgerWorld(
            hub.ledger,
            hub.catalog,
            publisher,
            hub.bell,
            requests,
            zone,
            root=hub.settings.root,
            datasets=self.datasets,
            notified=Notified(hub.settings.notify_destinations, hub.settings.told_of_errors),
        )
        self._hub = hub
        self.answers: Answers = world.answers
        self.executor = Executor(hub.ledger, hub.catalog, world)
        self.lease_us = int(hub.settings.lease_s * US_PER_S)
        self.busy: dict[asyncio.Task[None], ClaimedRun] = {}
        """Runs that this process began itself."""
        self._missing: set[tuple[str, int]] = set()
        self.working: Callable[[], Mapping[asyncio.Task[None], ClaimedRun]] = dict
        """The runs that a worker in this process is at."""
        self.held: Callable[[], tuple[tuple[str, ...], tuple[str, ...]]] = lambda: ((), ())
        """The runs and deliveries that a worker in this process has claimed."""

    async def begin(self, start: RunStart) -> tuple[str, "asyncio.Task[None] | None"]:
        """Commit a run and carry it out here and now, under a lease.

        Gives its id, and what is done when it has ended or is parked; of a run with the same task
        and idempotency key only the id of the first. What is paused, or has to wait for another
        run with its key, is queued.
        """
        if self._hub.catalog.now.is_paused(start.task, start.lane or DEFAULT_LANE):
            return await self._hub.ledger.write(START, start), None
        begun = await self._hub.ledger.write(BEGIN, Begin(start, self._hub.worker, self.lease_us))
        fault_points.at("endpoint.begun")
        if begun.run is None:
            return begun.run_id, None
        task = asyncio.create_task(self.executor.execute(begun.run), name="endpoint-run")
        self.busy[task] = begun.run
        task.add_done_callback(self._ended)
        return begun.run_id, task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.busy.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("work.crashed", queue=RUNS, exc_info=task.exception())

    async def beat(self) -> None:
        """Keep the leases of what this process works on; the ledger's fencing stops who lost one.

        Each row by its id: what it holds and no longer works on has to become overdue.
        """
        runs, deliveries = self.held()
        runs += tuple(run.id for run in self.busy.values())
        if runs or deliveries:
            beat = Heartbeat(self._hub.worker, self.lease_us, runs, deliveries)
            held = await self._hub.ledger.write(HEARTBEAT, beat)
            self._let_go(runs, held.runs)

    def _let_go(self, asked: Collection[str], held: Mapping[str, int]) -> None:
        """End the work on runs that were cancelled, or taken over by another worker.

        They are missing in two beats: one that has just ended is missing in one.
        """
        missing = {
            (run.id, run.fence): task
            for task, run in [*self.busy.items(), *self.working().items()]
            if run.id in asked and held.get(run.id) != run.fence
        }
        for key in missing.keys() & self._missing:
            _log.warning("run.abandoned", run=key[0])
            missing[key].cancel()
        self._missing = set(missing)

    async def stop(self, grace_s: float) -> None:
        """Let what began here end, then cancel it."""
        if self.busy:
            await asyncio.wait(self.busy, timeout=grace_s)
        for task in list(self.busy):
            task.cancel()
        if self.busy:
            await asyncio.wait(self.busy)


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[Runner]:
    """A runner until the end of the block; what it could not finish is given back."""
    publisher = Publisher(hub.ledger, hub.channels)
    announcer = Announcer(hub)
    hub.gates.on_change = announcer.breaker
    hub.ledger.on_told = publisher.publish
    runner = Runner(hub, publisher, announcer)
    hub.supervisor.start("publisher", publisher.run)
    hub.supervisor.start("delivery news", hub.delivery_news.follow)
    hub.supervisor.start("heartbeat", lambda: _beat(hub, runner))
    hub.supervisor.start("downloads", runner.datasets.sweep)
    hub.supervisor.start("alerts", Lookout(hub).follow)
    try:
        yield runner
    finally:
        await runner.stop(hub.settings.stop_grace_s)
        await announcer.close()
        with suppress(StoreError):
            returned = await hub.ledger.write(GIVE_BACK, hub.worker)
            _log.info("runner.stopped", runs=returned.runs, deliveries=returned.deliveries)


async def _beat(hub: Hub, runner: Runner) -> None:
    while True:
        await asyncio.sleep(min(hub.settings.lease_s / 4, _LONGEST_BEAT_S))
        await runner.beat()
