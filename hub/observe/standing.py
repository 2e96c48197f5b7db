"""What is told of metrics but not counted: how a process, and the whole hub, stand right now.

The whole hub is looked at in the ledger and in Redis, once in :data:`KEPT_S` however many ask; a
part that does not answer is left out, and nobody waits for it longer than a moment.
"""

import asyncio
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub.errors import StoreError
from hub.expr import LANES
from hub.jobs import Doorbell
from hub.model.delivery import is_side
from hub.observe import families
from hub.observe.deliveries import DeliveryNews
from hub.observe.families import Family
from hub.observe.metrics import ADDRESS, MOST_SERIES, Metrics
from hub.observe.supervise import Supervisor
from hub.outbound.gates import Gates
from hub.store.ledger import Ledger
from hub.store.standing import Queued, Standing, standing

KEPT_S = 10.0
_PATIENCE_S = 3.0
_LOOP_S = 0.25
_STATES = {"closed": 0, "half_open": 1, "open": 2}
_log = structlog.get_logger("hub.metrics")


@dataclass(frozen=True, slots=True)
class Process:
    """The parts of a process that keep counts of their own."""

    ledger: Ledger
    bell: Doorbell
    supervisor: Supervisor
    news: DeliveryNews
    streams: Callable[[], int]
    """How many live streams are open."""

    def metrics(self) -> Iterator[Metric]:
        """What they say now."""
        release = version("webhook-hub")
        yield _gauge(families.BUILD, {(release, platform.python_version(), self.ledger.dialect): 1})
        yield _gauge(families.COMMIT_WAITING, {(): self.ledger.waiting})
        yield _gauge(families.STREAMS, {(): self.streams()})
        yield _counter(families.NEWS_DROPPED, {(): self.news.dropped})
        health = dict(self.supervisor.health)
        yield _counter(families.RESTARTS, {(n,): each.restarts for n, each in health.items()})
        yield _gauge(
            families.TROUBLED, {(n,): each.trouble is not None for n, each in health.items()}
        )
        yield _counter(families.RINGS, {(n,): count for n, count in dict(self.bell.rung).items()})
        yield _counter(families.RINGS_LOST, {(): self.bell.lost})
        drains = dict(self.bell.drains)
        yield _counter(families.CLAIMS, {(n,): each.claims for n, each in drains.items()})
        yield _counter(families.CLAIMED, {(n,): each.claimed for n, each in drains.items()})
        yield _gauge(families.BUSY, {(n,): len(each.busy) for n, each in drains.items()})
        yield _gauge(families.CAPACITY, {(n,): each.capacity for n, each in drains.items()})


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of the whole hub, and when, by the monotonic clock."""

    at_s: float
    standing: Standing | None
    """None where the ledger did not answer."""
    breakers: dict[str, str]
    """States by destination; none where Redis did not answer."""


class WholeHub:
    """Looks at the whole hub, for its servers."""

    def __init__(
        self,
        ledger: Ledger,
        gates: Gates,
        destinations: Callable[[], Iterable[str]],
        files_limit: int,
    ) -> None:
        self._ledger = ledger
        self._gates = gates
        self._destinations = destinations
        self._files_limit = files_limit
        self._look: Look | None = None
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """See how it stands, unless that was seen a moment ago."""
        async with self._looking:
            if self._look is None or time.monotonic() - self._look.at_s >= KEPT_S:
                self._look = await self._seen()

    async def _seen(self) -> Look:
        began_s = time.monotonic()
        found, breakers = await asyncio.gather(self._in_ledger(), self._in_redis())
        return Look(began_s, found, breakers)

    async def _in_ledger(self) -> Standing | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._ledger.read(standing, LANES)
        except (StoreError, TimeoutError) as error:
            _log.warning("standing.missed", of="ledger", error=str(error))
            return None

    async def _in_redis(self) -> dict[str, str]:
        names = sorted(self._destinations())[:MOST_SERIES]
        try:
            states = await self._gates.states(names)
        except StoreError as error:
            _log.warning("standing.missed", of="redis", error=error.message)
            return {}
        return dict(zip(names, (each.state for each in states), strict=True))

    def metrics(self) -> Iterator[Metric]:
        """What was seen."""
        look = self._look
        if look is None:
            return
        yield _gauge(families.STANDING_AGE, {(): time.monotonic() - look.at_s})
        yield _gauge(
            families.BREAKER_STATE, {(n,): _STATES[state] for n, state in look.breakers.items()}
        )
        if look.standing is not None:
            yield from _of_ledger(look.standing)
        yield _gauge(families.FILES_LIMIT, {(): self._files_limit})


def _of_ledger(seen: Standing) -> Iterator[Metric]:
    lanes, names = seen.lanes, seen.destinations
    yield _by_name(families.RUNS_DUE, lanes, lambda each: each.due)
    yield _by_name(families.RUNS_LATER, lanes, lambda each: each.later)
    yield _by_name(families.RUNS_RUNNING, lanes, lambda each: each.running)
    yield _by_name(families.RUNS_OLDEST_SECONDS, lanes, _age_s)
    yield _gauge(families.RUNS_HELD, {(): seen.runs_held})
    yield _by_name(families.DELIVERIES_DUE, names, lambda each: each.due)
    yield _by_name(families.DELIVERIES_LATER, names, lambda each: each.later)
    yield _by_name(families.DELIVERIES_OLDEST_SECONDS, names, _age_s, together=max)
    yield _gauge(families.DEAD_LETTERS, {(): seen.dead_letters})
    yield _gauge(families.OUTBOX, {(): seen.outbox})
    yield _gauge(families.FILES_BYTES, {(): seen.files_bytes})


def _age_s(queued: Queued) -> float:
    return max(0, queued.oldest_due_us or 0) / 1e6


def _by_name(
    family: Family,
    queued: Mapping[str, Queued],
    value: Callable[[Queued], float],
    together: Callable[[float, float], float] = lambda one, other: one + other,
) -> Metric:
    """A series for each name; bare addresses are one."""
    values: dict[tuple[str, ...], float] = {}
    for name, each in queued.items():
        label = (ADDRESS if is_side(name) else name,)
        found = value(each)
        values[label] = together(values[label], found) if label in values else found
    return _gauge(family, values)


def _gauge(family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


def _counter(family: Family, values: Mapping[tuple[str, ...], float]) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric


class Told(Collector):
    """Tells a registry what parts say whenever it is asked."""

    def __init__(self, say: Callable[[], Iterable[Metric]]) -> None:
        self._say = say

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        return self._say()


def tell(registry: CollectorRegistry, part: Process | WholeHub) -> None:
    """Have a part told of with all else."""
    registry.register(Told(part.metrics))


async def follow_loop(metrics: Metrics) -> None:
    """Measure for ever how late the event loop is; the supervisor runs it."""
    loop = asyncio.get_running_loop()
    while True:
        wanted = loop.time() + _LOOP_S
        await asyncio.sleep(_LOOP_S)
        metrics.loop_lagged(max(0.0, loop.time() - wanted))
