"""Traces: event, run, step and attempt as the spans of one trace, where somebody takes them.

Spans are written when what they tell of is over, from the same facts as the log lines. A run
carries its ``traceparent`` in its context; that of a delivery follows from its run or its event.
Without OpenTelemetry there is no :class:`Tracing`, and rooms ask for no more than that.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from hub.errors import StoreError
from hub.model.delivery import ClaimedDelivery, Settlement
from hub.model.event import Arrival, Receipt
from hub.model.json import Json, dumps_text, loads
from hub.model.run import ClaimedRun, RunStart
from hub.model.segment import Segment
from hub.model.trace import HEADER, Trace, span_of, trace_of
from hub.observe.metrics import UNKNOWN
from hub.stack.journal import decode
from hub.store.ledger import Ledger
from hub.store.lookup import one
from hub.store.schema import events, runs
from hub.store.tx import Tx

Kind = Literal["internal", "server", "client", "consumer"]
Attribute = str | int | bool | float

MOST_KNOWN = 10_000
MOST_STEPS = 200
"""So many steps of a segment are told, the last ones."""
CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The span that this task works for."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that is over. Times are microseconds since the epoch."""

    name: str
    trace: Trace
    parent: Trace | None
    start_us: int
    end_us: int
    kind: Kind = "internal"
    attributes: Mapping[str, Attribute | None] = field(default_factory=dict)
    error: str | None = None
    """Why it failed, if it did."""


class Writer(Protocol):
    """Takes spans to whoever collects them."""

    def samples(self, parent: Trace | None, trace_id: int, name: str) -> bool:
        """Whether a trace that begins here, or comes in, is written."""
        ...

    def write(self, span: Span) -> None:
        """Take a span; returns at once."""
        ...

    async def close(self) -> None:
        """Hand on what was taken, for a moment at most."""
        ...


