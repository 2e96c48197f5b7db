"""Recording: the event, its dedup key and its runs, committed before the sender is answered."""

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog

from hub import fault_points
from hub.errors import HubError
from hub.jobs import Doorbell
from hub.model.delivery import DeliveryStart
from hub.model.event import Arrival, Event, Receipt, Rejection
from hub.model.http import InboundRequest
from hub.model.ids import new_id
from hub.model.json import dumps, dumps_text
from hub.model.masking import mask_headers
from hub.model.run import AWAITED, RunStart
from hub.model.source import Source
from hub.model.time import now_us
from hub.model.trace import HEADER
from hub.observe.tracing import Tracing
from hub.receive.items import Item, names_of
from hub.receive.redaction import keeps_body, redacted
from hub.receive.verify import secret_fields
from hub.stack.placing import placed
from hub.stack.subscribed import context_of, deliveries_to, tasks_among, that_want
from hub.store.catalog import Catalog
from hub.store.events import REJECT, record, record_all
from hub.store.ledger import Ledger
from hub.store.queues import DELIVERIES, RUNS

_JSON, _BYTES = "application/json", "application/octet-stream"
_FIT = re.compile(r"[\x20-\x7e]{1,500}")
"""A content type that can be sent on."""
_KEPT_OF_REJECTED_BYTES = 4096
_REJECTIONS_PER_S = 50
_REJECT_TIMEOUT_S = 1.0
_log = structlog.get_logger("hub.receive")


class Recorder:
    """Commits what came in."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        bell: Doorbell,
        timezone: str = "UTC",
        tracing: Tracing | None = None,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._bell = bell
        self._timezone = timezone
        self._tracing = tracing
        self._second = 0
        self._rejections = 0

    async def record(
        self, slug: str, source: Source, request: InboundRequest, items: Sequence[Item]
    ) -> list[Receipt]:
        """Commit the events of a request with their runs and deliveries, all together.

        Raises:
            StoreError: they are not known to be committed; nothing may be acknowledged.
        """
        tasks = tasks_of(self._catalog, slug, source.task)
        arrivals = [self._arrival(slug, source, request, item, tasks) for item in items]
        if self._tracing is not None:
            field = request.headers.get(HEADER)
            arrivals = [self._tracing.event(each, field) for each in arrivals]
        if len(arrivals) == 1:
            receipts = [await record(self._ledger, arrivals[0])]
        else:
            receipts = await record_all(self._ledger, arrivals)
        fault_points.at("event.recorded")
        if not all(each.duplicate for each in receipts):
            if any(each.runs for each in arrivals):
                self._bell.ring(RUNS)
            if any(each.deliveries for each in arrivals):
                self._bell.ring(DELIVERIES)
        return receipts

    def _arrival(
        self,
        slug: str,
        source: Source,
        request: InboundRequest,
        item: Item,
        tasks: tuple[str, ...],
    ) -> Arrival:
        event = _event(slug, request, item.type, item.body, secret_fields(source))
        if item.passed_over is not None:
            return Arrival(event, item.dedup, (), reason=_clean(item.passed_over))
        given = item.value if isinstance(item.value, dict) else {"body": item.value}
        awaited = AWAITED if source.respond == "result" else None
        text = dumps(given)
        kept = None if text == item.body else text.decode()  # the event has it already
        sent: tuple[DeliveryStart, ...] = ()
        subscriptions = self._catalog.subscriptions_of(slug)
        if subscriptions:
            context = context_of(event, names_of(item.value, request), self._timezone)
            wanting = that_want(subscriptions, event, context, missed=_say_missed)
            tasks = tasks_among(wanting, tasks)
            body, kind = _sent(item, request)
            rendering = self._catalog.rendering
            sent = deliveries_to(wanting, event, body, kind, rendering, context)
        runs = tuple(
            placed(
                RunStart(new_id("run"), task, kept, event_id=event.id, context=awaited),
                self._catalog.known_task(task),
                given,
            )
            for task in tasks
        )
        return Arrival(event, item.dedup, runs, sent)

    async def reject(
        self, slug: str, source: Source | None, request: InboundRequest, error: HubError
    ) -> None:
        """Keep a refused request with its reason; a flood of them is cut to 50 a second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._rejections = second, 0
        self._rejections += 1
        if self._rejections > _REJECTIONS_PER_S:
            return
        also = secret_fields(source) if source else ()
        kept = request.body[:_KEPT_OF_REJECTED_BYTES]
        if source is not None and source.redact:
            request, _ = redacted(source.redact, request, ())
            kept = kept if keeps_body(source.redact) else b""
        event = _event(slug[:63], request, None, kept, also)
        reason = _clean(error.message)
        with suppress(HubError, TimeoutError):  # the answer is what the request was refused for
            async with asyncio.timeout(_REJECT_TIMEOUT_S):
                await self._ledger.write(REJECT, Rejection(event, error.code, reason))


def _sent(item: Item, request: InboundRequest) -> tuple[bytes, str]:
    """What goes on: the event's own bytes; what has none, or is one of a list, as JSON."""
    if not item.body or item.body is not request.body:
        return dumps(item.value), _JSON
    kind = request.headers.get("content-type") or _JSON
    return item.body, kind if _FIT.fullmatch(kind) else _BYTES


def _say_missed(slug: str, why: str) -> None:
    _log.warning("subscription.missed", subscription=slug, error=why)


def tasks_of(catalog: Catalog, slug: str, named: str | None) -> tuple[str, ...]:
    """The tasks that run for a source's events, each once; ``named`` by the source itself."""
    tasks = catalog.now.tasks_of_source.get(slug, ())
    if named is None:
        return tasks
    try:
        own = catalog.resolve(named)
    except HubError as error:
        _log.warning("task.missed", source=slug, error=error.message)
        return tasks
    return tasks if own in tasks else (own, *tasks)


def _event(
    slug: str,
    request: InboundRequest,
    event_type: str | None,
    body: bytes,
    secret: tuple[str, ...],
) -> Event:
    return Event(
        id=new_id("evt"),
        source=_clean(slug),
        type=event_type and _clean(event_type)[:200],
        received_at=now_us(),
        method=request.method,
        path=_clean(request.rest),
        query=_clean(request.query),
        ip=request.ip,
        headers=dumps_text(
            [[name, _clean(value)] for name, value in mask_headers(request.headers, secret)]
        ),
        body=body,
    )


def _clean(text: str) -> str:
    """Text as both databases take it."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
