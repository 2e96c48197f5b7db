"""Traces: places that follow from ids, told by the ledger where a process does not know them."""

import ast
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.model.delivery import ClaimedDelivery
from hub.model.ids import new_id
from hub.model.trace import Trace, span_of, trace_of
from hub.observe import tracing as module
from hub.observe.otel import OpenTelemetry
from hub.observe.tracing import Span, Tracing, traced, with_field
from hub.store.events import record
from hub.store.ledger import Ledger
from hub.store.runs import START
from tests.program import STACKS
from tests.store.make import arrival, run_start

FIELD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLACE = Trace(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)


class Notes:
    """Takes spans, and keeps them; everything is wanted."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def samples(self, parent: Trace | None, trace_id: int, name: str) -> bool:
        return parent is None or parent.sampled

    def write(self, span: Span) -> None:
        self.spans.append(span)

    async def close(self) -> None:
        pass


def delivery(run_id: str | None, event_id: str | None) -> ClaimedDelivery:
    """One that is being worked on."""
    return ClaimedDelivery(
        *(new_id("dlv"), "till", b"{}", "application/json", "k", 0, 0, 0, 1, event_id, run_id, 0)
    )


def test_a_field_is_read_and_written_as_it_is() -> None:
    assert Trace.parse(FIELD) == PLACE
    assert str(PLACE) == FIELD
    assert Trace.parse(f" {FIELD[:-1]}0 ") == Trace(PLACE.trace_id, PLACE.span_id, sampled=False)
    assert Trace.parse(f"cc{FIELD[2:]}-what-is-to-come") == PLACE


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "x",
        FIELD.upper(),
        FIELD[:-1],
        f"{FIELD}0",
        f"{FIELD}-more",
        f"ff{FIELD[2:]}",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"cc{FIELD[2:]}-{'x' * 200}",
        "\u0660" * 55,
    ],
)
def test_a_field_that_says_nothing_is_none(field: str | None) -> None:
    assert Trace.parse(field) is None


def test_places_follow_from_ids_and_are_spread_over_all_numbers() -> None:
    ids = [new_id("run") for _ in range(1000)]
    assert len({trace_of(each) for each in ids}) == len({span_of(each) for each in ids}) == 1000
    assert trace_of(ids[0]) == trace_of(ids[0])
    # samplers compare the lower half of the number of a trace
    low = sum(trace_of(each) & (2**64 - 1) < 2**63 for each in ids)
    assert 400 < low < 600


def test_a_field_is_added_where_there_is_none() -> None:
    assert with_field((("a", "b"),), PLACE) == (("a", "b"), ("traceparent", FIELD))
    own: Sequence[tuple[str, str]] = (("TraceParent", "own"),)
    assert with_field(own, PLACE) == tuple(own)


async def test_another_process_finds_the_place_of_a_delivery_in_the_ledger(ledger: Ledger) -> None:
    run = traced(run_start(), PLACE)
    await ledger.write(START, run)
    plain = run_start()
    await ledger.write(START, plain)
    came = arrival()
    event = await record(ledger, came)

    tracing = Tracing(Notes(), ledger)
    place, above = await tracing.delivery(delivery(run.id, None))
    assert above == Trace(PLACE.trace_id, span_of(run.id))
    assert place.trace_id == PLACE.trace_id
    assert place.span_id != above.span_id
    _, above = await tracing.delivery(delivery(plain.id, None))
    assert above == Trace(trace_of(plain.id), span_of(plain.id))
    _, above = await tracing.delivery(delivery(None, event.event_id))
    assert above == Trace(trace_of(event.event_id), span_of(event.event_id))
    _, above = await tracing.delivery(delivery("run_that_is_gone", None))
    assert above.span_id == span_of("run_that_is_gone")


async def test_so_many_places_are_remembered(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 3)
    tracing = Tracing(Notes(), ledger)
    for n in range(10):
        await tracing.delivery(delivery(f"run_{n}", None))
    assert list(tracing._known) == ["run_7", "run_8", "run_9"]


async def test_a_span_is_exported_as_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=orders,deployment=test")
    exporter = InMemorySpanExporter()
    writer = OpenTelemetry("wrk_1", SimpleSpanProcessor(exporter))
    own = PLACE.child("evt_1")
    about: dict[str, Any] = {"hub.source": "till", "nothing": None}
    writer.write(Span("receive till", own, PLACE, 1_000_000, 1_500_000, "server", about, "No."))
    unwanted = Trace(1, 2, sampled=False)
    writer.write(Span("unwanted", unwanted, None, 1, 2))
    [span] = exporter.get_finished_spans()
    await writer.close()
    assert span.name == "receive till"
    assert span.context is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.context.span_id) == (own.trace_id, own.span_id)
    assert span.parent.span_id == PLACE.span_id
    assert (span.start_time, span.end_time) == (1_000_000_000, 1_500_000_000)
    assert dict(span.attributes or {}) == {"hub.source": "till"}
    assert (span.status.is_ok, span.status.description) == (False, "No.")
    told = span.resource.attributes
    assert (told["service.name"], told["deployment"]) == ("orders", "test")
    assert told["service.instance.id"] == "wrk_1"


@pytest.mark.parametrize(
    ("sampler", "alone", "wanted", "unwanted"),
    [
        ("parentbased_always_on", True, True, False),
        ("parentbased_always_off", False, True, False),
        ("always_on", True, True, True),
        ("always_off", False, False, False),
    ],
)
def test_the_sampler_is_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, sampler: str, alone: bool, wanted: bool, unwanted: bool
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    writer = OpenTelemetry("wrk_1", SimpleSpanProcessor(InMemorySpanExporter()))
    without = Trace(PLACE.trace_id, PLACE.span_id, sampled=False)
    asked = [writer.samples(each, 7, "x") for each in (None, PLACE, without)]
    assert asked == [alone, wanted, unwanted]


def test_a_share_of_the_traces_is_the_same_in_every_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    one, other = (
        OpenTelemetry(name, SimpleSpanProcessor(InMemorySpanExporter())) for name in ("a", "b")
    )
    traces = [trace_of(new_id("evt")) for _ in range(500)]
    chosen = [one.samples(None, each, "x") for each in traces]
    assert 150 < sum(chosen) < 350
    assert chosen == [other.samples(None, each, "y") for each in traces]


def test_nobody_loads_the_sdk_but_who_has_set_it_up() -> None:
    """The extra may be missing: what imports it stands alone, and is imported when it is wanted."""
    root = STACKS.parent / "hub"
    loads = {
        str(path.relative_to(root)): {
            node.col_offset
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith(("opentelemetry", "hub.observe.otel"))
        }
        for path in root.rglob("*.py")
    }
    loads = {path: columns for path, columns in loads.items() if columns}
    assert set(loads) == {"observe/otel.py", "bootstrap.py"}
    assert 0 not in loads["bootstrap.py"]
