"""Deliveries: what goes out, each with its attempts; sent again, edited, cancelled."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from hub.dashboard.bodies import piece_of, raw_text_of, text_of
from hub.dashboard.view import Page, View
from hub.errors import HubError, NotFoundError, TooLargeError
from hub.model.delivery import ENDED, HELD, DeliveryStatus
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.masking import MASK
from hub.model.time import from_iso, to_iso
from hub.web.api.body import is_json
from hub.web.api.deliveries import UNDELIVERED

_LIST, _ONE = "/dashboard/deliveries", "/dashboard/deliveries/{id}"
_WAITING = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING, HELD)
_FILTERS = ("status", "destination", "event_id", "run_id", "reason", "since", "until")
_ATTEMPTS, _CURL_MOST, _EDITED_MOST = 100, 100_000, 400_000


async def _list(view: View) -> Response:
    context: dict[str, Any] = {
        "statuses": (*DeliveryStatus, HELD, UNDELIVERED),
        "destinations": sorted(view.hub.catalog.now.destinations),
        "times": times_of(view.given),
        "deliveries": [],
        "more": None,
    }
    try:
        found = await view.page_of("/v1/deliveries", *_FILTERS)
    except HubError as error:
        return view.refused(error, "deliveries.html", **context)
    context |= {"deliveries": found["items"], "more": found["more"]}
    return view.page("deliveries.html", problem=None, **context)


async def _show(view: View) -> Response:
    delivery = await _delivery(view)
    body = text_of(delivery["body"], delivery["body_encoding"])
    destination = await _destination(view, delivery)
    status = delivery["status"]
    return view.page(
        "delivery.html",
        delivery=delivery,
        url=delivery["url"] or (destination or {}).get("url"),
        attempts=list(timeline_of(delivery["attempts"][-_ATTEMPTS:])),
        left_out=max(0, len(delivery["attempts"]) - _ATTEMPTS),
        body=piece_of(body),
        curl=curl_of(delivery, destination),
        has_ended=status in ENDED,
        waits=status in _WAITING,
        can_be_edited=_can_be_edited(delivery, body),
    )


async def _delivery(view: View) -> Any:
    return await view.ask("GET", "/v1/deliveries/{id}", {"id": view.part("id")})


async def _destination(view: View, delivery: Mapping[str, Any]) -> Any:
    """The destination that says where it goes, as it is now; None without one."""
    if delivery["url"] is not None:
        return None
    try:
        return await view.ask("GET", "/v1/destinations/{slug}", {"slug": delivery["destination"]})
    except NotFoundError:
        return None


async def _body(view: View) -> Response:
    delivery = await _delivery(view)
    start = view.given.get("from", "0")
    text = text_of(delivery["body"], delivery["body_encoding"])
    piece = piece_of(text, int(start) if start.isdecimal() else 0)
    return view.page("delivery_body.html", delivery=delivery, body=piece)


async def _replay(view: View) -> Response:
    is_rendered = view.form.get("how") == "rendered"
    said = (
        "It is rendered anew, and sent again."
        if is_rendered
        else "It is sent again: the same body, under the same key."
    )
    return await _act(view, "/v1/deliveries/{id}/replay", {"render": is_rendered}, said)


async def _cancel(view: View) -> Response:
    return await _act(view, "/v1/deliveries/{id}/cancel", {}, "It is cancelled.")


async def _act(view: View, path: str, wish: Json, said: str) -> Response:
    part = {"id": view.part("id")}
    doing = view.ask("POST", path, part, body=wish)
    return await view.act(doing, f"{_LIST}/{part['id']}", said)


async def _edit_form(view: View) -> Response:
    delivery = await _delivery(view)
    body = text_of(delivery["body"], delivery["body_encoding"])
    if not _can_be_edited(delivery, body):
        raise TooLargeError("This body cannot be edited here: it is no text, or a long one.")
    typed = {"body": body, "content_type": delivery["content_type"]}
    return view.page("delivery_edit.html", delivery=delivery, typed=typed, problem=None)


def _can_be_edited(delivery: Mapping[str, Any], body: str) -> bool:
    is_under_way = delivery["status"] == DeliveryStatus.DELIVERING
    is_text = delivery["body_encoding"] != "base64" and len(body) <= _EDITED_MOST
    return is_text and not is_under_way


async def _edit(view: View) -> Response:
    delivery = await _delivery(view)
    typed = {name: view.form.get(name, "") for name in ("body", "content_type")}
    try:
        kind, text = typed["content_type"].strip(), typed["body"]
        wish = {"body": loads(text) if is_json(kind) else text, "content_type": kind}
        part = {"id": delivery["id"]}
        made = await view.ask("POST", "/v1/deliveries/{id}/replay", part, body=wish)
    except HubError as error:
        return view.refused(error, "delivery_edit.html", delivery=delivery, typed=typed)
    return view.go(f"{_LIST}/{made['id']}", "It is sent as this delivery of its own.")


def times_of(given: Mapping[str, str]) -> dict[str, str]:
    """``since`` and ``until`` as a field for a date and a time takes them, in UTC."""
    found = {}
    for name in ("since", "until"):
        try:
            found[name] = to_iso(from_iso(given.get(name, "").replace(" ", "+")))[:19]
        except (ValueError, OverflowError):
            found[name] = ""
    return found


def timeline_of(attempts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Attempts with their duration as a share of the longest, and the pause before each."""
    longest = max((each["duration_ms"] for each in attempts), default=0) or 1
    ended_us: int | None = None
    for each in attempts:
        begun_us = from_iso(each["started_at"])
        pause_ms = None if ended_us is None else max(0, begun_us - ended_us) / 1000
        share = max(1, round(100 * each["duration_ms"] / longest))
        yield {**each, "share": share, "pause_ms": pause_ms}
        ended_us = begun_us + each["duration_ms"] * 1000


def curl_of(delivery: Mapping[str, Any], destination: Mapping[str, Any] | None) -> str | None:
    """The command that sends the same, without what is secret; None if nobody knows where to."""
    url = delivery["url"] or (destination or {}).get("url")
    if url is None:
        return None
    words = ["curl", "-X", "POST", shlex.quote(url)]
    for name, value in _fields_of(delivery, destination).items():
        words += ["-H", shlex.quote(f"{name}: {value}")]
    sent = raw_text_of(delivery["body"], delivery["body_encoding"])
    if sent is None or len(sent) > _CURL_MOST:
        words += ["--data-binary", "@body"]
    elif delivery["body_encoding"]:
        words += ["--data-binary", shlex.quote(sent)]
    return " ".join(words)


def _fields_of(
    delivery: Mapping[str, Any], destination: Mapping[str, Any] | None
) -> dict[str, str]:
    """Its header fields that are no secret. Of two with one name the hub's own counts."""
    own = (destination or {}).get("headers", {})
    return {
        **{name.lower(): value for name, value in own.items() if value != MASK},
        "content-type": delivery["content_type"],
        "idempotency-key": delivery["idempotency_key"],
        "webhook-id": delivery["id"],
    }


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/body", _body),
    Page("GET", f"{_ONE}/edit", _edit_form, Scope.WRITE),
    Page("POST", f"{_ONE}/edit", _edit, Scope.WRITE),
    Page("POST", f"{_ONE}/replay", _replay, Scope.WRITE),
    Page("POST", f"{_ONE}/cancel", _cancel, Scope.WRITE),
)