class Tracing:
    """Makes the spans of a process."""

    def __init__(self, writer: Writer, ledger: Ledger) -> None:
        self._writer = writer
        self._ledger = ledger
        self._known: OrderedDict[str, Trace] = OrderedDict()

    def begin(self, field: str | None, an_id: str, name: str) -> tuple[Trace, Trace | None]:
        """The place of what an id stands for, and the one above it if it was called from one.

        ``field`` is the ``traceparent`` that came with it.
        """
        parent = Trace.parse(field)
        trace_id = trace_of(an_id) if parent is None else parent.trace_id
        sampled = self._writer.samples(parent, trace_id, name)
        return Trace(trace_id, span_of(an_id), sampled), parent

    def enter(self, field: str | None, name: str) -> tuple[Trace, Trace | None]:
        """Begin what this task does for a request; gives its place, and the one above it."""
        place = self.begin(field, secrets.token_hex(16), name)
        CURRENT.set(place[0])
        return place

    def event(self, arrival: Arrival, field: str | None) -> Arrival:
        """An arrival whose runs go on in the event's trace."""
        event = arrival.event
        trace, _ = self.begin(field, event.id, f"receive {event.source}")
        self._remember(event.id, trace)
        return replace(arrival, runs=tuple(traced(run, trace) for run in arrival.runs))

    def received(
        self,
        source: str | None,
        receipt: Receipt | None,
        told: tuple[str, str],
        request: tuple[str, str | None],
        took_s: float,
    ) -> None:
        """A request to a source is answered, and an event of it, if it has one, is recorded.

        ``source`` None where there is no such; ``told``: its fate and a word more;
        ``request``: its method and ``traceparent``. The span of what is new is the event's own.
        """
        name, (fate, detail), (method, field) = f"receive {source or UNKNOWN}", told, request
        own = receipt.event_id if receipt is not None and not receipt.duplicate else None
        trace, parent = self.begin(field, own or secrets.token_hex(16), name)
        end_us = _now_us()
        self._writer.write(
            Span(
                name,
                trace,
                parent,
                end_us - int(took_s * 1e6),
                end_us,
                "server",
                {
                    "http.request.method": method,
                    "http.route": "/in/{source}",
                    "hub.source": source,
                    "hub.event.id": None if receipt is None else receipt.event_id,
                    "hub.fate": fate,
                },
                detail if fate in ("rejected", "not_committed") else None,
            )
        )

    def run(self, run: ClaimedRun) -> tuple[Trace, Trace | None]:
        """The place of a turn of a run, and the one above it.

        The first turn's is the run's own; later ones stand below it.
        """
        context = _context_of(run.context)
        own, parent = self.begin(_field_of(context), run.id, f"run {run.task}")
        self._remember(run.id, own)
        is_first = run.attempt <= 1 and not context.get("round")
        return (own, parent) if is_first else (own.child(), own)

    def turned(
        self,
        run: ClaimedRun,
        place: tuple[Trace, Trace | None],
        outcome: str,
        took_s: float,
    ) -> None:
        """A turn of a run is over."""
        end_us = _now_us()
        self._writer.write(
            Span(
                f"run {run.task}",
                *place,
                end_us - int(took_s * 1e6),
                end_us,
                "consumer",
                {
                    "hub.run.id": run.id,
                    "hub.task": run.task,
                    "hub.lane": run.lane,
                    "hub.event.id": run.event_id,
                    "hub.run.attempt": run.attempt,
                    "hub.run.outcome": outcome,
                },
                "The run failed." if outcome == "failed" else None,
            )
        )

    def segment(self, segment: Segment) -> None:
        """What the current run is about to commit starts other runs in its trace."""
        trace = CURRENT.get()
        if trace is not None:
            segment.runs = [traced(each, trace) for each in segment.runs]
            segment.events = [self._emitted(each, trace) for each in segment.events]

    def _emitted(self, arrival: Arrival, trace: Trace) -> Arrival:
        """An event of the run's own: the span above its own is the run's."""
        event = replace(arrival.event, headers=dumps_text([[HEADER, str(trace)]]))
        return self.event(replace(arrival, event=event), str(trace))

    def committed(self, segment: Segment) -> None:
        """The steps of a segment, and the events that it emitted."""
        trace = CURRENT.get()
        if trace is None or not trace.sampled:
            return
        for each in segment.events:
            own, parent = self.begin(str(trace), each.event.id, "emit")
            at_us, name = each.event.received_at, f"emit {each.event.type}"
            told = {"hub.event.id": each.event.id}
            self._writer.write(Span(name, own, parent, at_us, at_us, "internal", told))
        entries = decode(segment.entries) if segment.entries else []
        for entry in entries[-MOST_STEPS:]:
            if not entry.path.endswith("?"):
                self._writer.write(
                    Span(
                        f"step {entry.function}",
                        trace.child(),
                        trace,
                        entry.started_at,
                        entry.started_at + entry.duration_us,
                        "internal",
                        {"hub.step": entry.path, "hub.function": entry.function},
                        None if entry.failure is None else entry.failure.message,
                    )
                )

    async def delivery(self, delivery: ClaimedDelivery) -> tuple[Trace, Trace]:
        """The place of an attempt of a delivery, and that of the run or event above it."""
        parent = await self._above(delivery)
        return parent.child(), parent

    async def _above(self, delivery: ClaimedDelivery) -> Trace:
        origin = delivery.run_id or delivery.event_id or delivery.id
        known = self._known.get(origin)
        if known is not None:
            return known
        field = None
        with suppress(StoreError):  # then it stands in a trace of its own
            if delivery.run_id is not None:
                field = await self._ledger.read(_field_of_run, delivery.run_id)
            elif delivery.event_id is not None:
                field = await self._ledger.read(_field_of_event, delivery.event_id)
        trace, _ = self.begin(field, origin, "deliver")
        self._remember(origin, trace)
        return trace

    def attempted(
        self,
        place: tuple[Trace, Trace],
        delivery: ClaimedDelivery,
        settlement: Settlement,
        url: str,
    ) -> None:
        """An attempt of a delivery was made."""
        attempt = settlement.attempt
        self._writer.write(
            Span(
                f"deliver {delivery.destination}",
                *place,
                attempt.started_at,
                attempt.started_at + attempt.duration_ms * 1000,
                "client",
                {
                    **_peer("POST", url, attempt.status_code),
                    "hub.delivery.id": delivery.id,
                    "hub.destination": delivery.destination,
                    "hub.attempt": attempt.n,
                    "hub.outcome": attempt.outcome,
                    "hub.status": settlement.status.value,
                },
                None if attempt.outcome == "delivered" else attempt.message,
            )
        )

    def requested(
        self,
        place: tuple[Trace, Trace],
        request: tuple[str, str],
        started_us: int,
        answered: tuple[int | None, str],
    ) -> None:
        """A step's request was answered or not: method and URL, its status and the outcome."""
        (method, url), (status_code, outcome) = request, answered
        self._writer.write(
            Span(
                f"request {method}",
                *place,
                started_us,
                _now_us(),
                "client",
                {**_peer(method, url, status_code), "hub.outcome": outcome},
                None if outcome == "delivered" else outcome,
            )
        )

    def answered(
        self,
        place: tuple[Trace, Trace | None],
        operation: tuple[str, str],
        status: int,
        took_s: float,
    ) -> None:
        """A request was answered; ``operation`` is its method and the route's template."""
        method, route = operation
        end_us = _now_us()
        self._writer.write(
            Span(
                f"{method} {route}",
                *place,
                end_us - int(took_s * 1e6),
                end_us,
                "server",
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                },
                f"It was answered with {status}." if status >= 500 else None,
            )
        )

    def _remember(self, an_id: str, trace: Trace) -> None:
        self._known[an_id] = trace
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    async def close(self) -> None:
        """Hand on what was written."""
        await self._writer.close()


def traced(run: RunStart, trace: Trace) -> RunStart:
    """A run that goes on in a trace."""
    return replace(run, context=dumps_text({**_context_of(run.context), HEADER: str(trace)}))


def traced_here(run: RunStart) -> RunStart:
    """A run that goes on in the trace of this task, if it has one."""
    trace = CURRENT.get()
    return run if trace is None else traced(run, trace)


def with_field(headers: Sequence[tuple[str, str]], trace: Trace) -> tuple[tuple[str, str], ...]:
    """Header fields with the ``traceparent`` of a trace, unless somebody has set one."""
    if any(name.lower() == HEADER for name, _ in headers):
        return tuple(headers)
    return (*headers, (HEADER, str(trace)))


def _context_of(text: str | None) -> dict[str, Json]:
    """A run's context."""
    return loads(text) if text else {}


def _field_of(context: Mapping[str, Json]) -> str | None:
    """The ``traceparent`` in a run's context."""
    field = context.get(HEADER)
    return field if isinstance(field, str) else None


def _field_of_run(tx: Tx, run_id: str) -> str | None:
    row = one(tx, runs, id=run_id)
    return None if row is None else _field_of(_context_of(row["context"]))


def _field_of_event(tx: Tx, event_id: str) -> str | None:
    row = one(tx, events, id=event_id)
    if row is None:
        return None
    return next((value for name, value in loads(row["headers"]) if name.lower() == HEADER), None)


def _peer(method: str, url: str, status_code: int | None) -> dict[str, Any]:
    """What is told of the other side: no path, which may hold a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    return {
        "http.request.method": method,
        "http.response.status_code": status_code,
        "server.address": host,
        "server.port": port,
    }


def _now_us() -> int:
    return time.time_ns() // 1000
