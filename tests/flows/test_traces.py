"""One trace from the sender through event, run and step to the attempt and the other side."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.model.trace import Trace
from tests.collector import Collector, open_collector
from tests.program import Driven, embedded_hub
from tests.sink import Answer, Sink, open_sink

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENDER = f"00-{TRACE}-b7ad6b7169203331-01"
SELL = """
{ name: "sell", source: "till", endpoint: "/sales", function_stack: [
  { function: "add_record", table: "orders", data: { n: 1 } },
  { function: "deliver", destination: "make", payload: { n: 1 } },
  { function: "return_response", body: { ok: true } },
] }
"""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the standard variables name."""
    with open_collector() as opened:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", opened.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield opened


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    """Another side."""
    async with open_sink() as opened:
        yield opened


async def set_up(hub: Driven, sink: Sink, *stacks: str) -> None:
    """A source, a destination, and stacks."""
    await hub.put("/v1/sources/till", {"connector": "n8n", "verify": {"mode": "none"}})
    make = {"connector": "make", "url": sink.url, "retry_schedule_s": [0.05, 0.05]}
    await hub.put("/v1/destinations/make", make)
    for n, each in enumerate(stacks or (SELL,)):
        await hub.put(f"/v1/stacks/{'shop' if n == 0 else f'shop{n}'}", each)


async def delivered(hub: Driven, sink: Sink, count: int) -> None:
    """All of them have arrived, and are settled."""
    await sink.wait_for(count)
    for each in (await hub.get("/v1/deliveries"))["items"]:
        await hub.until(f"/v1/deliveries/{each['id']}", status="delivered")


async def test_one_trace_from_the_sender_to_the_other_side(
    tmp_path: Path, database_url: str | None, collector: Collector, sink: Sink
) -> None:
    sink.answer = lambda n, _: Answer(500 if n == 0 else 200)
    async with embedded_hub(tmp_path, database_url=database_url) as hub:
        await set_up(hub, sink)
        answer = await hub.api.post("/in/till", json={"n": 1}, headers={"traceparent": SENDER})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        await delivered(hub, sink, 2)

    [received], [run] = collector.named("receive till"), collector.named("run shop/sell")
    [kept] = collector.named("step add_record")
    first, second = collector.named("deliver make")
    assert {each.trace for each in (received, run, kept, first, second)} == {TRACE}
    assert received.parent == "b7ad6b7169203331"
    assert run.parent == received.id
    assert kept.parent == first.parent == second.parent == run.id
    assert len({each.id for each in collector.spans}) == len(collector.spans)
    assert all(each.service == "hub" and each.start <= each.end for each in collector.spans)

    assert received.attributes["hub.event.id"] == answer.json()["event_id"]
    assert received.attributes["hub.fate"] == "accepted"
    assert run.attributes["hub.run.id"] == answer.json()["run_id"]
    assert run.attributes["hub.run.outcome"] == "succeeded"
    assert kept.attributes["hub.step"] == "0"
    assert (first.failed, second.failed) == (True, False)
    assert first.attributes["http.response.status_code"] == 500
    assert first.attributes["server.address"] == "127.0.0.1"
    told = [Trace.parse(each.headers["traceparent"]) for each in sink.requests]
    assert [f"{each.trace_id:032x}" for each in told if each] == [TRACE, TRACE]
    assert [f"{each.span_id:016x}" for each in told if each] == [first.id, second.id]


async def test_a_sender_without_a_trace_begins_one(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink)
        for n, field in enumerate((None, "nonsense", f"ff-{TRACE}-b7ad6b7169203331-01")):
            headers = {} if field is None else {"traceparent": field}
            answer = await hub.api.post("/in/till", json={"n": n}, headers=headers)
            await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        assert (await hub.api.post("/in/nobody", json={})).status_code == 404
        await delivered(hub, sink, 3)
    received = collector.named("receive till")
    assert [each.parent for each in received] == ["", "", ""]
    assert len({each.trace for each in received}) == 3
    assert {each.trace for each in collector.named("deliver make")} == {
        each.trace for each in received
    }
    [refused] = collector.named("receive (unknown)")
    assert refused.failed


async def test_a_trace_that_nobody_wants_is_passed_on_and_not_written(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink)
        field = f"00-{TRACE}-b7ad6b7169203331-00"
        answer = await hub.api.post("/in/till", json={}, headers={"traceparent": field})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        await delivered(hub, sink, 1)
    [request] = sink.requests
    assert request.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert request.headers["traceparent"].endswith("-00")
    assert not [each for each in collector.spans if each.trace == TRACE]


