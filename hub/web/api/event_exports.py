"""``/v1/events/export``: events as JSON lines, of a source, a time, or a person."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.responses import Response, StreamingResponse

from hub.model.json import dumps
from hub.model.key import Scope
from hub.model.purge import Wanted
from hub.retention.purging import Purger
from hub.store.fates import event_in_full
from hub.store.ledger import Ledger
from hub.web.api.body import validated
from hub.web.api.call import Call, Operation
from hub.web.api.events import in_full
from hub.web.api.holding import held_destinations
from hub.web.api.purges import PurgeFilter, wanted_of
from hub.web.parameters import moment, text
from hub.web.shown.base import Content

_TYPE = "application/x-ndjson"


async def exported(
    ledger: Ledger, wanted: Wanted, held_by: Sequence[str] = ()
) -> AsyncIterator[bytes]:
    """Events as ``GET /v1/events/{id}`` shows them, a line each, the oldest first."""
    async for ids in Purger(ledger).meant(wanted):
        for event_id in ids:
            row: dict[str, Any] | None = await ledger.read(event_in_full, event_id, held_by)
            if row is not None:  # it has not gone meanwhile
                yield dumps(in_full(row)) + b"\n"


async def _export(call: Call) -> Response:
    given = call.query()
    wanted = wanted_of(validated(PurgeFilter, dict(given)))
    held_by = tuple(await held_destinations(call.hub))
    return StreamingResponse(
        exported(call.hub.ledger, wanted, held_by),
        headers={
            "content-disposition": 'attachment; filename="events.jsonl"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
        media_type=_TYPE,
    )


OPERATIONS = (
    Operation(
        *("GET", "/v1/events/export", Scope.READ, _export, "Download events as JSON lines"),
        query=(
            text("source", "Only those of this source."),
            moment("since", "Only those that came at this time or later."),
            moment("until", "Only those that came before this time."),
            text("by", "Where `value` stands: `body:…`, `header:…`, `path` or `key`."),
            text("value", "What has to stand there, as text."),
        ),
        gives={200: Content((_TYPE,), "Events as `GET /v1/events/{id}` shows them, one a line.")},
        problems={422: ("validation",)},
    ),
)
