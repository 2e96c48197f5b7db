"""``/v1/events``: every request to a source, and what became of it."""

from typing import Any

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
from hub.web.api.call import Call, Operation, answer, known_time, known_word, missing
from hub.web.api.holding import held_destinations
from hub.web.api.simulations import previewed

FATES = ("rejected", "duplicate", "unmatched", "running", "held", "dead", "delivered")


async def _get_all(call: Call) -> Response:
    page = call.page("source", "fate", "since")
    wanted = EventsWanted(
        most=page.limit,
        before=page.after(LAST),
        source=page.filters.get("source"),
        fate=known_word("fate", page.filters.get("fate"), FATES),
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
    event_id, wish = call.id("evt", "event"), await call.body_or_none(EventReplay)
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
    Operation("GET", "/v1/events", Scope.READ, _get_all, "List events, the newest first"),
    Operation("GET", "/v1/events/{id}", Scope.READ, _get, "Read an event"),
    Operation(
        "POST",
        "/v1/events/{id}/replay",
        Scope.RUN,
        _replay,
        "Have an event's tasks run again, as they are now",
        EventReplay,
    ),
)
