"""``/v1/deliveries``: what goes out, each of its attempts, sending it again, cancelling it."""

from typing import Any

from pydantic import Field, model_validator
from starlette.responses import Response

from hub.deliver.again import (
    BY_HAND,
    cancel_one,
    delivery_row,
    replay_one,
    send_edited,
    under_way,
)
from hub.model.delivery import ENDED, HELD, DeliveryStatus
from hub.model.json import Json, dumps
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.receive.rendering_again import rendered_again
from hub.receive.replay import Replayer
from hub.store.chosen import NOT_DELIVERED, WAITING, Chosen, deliveries_page
from hub.store.lookup import LAST, where
from hub.store.queues import DELIVERIES
from hub.store.schema import attempts
from hub.web.api.body import Body, Reason, is_json, shown_body
from hub.web.api.call import Call, Operation, answer, known_time
from hub.web.api.holding import Holds, held_destinations, holds_of
from hub.web.paging import PAGE
from hub.web.parameters import moment, text, word
from hub.web.shown.base import listed
from hub.web.shown.work import DeliveryInFull, DeliveryReplayed, DeliveryShown


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    filters = wanted.filters
    status = filters.get("status")
    chosen = Chosen(
        statuses=_STATUSES.get(status or "", () if status is None else (status,)),
        destination=filters.get("destination"),
        event_id=filters.get("event_id"),
        run_id=filters.get("run_id"),
        since=known_time("since", filters.get("since")),
        until=known_time("until", filters.get("until")),
        reason=filters.get("reason"),
    )
    held_by = None
    if status == HELD and not call.hub.catalog.now.all_paused:
        held_by = await held_destinations(call.hub)
    rows = await call.hub.ledger.read(
        deliveries_page,
        chosen,
        before=wanted.after(LAST),
        most=wanted.limit + 1,
        held_by=held_by,
    )
    holds = await holds_of(call.hub, [row["destination"] for row in rows])
    shown = [_shown(row, holds) for row in rows[: wanted.limit]]
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    return answer(wanted.answer(shown, last))


async def _get(call: Call) -> Response:
    row = await _row(call)
    made = await call.hub.ledger.read(where, attempts, delivery_id=row["id"])
    holds = await holds_of(call.hub, [row["destination"]])
    body, encoding = shown_body(bytes(row["body"]), row["content_type"])
    return answer(
        {
            **_shown(row, holds),
            "url": row["url"],
            "ordering_key": row["ordering_key"],
            "content_type": row["content_type"],
            "body": body,
            "body_encoding": encoding,
            "attempts": [_shown_attempt(each) for each in made],
        }
    )


class DeliveryReplay(Body):
    """How a delivery is sent again; with nothing said the same bytes under the same key."""

    render: bool = Field(
        False, description="Rendered from its event by the destination's transform as it is now."
    )
    body: Any = Field(
        None,
        description="Another body: it goes out as a delivery of its own, and this one stays as "
        "it is.",
    )
    content_type: str = Field(
        "application/json",
        max_length=200,
        pattern=r"^[!-~]+/[ -~]*[!-~]$",
        description="What the other body is. Where that is not JSON, `body` is a text, and goes "
        "out as it stands.",
    )

    @property
    def is_edited(self) -> bool:
        """Whether there is another body; null is one too."""
        return "body" in self.model_fields_set

    @model_validator(mode="after")
    def _one_of_both(self) -> "DeliveryReplay":
        if self.render and self.is_edited:
            raise ValueError("Give either 'render' or 'body'")
        if "content_type" in self.model_fields_set and not self.is_edited:
            raise ValueError("'content_type' is that of another 'body': give one")
        if not is_json(self.content_type) and not isinstance(self.body, str):
            raise ValueError(f"Give 'body' as a text: {self.content_type} is not JSON")
        return self


