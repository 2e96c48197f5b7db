"""Metrics: what a process counts, from the same facts as its log lines.

Each fact has one method, which costs less than a microsecond and never fails: counts are plain
numbers of one thread, a third of what the library's own with their locks take. The number of
series is bounded: a family has :data:`MOST_SERIES`, what comes later counts under :data:`OTHER`.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from hub.model.delivery import is_side
from hub.model.segment import StepTook
from hub.observe import families
from hub.observe.families import Family

T = TypeVar("T", bound="Count | Spread")

MOST_SERIES = 1000
_MOST_OTHERS = 100
OTHER = "(other)"
"""In place of the names that are too many."""
ADDRESS = "(address)"
"""In place of a destination, where something goes to a bare URL."""
UNKNOWN = "(unknown)"
"""In place of a source that nobody has set."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CODE = re.compile(r"[a-z0-9_]{1,60}")
_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class Count:
    """What only grows. One thread counts, so that no lock is needed."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, amount: int = 1) -> None:
        """Add to it."""
        self.value += amount


class Spread:
    """How values spread over buckets, whose upper ends ``bounds`` are; the last is open."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take a value in."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Series(Generic[T]):
    """The series of a family, each made once. The first label is the one that people name.

    Those whose last label is one of ``words`` begin with the first of the same name, at 0: what
    appears with 1 has not grown, as Prometheus sees it, and no alert would tell of it.
    """

    __slots__ = ("_family", "_known", "_make", "_words")

    def __init__(self, family: Family, make: Callable[[], T], words: tuple[str, ...] = ()) -> None:
        self._family = family
        self._make = make
        self._words = words
        self._known: dict[tuple[str, ...], T] = {} if family.labels else {(): make()}

    def of(self, *labels: str) -> T:
        """The one with these labels, or that of all the others."""
        found = self._known.get(labels)
        return found if found is not None else self._new(labels)

    def _new(self, labels: tuple[str, ...]) -> T:
        is_other = labels[0] == OTHER
        others = (OTHER, *((OTHER,) * (len(labels) - 1) if is_other else labels[1:]))
        most = MOST_SERIES + (_MOST_OTHERS if is_other else 0)
        if len(self._known) >= most and labels != others:
            return self.of(*others)
        for word in self._words:
            self._known.setdefault((*labels[:-1], word), self._make())
        return self._known.setdefault(labels, self._make())

    def by_word(self) -> Iterator[tuple[str, T]]:
        """All of them, each with its last label."""
        return ((labels[-1], each) for labels, each in dict(self._known).items() if labels)

    def told(self) -> Metric:
        """The family with all of them."""
        name, about, labels = self._family.name, self._family.help, self._family.labels
        counter = CounterMetricFamily(name, about, labels=labels)
        histogram = HistogramMetricFamily(name, about, labels=labels)
        for key, each in dict(self._known).items():
            if isinstance(each, Count):
                counter.add_metric(key, each.value)
            else:
                ends = [*map(floatToGoString, each.bounds), "+Inf"]
                upto = list(accumulate(each.counts))
                histogram.add_metric(key, list(zip(ends, upto, strict=True)), each.total)
        return counter if self._family.kind == "counter" else histogram


