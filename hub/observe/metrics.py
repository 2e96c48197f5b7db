"""Metrics: what a process counts, from the same facts as its log lines.

Each fact has one method, which costs a microsecond or two and never fails. The number of series
is bounded: a family has :data:`MOST_SERIES`, and what comes later counts under :data:`OTHER`.
"""

import re
from collections.abc import Iterable
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

from hub.model.delivery import is_side
from hub.model.segment import StepTook
from hub.observe import families
from hub.observe.families import Family

T = TypeVar("T", bound=MetricWrapperBase)

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
disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series, for nobody


class Series(Generic[T]):
    """The series of a family, each made once. The first label is the one that people name.

    Those whose last label is one of ``words`` begin with the first of the same name, at 0: what
    appears with 1 has not grown, as Prometheus sees it, and no alert would tell of it.
    """

    __slots__ = ("_known", "_parent", "_words")

    def __init__(self, parent: T, words: tuple[str, ...] = ()) -> None:
        self._parent = parent
        self._words = words
        self._known: dict[tuple[str, ...], T] = {}

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
            also = (*labels[:-1], word)
            if also not in self._known:
                self._known[also] = self._parent.labels(*also)
        made = self._known[labels] = self._parent.labels(*labels)
        return made


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)

        def counter(family: Family) -> Counter:
            return Counter(family.name, family.help, family.labels, registry=registry)

        def histogram(family: Family) -> Histogram:
            return Histogram(
                family.name,
                family.help,
                family.labels,
                registry=registry,
                buckets=family.buckets,
            )

        self._requests = Series(counter(families.REQUESTS))
        self._request_seconds = Series(histogram(families.REQUEST_SECONDS))
        self._events = Series(counter(families.EVENTS), ("accepted", "rejected"))
        self._rejections = Series(counter(families.REJECTIONS))
        self._ingest_seconds = histogram(families.INGEST_SECONDS)
        self._commit_items = histogram(families.COMMIT_ITEMS)
        self._commit_seconds = histogram(families.COMMIT_SECONDS)
        self._commit_wait_seconds = histogram(families.COMMIT_WAIT_SECONDS)
        self._commit_failures = counter(families.COMMIT_FAILURES)
        self._runs = Series(counter(families.RUNS), ("succeeded", "failed"))
        self._run_seconds = Series(histogram(families.RUN_SECONDS))
        self._run_wait_seconds = Series(histogram(families.RUN_WAIT_SECONDS))
        self._step_seconds = Series(histogram(families.STEP_SECONDS))
        self._step_failures = Series(counter(families.STEP_FAILURES))
        self._step_requests = Series(counter(families.STEP_REQUESTS))
        self._attempts = Series(counter(families.ATTEMPTS))
        self._attempt_seconds = Series(histogram(families.ATTEMPT_SECONDS))
        self._deliveries = Series(counter(families.DELIVERIES), ("delivered", "dead"))
        self._delivery_seconds = histogram(families.DELIVERY_SECONDS)
        self._breaker_changes = Series(counter(families.BREAKER_CHANGES))
        self._disabled = Series(counter(families.DISABLED))
        self._messages = counter(families.MESSAGES)
        self._messages_delivered = counter(families.MESSAGES_DELIVERED)
        self._message_seconds = histogram(families.MESSAGE_SECONDS)
        self._streams_cut = counter(families.STREAMS_CUT)
        self._streams_shed = counter(families.STREAMS_SHED)
        self._leases_returned = Series(counter(families.LEASES_RETURNED))
        self._poisoned = counter(families.POISONED)
        self._fires = Series(counter(families.FIRES), ("fired", "missed"))
        self._fire_late_seconds = histogram(families.FIRE_LATE_SECONDS)
        self._loop_lag_seconds = histogram(families.LOOP_LAG_SECONDS)

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
