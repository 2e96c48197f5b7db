"""Recording: the event, its dedup key and its runs, committed before the sender is answered."""

import asyncio
import time
from contextlib import suppress

import structlog

from hub import fault_points
from hub.connector import Parsed
from hub.errors import HubError
from hub.jobs import Doorbell
from hub.model.event import Arrival, DedupKey, Event, Receipt, Rejection
from hub.model.http import InboundRequest
from hub.model.ids import new_id
from hub.model.json import dumps, dumps_text
from hub.model.masking import mask_headers
from hub.model.run import RunStart
from hub.model.source import Source
from hub.model.time import now_us
from hub.receive.verify import secret_fields
from hub.stack.placing import placed
from hub.store.catalog import Catalog
from hub.store.events import REJECT, record
from hub.store.ledger import Ledger
from hub.store.queues import RUNS

_KEPT_OF_REJECTED_BYTES = 4096
_REJECTIONS_PER_S = 50
_REJECT_TIMEOUT_S = 1.0
_log = structlog.get_logger("hub.receive")


class Recorder:
    """Commits what came in."""

    def __init__(self, ledger: Ledger, catalog: Catalog, bell: Doorbell) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._bell = bell
        self._second = 0
        self._rejections = 0

    async def record(
        self,
        slug: str,
        source: Source,
        request: InboundRequest,
        parsed: Parsed,
        dedup: DedupKey | None,
    ) -> Receipt:
        """Commit an event with its runs.

        Raises:
            StoreError: it is not known to be committed; nothing may be acknowledged.
        """
        event = _event(slug, request, parsed.event_type, secret_fields(source))
        given = parsed.value if isinstance(parsed.value, dict) else {"body": parsed.value}
        text = dumps(given)
        kept = None if text == request.body else text.decode()  # the event has it already
        runs = tuple(
            placed(
                RunStart(new_id("run"), task, kept, event_id=event.id),
                self._catalog.known_task(task),
                given,
            )
            for task in tasks_of(self._catalog, slug, source.task)
        )
        receipt = await record(self._ledger, Arrival(event, dedup, runs))
        fault_points.at("event.recorded")
        if runs and not receipt.duplicate:
            self._bell.ring(RUNS)
        return receipt

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
        event = _event(slug[:63], request, None, also, _KEPT_OF_REJECTED_BYTES)
        reason = _clean(error.message)
        with suppress(HubError, TimeoutError):  # the answer is what the request was refused for
            async with asyncio.timeout(_REJECT_TIMEOUT_S):
                await self._ledger.write(REJECT, Rejection(event, error.code, reason))


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
    secret: tuple[str, ...],
    most_bytes: int | None = None,
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
        body=request.body if most_bytes is None else request.body[:most_bytes],
    )


def _clean(text: str) -> str:
    """Text as both databases take it."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
