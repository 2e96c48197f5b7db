"""OpenTelemetry: spans are handed to a collector by OTLP over HTTP, as its own variables say.

Only this module knows the SDK, which the extra ``otel`` installs. Export has a thread of its own
and a bounded queue: a collector that is away costs spans, and nothing else.
"""

import asyncio
import threading
from contextlib import suppress
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from hub.model.trace import Trace
from hub.observe.tracing import Span

_CLOSE_S = 3.0
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}
_UNSET = Status(StatusCode.UNSET)


class OpenTelemetry:
    """See :class:`hub.observe.tracing.Writer`."""

    def __init__(self, process: str, processor: SpanProcessor | None = None) -> None:
        """``process`` names this one; ``processor`` stands in for the export, in tests."""
        release = version("webhook-hub")
        own = {"service.instance.id": process, "service.version": release}
        found = Resource.create()
        if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            own[SERVICE_NAME] = "hub"
        self._resource = found.merge(Resource(own))
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler
        self._processor = processor or BatchSpanProcessor(OTLPSpanExporter())
        self._scope = InstrumentationScope("hub", release)

    def samples(self, parent: Trace | None, trace_id: int, name: str) -> bool:
        """As the sampler decides that ``OTEL_TRACES_SAMPLER`` names."""
        above = None
        if parent is not None:
            above = set_span_in_context(NonRecordingSpan(_context(parent, remote=True)))
        decision = self._sampler.should_sample(above, trace_id, name).decision
        return decision is Decision.RECORD_AND_SAMPLE

    def write(self, span: Span) -> None:
        """Put it into the queue, if it is wanted and there is room."""
        if not span.trace.sampled:
            return
        self._processor.on_end(
            ReadableSpan(
                span.name,
                context=_context(span.trace),
                parent=None if span.parent is None else _context(span.parent, remote=True),
                resource=self._resource,
                attributes={k: v for k, v in span.attributes.items() if v is not None},
                kind=_KINDS[span.kind],
                status=_UNSET if span.error is None else Status(StatusCode.ERROR, span.error),
                start_time=span.start_us * 1000,
                end_time=span.end_us * 1000,
                instrumentation_scope=self._scope,
            )
        )

    async def close(self) -> None:
        """Export what is left; a collector that does not answer holds no stop up."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._processor.shutdown()
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=shut_down, name="traces-end", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await ended.wait()


def _context(trace: Trace, *, remote: bool = False) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT)
    return SpanContext(trace.trace_id, trace.span_id, remote, flags)
