"""``/v1/events``: every request to a source, and what became of it."""

from typing import Any, get_args

from pydantic import Field
from starlette.responses import Response

from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.receive.replay import Replayer
from hub.store.control import REPLAY_EVENT, ReplayEvent
from hub.store.fates import EventsWanted, event_in_full, events_page
from hub.store.lookup import LAST
from hub.store.queues import RUNS
from hub.web.api.body import Body, shown_body
from hub.web.api.call import Call, Operation, answer, known_time, missing
from hub.web.api.holding import held_destinations
from hub.web.api.simulations import previewed
from hub.web.paging import PAGE
from hub.web.parameters import moment, text, word
from hub.web.shown.base import listed
from hub.web.shown.work import EventInFull, EventPreviews, EventReplayed, EventShown, Fate


async def _get_all(call: Call) -> Response:
    page = call.page()
    wanted = EventsWanted(
        most=page.limit,
        before=page.after(LAST),
        source=page.filters.get("source"),
        fate=page.filters.get("fate"),
        since=known_time("since", page.filters.get("since")),
        held_by=tuple(await held_destinations(call.hub)),
    )
    rows, last = await call.hub.ledger.read(events_page, wanted)
    return answer(page.answer([_shown(row) for row in rows], last))


async def _get(call: Call) -> Response:
    event_id = call.id("evt", "event")
    held_by = await held_destinations(call.hub)
    row = await call.hub.ledger.read(event_in_full, event_id, held_by)
    if row is None:
        raise missing("event", event_id)
    return answer(in_full(row))


def in_full(row: dict[str, Any]) -> dict[str, Json]:
    """An event with its body, for people."""
    headers = _headers(row["headers"])
    body, encoding = shown_body(bytes(row["body"]), headers.get("content-type", "application/json"))
    return {
        **_shown(row),
        "duplicates": row["duplicates"],
        "headers": headers,
        "body": body,
        "body_encoding": encoding,
        "runs": row["runs"],
        "deliveries": row["deliveries"],
    }


class EventReplay(Body):
    """How an event is replayed."""

    task: str | None = Field(None, description="Only this task; null: all that run for it now.")
    dry_run: bool = Field(False, description="Show what would happen, and change nothing.")


async def _replay(call: Call) -> Response:
    event_id, wish = call.id("evt", "event"), await call.body(EventReplay)
    hub = call.hub
    replayer = Replayer(hub.ledger, hub.catalog, hub.connectors, hub.settings.timezone)
    replays = await replayer.of_event(event_id, wish.task)
    if wish.dry_run:
        previews = [await previewed(call, each) for each in replays]
        return answer({"event_id": event_id, "previews": previews})
    starts = tuple(each.start for each in replays)
    await hub.ledger.write(REPLAY_EVENT, ReplayEvent(event_id, starts))
    hub.bell.ring(RUNS)
    url = f"{call.root}/v1/events/{event_id}"
    told = {"event_id": event_id, "runs": [each.id for each in starts], "url": url}
    return answer(told, 202, {"location": url})


def _shown(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "id": row["id"],
        "source": row["source"],
        "type": row["type"],
        "received_at": to_iso(row["received_at"]),
        "fate": row["fate"],
        "reason": row["reason"],
        "duplicate_of": row["duplicate_of"],
        "body_differs": bool(row["body_differs"]),
        "method": row["method"],
        "path": row["path"],
        "query": row["query"],
        "ip": row["ip"],
    }


def _headers(text: str) -> dict[str, str]:
    """Header fields as an object; what was sent twice is joined, as HTTP means it."""
    fields: dict[str, str] = {}
    for name, value in loads(text):
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


OPERATIONS = (
    Operation(
        *("GET", "/v1/events", Scope.READ, _get_all, "List events, the newest first"),
        query=(
            text("source", "Only those of this source."),
            word("fate", "Only those of which this became.", get_args(Fate)),
            moment("since", "Only those that came at this time or later."),
            *PAGE,
        ),
        gives={200: listed(EventShown)},
    ),
    Operation(
        *("GET", "/v1/events/{id}", Scope.READ, _get, "Read an event"),
        gives={200: EventInFull},
        problems={404: ("event_unknown",)},
    ),
    Operation(
        "POST",
        "/v1/events/{id}/replay",
        Scope.RUN,
        _replay,
        "Have an event's tasks run again, as they are now",
        EventReplay,
        optional=True,
        gives={200: EventPreviews, 202: EventReplayed},
        problems={
            400: ("task_ambiguous",),
            404: ("event_unknown", "source_unknown", "connector_unknown", "task_unknown"),
            409: ("event_rejected", "event_duplicate", "event_unmatched", "task_gone"),
            422: ("limit_time", "limit_runs"),
        },
    ),
)