class Metrics(Collector):
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        registry.register(self)
        self._all: list[Series[Count] | Series[Spread]] = []

        def counter(family: Family, *words: str) -> Series[Count]:
            made = Series(family, Count, words)
            self._all.append(made)
            return made

        def histogram(family: Family) -> Series[Spread]:
            made = Series(family, lambda: Spread(family.buckets))
            self._all.append(made)
            return made

        self._requests = counter(families.REQUESTS)
        self._request_seconds = histogram(families.REQUEST_SECONDS)
        self._events = counter(families.EVENTS, "accepted", "rejected")
        self._rejections = counter(families.REJECTIONS)
        self._ingest_seconds = histogram(families.INGEST_SECONDS).of()
        self._commit_items = histogram(families.COMMIT_ITEMS).of()
        self._commit_seconds = histogram(families.COMMIT_SECONDS).of()
        self._commit_wait_seconds = histogram(families.COMMIT_WAIT_SECONDS).of()
        self._commit_failures = counter(families.COMMIT_FAILURES).of()
        self._runs = counter(families.RUNS, "succeeded", "failed")
        self._run_seconds = histogram(families.RUN_SECONDS)
        self._run_wait_seconds = histogram(families.RUN_WAIT_SECONDS)
        self._step_seconds = histogram(families.STEP_SECONDS)
        self._step_failures = counter(families.STEP_FAILURES)
        self._step_requests = counter(families.STEP_REQUESTS)
        self._attempts = counter(families.ATTEMPTS)
        self._attempt_seconds = histogram(families.ATTEMPT_SECONDS)
        self._deliveries = counter(families.DELIVERIES, "delivered", "dead")
        self._delivery_seconds = histogram(families.DELIVERY_SECONDS).of()
        self._breaker_changes = counter(families.BREAKER_CHANGES)
        self._disabled = counter(families.DISABLED)
        self._messages = counter(families.MESSAGES).of()
        self._messages_delivered = counter(families.MESSAGES_DELIVERED).of()
        self._message_seconds = histogram(families.MESSAGE_SECONDS).of()
        self._streams_cut = counter(families.STREAMS_CUT).of()
        self._streams_shed = counter(families.STREAMS_SHED).of()
        self._leases_returned = counter(families.LEASES_RETURNED)
        self._poisoned = counter(families.POISONED).of()
        self._fires = counter(families.FIRES, "fired", "missed")
        self._fire_late_seconds = histogram(families.FIRE_LATE_SECONDS).of()
        self._loop_lag_seconds = histogram(families.LOOP_LAG_SECONDS).of()

    def collect(self) -> Iterator[Metric]:
        """Everything that was counted, as prometheus_client asks for it."""
        return (each.told() for each in self._all)

    def totals(self) -> Counter[str]:
        """How much came, ran and went so far, by the words of :mod:`hub.observe.rates`."""
        found: Counter[str] = Counter()
        for series, words in (
            (self._events, {"accepted": "received", "rejected": "rejected"}),
            (self._runs, {"succeeded": "succeeded", "failed": "failed"}),
            (self._deliveries, {"delivered": "delivered", "dead": "dead"}),
        ):
            for word, count in series.by_word():
                if word in words:
                    found[words[word]] += count.value
        return found

    def request_answered(
        self, route: str, method: str, status: int | None, seconds: float | None
    ) -> None:
        """A server has answered; ``route`` is a template, ``seconds`` None of a stream."""
        known = method if method in _METHODS else OTHER
        self._requests.of(route, known, _class_of(status)).inc()
        if seconds is not None:
            self._request_seconds.of(route).observe(seconds)

    def event_received(
        self, source: str | None, fate: str, seconds: float | None, count: int = 1
    ) -> None:
        """So many events came in one request; ``source`` None where there is no such.

        ``seconds`` None where the request was counted already.
        """
        self._events.of(source or UNKNOWN, fate).inc(count)
        if seconds is not None and fate in ("accepted", "duplicate"):
            self._ingest_seconds.observe(seconds)

    def event_rejected(self, source: str | None, code: str) -> None:
        """A source refused a request, by the code of the refusal."""
        self._rejections.of(source or UNKNOWN, code if _CODE.fullmatch(code) else OTHER).inc()

    def committed(self, items: int, seconds: float, waited_s: float) -> None:
        """A group commit was made."""
        self._commit_items.observe(items)
        self._commit_seconds.observe(seconds)
        self._commit_wait_seconds.observe(waited_s)

    def commit_failed(self, items: int) -> None:
        """So many writes are not known to be committed."""
        self._commit_failures.inc(items)

    def run_claimed(self, lane: str, waited_us: int) -> None:
        """A run begins or goes on, so long after it was due."""
        self._run_wait_seconds.of(lane).observe(max(0, waited_us) / 1e6)

    def run_turned(self, task: str, outcome: str, seconds: float) -> None:
        """A turn of a run is over."""
        self._runs.of(task, outcome).inc()
        self._run_seconds.of(task).observe(seconds)

    def run_changed(self, task: str, outcome: str) -> None:
        """Somebody has retried or cancelled a run."""
        self._runs.of(task, outcome).inc()

    def steps_made(self, steps: Iterable[StepTook]) -> None:
        """Steps that touch the world, once they are committed."""
        for each in steps:
            self._step_seconds.of(each.function).observe(each.duration_us / 1e6)
            if each.failed:
                self._step_failures.of(each.function).inc()

    def step_requested(self, destination: str | None, outcome: str) -> None:
        """A step's request was answered, or was not."""
        self._step_requests.of(destination or ADDRESS, outcome).inc()

    def attempted(
        self, destination: str, outcome: str, status_code: int | None, duration_ms: int
    ) -> None:
        """An attempt of a delivery was made."""
        name = _side(destination)
        self._attempts.of(name, outcome, _class_of(status_code)).inc()
        self._attempt_seconds.of(name).observe(duration_ms / 1000)

    def settled(self, destination: str, status: str, age_us: int) -> None:
        """What an attempt meant for its delivery, which was made ``age_us`` ago."""
        self._deliveries.of(_side(destination), status).inc()
        if status == "delivered":
            self._delivery_seconds.observe(max(0, age_us) / 1e6)

    def breaker_changed(self, destination: str, change: str) -> None:
        """A breaker has opened, reopened or closed."""
        self._breaker_changes.of(_side(destination), change).inc()

    def destination_disabled(self, destination: str) -> None:
        """The hub leaves a destination alone from now on."""
        self._disabled.of(destination).inc()

    def message_heard(self, listeners: int, age_us: int) -> None:
        """A message came in for so many listeners, so long after it was published."""
        self._messages.inc()
        self._messages_delivered.inc(listeners)
        self._message_seconds.observe(max(0, age_us) / 1e6)

    def stream_cut(self) -> None:
        """A reader was too slow."""
        self._streams_cut.inc()

    def stream_shed(self) -> None:
        """A reader was sent away: the server holds as many as it may."""
        self._streams_shed.inc()

    def leases_returned(self, runs: int, deliveries: int, poisoned: int) -> None:
        """A sweep took back what silent workers held."""
        self._leases_returned.of("runs").inc(runs)
        self._leases_returned.of("deliveries").inc(deliveries)
        self._poisoned.inc(poisoned)

    def schedule_fired(self, schedule: str, outcome: str, late_us: int | None = None) -> None:
        """A schedule's time was ``fired``, ``skipped`` or ``missed``."""
        self._fires.of(schedule, outcome).inc()
        if late_us is not None:
            self._fire_late_seconds.observe(max(0, late_us) / 1e6)

    def loop_lagged(self, seconds: float) -> None:
        """The event loop went on so much later than asked."""
        self._loop_lag_seconds.observe(seconds)


def _side(destination: str) -> str:
    return ADDRESS if is_side(destination) else destination


def _class_of(status: int | None) -> str:
    return "none" if status is None or not 100 <= status < 600 else _CLASSES[status // 100]