async def test_runs_by_api_and_endpoints_and_what_they_start_are_one_trace(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    chain = """
    { name: "chain", endpoint: "/chain", function_stack: [
      { function: "background_task", task: "later", data: {} },
      { function: "emit_event", type: "order.paid", data: { order: 7 } },
      { function: "external_api_request", url: "{{env.URL}}", data: { n: 1 } },
    ] }

    { name: "later", function_stack: [
      { function: "sleep", seconds: 0.01 },
      { function: "deliver", destination: "make", payload: {} },
    ] }
    """
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink, chain)
        await hub.put("/v1/variables/URL", {"value": sink.url})
        subscribed = {"source": "hub", "event_type": "order.*", "destination": "make"}
        await hub.put("/v1/subscriptions/paid", subscribed)
        headers = {"traceparent": SENDER}
        await hub.api.post("/v1/tasks/chain/runs", json={"wait_s": 10}, headers=headers)
        await delivered(hub, sink, 3)
        called = await hub.api.post("/chain", json={})
        assert called.status_code == 200, called.text
        await delivered(hub, sink, 6)
        run = (await hub.get("/v1/runs"))["items"][0]
        assert "traceparent" not in str(await hub.get(f"/v1/runs/{run['id']}"))

    spans = {each.id: each for each in collector.spans}
    [asked] = collector.named("POST /v1/tasks/{task:path}/runs")
    assert asked.trace == TRACE
    first, second = collector.named("run shop/chain")
    assert spans[first.parent] == asked
    assert spans[second.parent].name == "POST /chain"
    later = collector.named("run shop/later")
    assert [spans[each.parent] for each in later] == [first, second]
    emitted = collector.named("emit order.paid")
    assert [spans[each.parent] for each in emitted] == [first, second]
    requests = collector.named("request POST")
    assert [spans[each.parent] for each in requests] == [first, second]
    above = sorted(spans[each.parent].name for each in collector.named("deliver make"))
    assert above == ["emit order.paid"] * 2 + ["run shop/later"] * 2
    told = {Trace.parse(each.headers["traceparent"]) for each in sink.requests}
    assert {f"{each.span_id:016x}" for each in told if each} <= spans.keys()


async def test_what_somebody_has_set_is_not_overridden(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    own = "00-11111111111111111111111111111111-2222222222222222-01"
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink)
        make = {"connector": "make", "url": sink.url, "headers": {"Traceparent": own}}
        await hub.put("/v1/destinations/make", make)
        answer = await hub.api.post("/in/till", json={"n": 1})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        await delivered(hub, sink, 1)
    assert [each.headers["traceparent"] for each in sink.requests] == [own]
    assert len(collector.named("deliver make")) == 1


async def test_a_run_that_was_parked_and_one_that_starts_over_go_on_in_their_trace(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    again = """
    { name: "again", source: "till", function_stack: [
      { function: "count_records", table: "tries" },
      { function: "add_record", table: "tries", data: { n: "{{count}}" } },
      { function: "delay_processing", delay: 0.01, if: "{{count < 2}}" },
    ] }
    """
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink, again)
        answer = await hub.api.post("/in/till", json={}, headers={"traceparent": SENDER})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
    first, *others = collector.named("run shop/again")
    assert len(others) == 2
    assert [each.parent for each in others] == [first.id] * 2
    assert {each.trace for each in (first, *others)} == {TRACE}
    assert len({each.id for each in collector.spans}) == len(collector.spans)


async def test_a_collector_that_is_away_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    async with embedded_hub(tmp_path) as hub:
        await set_up(hub, sink)
        answer = await hub.api.post("/in/till", json={"n": 1})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        await delivered(hub, sink, 1)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
async def test_without_a_collector_nothing_is_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    async with embedded_hub(tmp_path) as hub:
        assert hub.hub is not None
        assert hub.hub.tracing is None
        await set_up(hub, sink)
        answer = await hub.api.post("/in/till", json={}, headers={"traceparent": SENDER})
        await hub.until(f"/v1/runs/{answer.json()['run_id']}", status="succeeded")
        await delivered(hub, sink, 1)
    assert "traceparent" not in sink.requests[0].headers
