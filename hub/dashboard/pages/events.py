"""Events: what came in, and the way of each from its request to the last attempt."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from starlette.responses import Response

from hub.dashboard.bodies import piece_of, raw_text_of, text_of
from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope
from hub.web.shown.work import Fate

_LIST, _ONE = "/dashboard/events", "/dashboard/events/{id}"
_STEPS, _RUNS, _DELIVERIES = 200, 20, 50
_MADE_BY_CURL = frozenset({"host", "content-length", "accept", "user-agent", "connection"})
_CURL_MOST = 100_000


async def _list(view: View) -> Response:
    context: dict[str, Any] = {
        "sources": sorted(view.hub.catalog.now.sources),
        "fates": get_args(Fate),
        "events": [],
        "more": None,
    }
    try:
        found = await view.page_of("/v1/events", "source", "fate", "since")
    except HubError as error:
        return view.refused(error, "events.html", **context)
    return view.page("events.html", **{**context, "events": found["items"], "more": found["more"]})


async def _show(view: View) -> Response:
    event = await view.ask("GET", "/v1/events/{id}", {"id": view.part("id")})
    runs = [await _run(view, each) for each in event["runs"][:_RUNS]]
    parts = {"event_id": event["id"]}
    found = await view.ask("GET", "/v1/deliveries", query={**parts, "limit": _DELIVERIES})
    deliveries = [
        await view.ask("GET", "/v1/deliveries/{id}", {"id": each["id"]})
        for each in reversed(found["items"])
    ]
    return view.page(
        "event.html",
        event=event,
        body=piece_of(text_of(event["body"], event["body_encoding"])),
        curl=curl_of(view.root, event),
        runs=runs,
        deliveries=deliveries,
        left_out=len(event["runs"]) > _RUNS or found["next"] is not None,
        channels=" ".join(["deliveries", *(f"runs.{each}" for each in event["runs"][:_RUNS])]),
    )


async def _run(view: View, run_id: str) -> dict[str, Any]:
    run = await view.ask("GET", "/v1/runs/{id}", {"id": run_id})
    steps = await view.ask("GET", "/v1/runs/{id}/steps", {"id": run_id}, query={"limit": _STEPS})
    return {**run, "steps": steps["items"], "more_steps": steps["next"] is not None}


async def _body(view: View) -> Response:
    event = await view.ask("GET", "/v1/events/{id}", {"id": view.part("id")})
    text = text_of(event["body"], event["body_encoding"])
    start = view.given.get("from", "0")
    piece = piece_of(text, int(start) if start.isdecimal() else 0)
    return view.page("event_body.html", event=event, body=piece)


async def _replay(view: View) -> Response:
    path = f"{_LIST}/{view.part('id')}"
    doing = view.ask("POST", "/v1/events/{id}/replay", {"id": view.part("id")}, body={})
    return await view.act(doing, path, "It is replayed: its tasks run again, as they are now.")


async def _preview(view: View) -> Response:
    event_id = view.part("id")
    wish = {"dry_run": True}
    found = await view.ask("POST", "/v1/events/{id}/replay", {"id": event_id}, body=wish)
    return view.page("event_preview.html", event_id=event_id, previews=found["previews"])


def curl_of(root: str, event: Mapping[str, Any]) -> str:
    """The command that sends an event's request again; what was masked has to be filled in."""
    query = f"?{event['query']}" if event["query"] else ""
    url = f"{root}/in/{event['source']}{event['path']}{query}"
    words = ["curl", "-X", event["method"], shlex.quote(url), *_headers(event["headers"])]
    sent = raw_text_of(event["body"], event["body_encoding"])
    if sent is None or len(sent) > _CURL_MOST:
        words += ["--data-binary", "@body"]
    elif sent and event["body_encoding"]:
        words += ["--data-binary", shlex.quote(sent)]
    return " ".join(words)


def _headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name not in _MADE_BY_CURL:
            yield f"-H {shlex.quote(f'{name}: {value}')}"


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/body", _body),
    Page("POST", f"{_ONE}/replay", _replay, Scope.RUN),
    Page("POST", f"{_ONE}/preview", _preview, Scope.RUN),
)