async def _replay(call: Call) -> Response:
    row, wish = await _row(call), await call.body(DeliveryReplay)
    ledger, delivery_id = call.hub.ledger, row["id"]
    more: dict[str, Json] = {}
    if wish.is_edited:
        more["edited_from"] = delivery_id
        raw = dumps(wish.body) if is_json(wish.content_type) else wish.body.encode()
        delivery_id = await send_edited(ledger, row, raw, wish.content_type)
    else:
        await replay_one(ledger, delivery_id, await _rendered(call, row) if wish.render else None)
    call.hub.bell.ring(DELIVERIES)
    url = f"{call.root}/v1/deliveries/{delivery_id}"
    told = {"id": delivery_id, "status": DeliveryStatus.PENDING, "url": url, **more}
    return answer(told, 202, {"location": url})


async def _rendered(call: Call, row: dict[str, Any]) -> bytes:
    hub = call.hub
    if row["status"] not in ENDED:
        raise under_way(f"is {row['status']}: only one that has ended can be sent again.")
    replayer = Replayer(hub.ledger, hub.catalog, hub.connectors, hub.settings.timezone)
    return await rendered_again(replayer, hub.catalog, row)


class Cancellation(Body):
    """Why a delivery is cancelled."""

    reason: Reason = BY_HAND


async def _cancel(call: Call) -> Response:
    row, wish = await _row(call), await call.body(Cancellation)
    await cancel_one(call.hub.ledger, row["id"], wish.reason)
    call.hub.delivery_news.cancelled(row)
    call.hub.bell.ring(DELIVERIES)  # another one may have waited for its key
    return await _get(call)


async def _row(call: Call) -> dict[str, Any]:
    return await delivery_row(call.hub.ledger, call.id("dlv", "delivery"))


def _shown(row: dict[str, Any], holds: Holds) -> dict[str, Json]:
    return {
        "id": row["id"],
        "event_id": row["event_id"],
        "run_id": row["run_id"],
        "destination": row["destination"],
        **holds.shown(row),
        "attempts_made": row["attempts"],
        "idempotency_key": row["idempotency_key"],
        "created_at": to_iso(row["created_at"]),
        "finished_at": row["finished_at"] and to_iso(row["finished_at"]),
    }


def _shown_attempt(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "id": row["id"],
        "n": row["n"],
        "started_at": to_iso(row["started_at"]),
        "duration_ms": row["duration_ms"],
        "status_code": row["status_code"],
        "outcome": row["outcome"],
        "message": row["message"],
        "response_body": row["response_body"],
    }


UNDELIVERED = "undelivered"
"""A filter: what waits, is under way, or is dead; nothing of it means that all was delivered."""
_STATUSES = {HELD: WAITING, UNDELIVERED: NOT_DELIVERED}
_UNKNOWN = {404: ("delivery_unknown",)}
_ONE = "/v1/deliveries/{id}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/deliveries", Scope.READ, _get_all, "List deliveries, the newest first"),
        query=(
            word("status", "Only those that stand so.", (*DeliveryStatus, HELD, UNDELIVERED)),
            text("destination", "Only those to it: its slug, or the origin of a bare URL."),
            text("event_id", "Only those of this event."),
            text("run_id", "Only those of this run."),
            text("reason", "Only those that ended, or wait for their next try, for this reason."),
            moment("since", "Only those that were made at this time or later."),
            moment("until", "Only those that were made before this time."),
            *PAGE,
        ),
        gives={200: listed(DeliveryShown)},
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a delivery with its attempts"),
        gives={200: DeliveryInFull},
        problems=_UNKNOWN,
    ),
    Operation(
        "POST",
        f"{_ONE}/replay",
        Scope.WRITE,
        _replay,
        "Send an ended delivery again: the same, rendered anew, or edited",
        DeliveryReplay,
        optional=True,
        gives={202: DeliveryReplayed},
        problems={
            400: ("mask_given", "json_unfit"),
            404: (*_UNKNOWN[404], "source_unknown", "connector_unknown"),
            409: (
                *("delivery_under_way", "delivery_without_event", "delivery_of_run", "event_gone"),
                *("transform_missing", "transform_failed", "transform_masked"),
            ),
        },
    ),
    Operation(
        "POST",
        f"{_ONE}/cancel",
        Scope.WRITE,
        _cancel,
        "End a delivery that waits",
        Cancellation,
        optional=True,
        gives={200: DeliveryInFull},
        problems={**_UNKNOWN, 409: ("delivery_under_way", "delivery_ended")},
    ),
)
