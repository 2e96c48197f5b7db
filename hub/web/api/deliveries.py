"""``/v1/deliveries``: what goes out, each of its attempts, and sending it again."""

from typing import Any

from starlette.responses import Response

from hub.errors import ConflictError
from hub.model.delivery import HELD, DeliveryStatus
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.store.deliveries import REPLAY, waiting_page
from hub.store.lookup import LAST, one, page, where
from hub.store.queues import DELIVERIES
from hub.store.schema import attempts, deliveries
from hub.web.api.call import Call, Operation, answer, known_word, missing
from hub.web.api.holding import Holds, held_destinations, holds_of


async def _get_all(call: Call) -> Response:
    wanted = call.page("status", "destination", "event_id", "run_id")
    filters = dict(wanted.filters)
    known_word("status", filters.get("status"), (*DeliveryStatus, HELD, UNDELIVERED))
    if filters.get("status") in (HELD, UNDELIVERED):
        view = filters.pop("status")
        names = await held_destinations(call.hub) if view == HELD else []
        rows = await call.hub.ledger.read(
            waiting_page,
            before=wanted.after(LAST),
            most=wanted.limit + 1,
            held_by=names if view == HELD and not call.hub.catalog.now.all_paused else None,
            and_dead=view == UNDELIVERED,
            **filters,
        )
    else:
        rows = await call.hub.ledger.read(
            page,
            deliveries,
            before=wanted.after(LAST),
            most=wanted.limit + 1,
            without=("body",),
            **filters,
        )
    holds = await holds_of(call.hub, [row["destination"] for row in rows])
    shown = [_shown(row, holds) for row in rows[: wanted.limit]]
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    return answer(wanted.answer(shown, last))


async def _get(call: Call) -> Response:
    row = await _row(call)
    made = await call.hub.ledger.read(where, attempts, delivery_id=row["id"])
    holds = await holds_of(call.hub, [row["destination"]])
    return answer({**_shown(row, holds), "attempts": [_shown_attempt(each) for each in made]})


async def _replay(call: Call) -> Response:
    row = await _row(call)
    if not await call.hub.ledger.write(REPLAY, row["id"]):
        raise ConflictError(
            f"This delivery is {row['status']}: only one that has ended can be sent again.",
            code="delivery_under_way",
        )
    call.hub.bell.ring(DELIVERIES)
    url = f"{call.root}/v1/deliveries/{row['id']}"
    return answer({"id": row["id"], "status": DeliveryStatus.PENDING, "url": url}, 202)


async def _row(call: Call) -> dict[str, Any]:
    delivery_id = call.id("dlv", "delivery")
    row = await call.hub.ledger.read(one, deliveries, id=delivery_id)
    if row is None:
        raise missing("delivery", delivery_id)
    return row


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
_ONE = "/v1/deliveries/{id}"
OPERATIONS = (
    Operation("GET", "/v1/deliveries", Scope.READ, _get_all, "List deliveries, the newest first"),
    Operation("GET", _ONE, Scope.READ, _get, "Read a delivery with its attempts"),
    Operation("POST", f"{_ONE}/replay", Scope.WRITE, _replay, "Send an ended delivery again"),
)
