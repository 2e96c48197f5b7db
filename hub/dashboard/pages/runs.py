"""Runs: what ran, each step at its time, and having it end, go on or begin again."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.responses import Response

from hub.dashboard.bodies import Piece, piece_of
from hub.dashboard.render import pretty, segment
from hub.dashboard.view import Page, View
from hub.dashboard.waterfall import bars_of
from hub.errors import HubError, NotFoundError
from hub.model.key import Scope
from hub.model.run import RunStatus

_LIST, _ONE = "/dashboard/runs", "/dashboard/runs/{id}"
_STEPS, _REQUESTS, _STARTED = 200, 20, 20
_MOST_TASKS = 500
_BEGINNING = 1_500
"""So many characters of a value stand in a page of many; the rest is asked for."""
_WHOLE = ("input", "result")
_OF_STEP = ("input", "output")
_UNTOLD = "It cannot be told: the run's stack or its input is no longer kept as it was."
_PLACE = re.compile(r"[0-9]{1,12}")


async def _list(view: View) -> Response:
    context: dict[str, Any] = {
        "statuses": [each.value for each in RunStatus],
        "tasks": await view.desk.listed("/v1/tasks", _MOST_TASKS),
        "pauses": await view.ask("GET", "/v1/pause"),
        "runs": [],
        "more": None,
    }
    filters = ("status", "task", "event_id", "parent")
    wanted = {name: view.given.get(name) for name in (*filters, "cursor")}
    try:
        found = await view.ask("GET", "/v1/runs", query={**wanted, "brief": "true"})
    except HubError as error:
        return view.refused(error, "runs.html", **context)
    return view.page("runs.html", **{**context, "runs": found["items"], "more": more_of(found)})


async def _show(view: View) -> Response:
    run = await view.ask("GET", "/v1/runs/{id}", _parts(view))
    query = {"limit": _STEPS, "cursor": view.given.get("cursor")}
    steps = await view.ask("GET", "/v1/runs/{id}/steps", _parts(view), query=query)
    requests = await view.ask(
        "GET", "/v1/runs/{id}/attempts", _parts(view), query={"limit": _REQUESTS}
    )
    query = {"parent": run["id"], "limit": _STARTED, "brief": "true"}
    started = await view.ask("GET", "/v1/runs", query=query)
    bars = bars_of(run, steps["items"], await _outlined(view, run))
    place = run["failure"] and run["failure"]["step"]
    there = [each for each in bars if each.step["path"] == place and each.step["failure"]]
    return view.page(
        "run.html",
        run=run,
        bars=bars,
        failed=there[-1] if there else None,
        more=more_of(steps),
        requests=requests,
        started=started,
        beginning=beginning,
        progress=_progress(run["progress"]),
        pauses=await view.ask("GET", "/v1/pause"),
    )


async def _outlined(view: View, run: Mapping[str, Any]) -> dict[str, Any]:
    """The steps of its task by their paths, if its version can still be read."""
    try:
        task = await view.ask(
            "GET", "/v1/tasks/{name:path}", {"name": run["task"]}, query={"version": run["version"]}
        )
    except HubError:
        return {}
    return {each["path"]: each for each in task["outline"]}


async def _requests(view: View) -> Response:
    run = await view.ask("GET", "/v1/runs/{id}", _parts(view))
    found = await view.page_of("/v1/runs/{id}/attempts", parts=_parts(view))
    context = {"run": run, "requests": found["items"], "more": found["more"]}
    return view.page("run_requests.html", **context)


async def _piece(view: View) -> Response:
    """A part of something large: the input, the result, or a step's."""
    what, start = view.given.get("of", "input"), view.given.get("from", "0")
    label, value = await _value(view, what)
    piece = piece_of(pretty(value), int(start) if _PLACE.fullmatch(start) else 0)
    is_part = "hx-request" in view.request.headers
    template = "run_piece_part.html" if is_part else "run_piece.html"
    return view.page(template, run_id=view.part("id"), what=what, label=label, piece=piece)


async def _value(view: View, what: str) -> tuple[str, Any]:
    kind, _, place = what.partition(":")
    if kind in _WHOLE and not place:
        run = await view.ask("GET", "/v1/runs/{id}", _parts(view))
        return f"The {kind}", run[kind]
    if kind in _OF_STEP:
        path, _, started_at = place.rpartition("@")
        query = {"path": path, "limit": _STEPS, "input": "true" if kind == "input" else None}
        found = await view.ask("GET", "/v1/runs/{id}/steps", _parts(view), query=query)
        for step in found["items"]:
            if (step["started_at"] or "") == started_at:
                known = kind == "output" or step["input"] is not None
                return f"The {kind} of step {path}", step[kind] if known else _UNTOLD
    raise NotFoundError("There is no such part of this run.", code="part_unknown")


async def _cancel(view: View) -> Response:
    doing = view.ask("POST", "/v1/runs/{id}/cancel", _parts(view))
    return await view.act(doing, _path(view), "It is cancelled, and ends where it stands.")


async def _retry(view: View) -> Response:
    start = view.form.get("from", "failed_step")
    try:
        told = await view.ask("POST", "/v1/runs/{id}/retry", _parts(view), body={"from": start})
    except HubError as error:
        return view.go(_path(view), error.message, is_bad=True)
    if told["id"] == view.part("id"):
        return view.go(_path(view), "It goes on where it failed; what came before counts.")
    return view.go(f"{_LIST}/{told['id']}", "This is the new run, from the beginning.")


async def _preview(view: View) -> Response:
    wish = {"from": "beginning", "dry_run": True}
    try:
        found = await view.ask("POST", "/v1/runs/{id}/retry", _parts(view), body=wish)
    except HubError as error:
        return view.go(_path(view), error.message, is_bad=True)
    for each in found["differences"]:
        each["fields"] = _fields(each["then"], each["now"])
    return view.page("run_preview.html", run_id=view.part("id"), preview=found)


def _fields(then: Any, now: Any) -> list[str]:
    """The fields in which two things differ; none where one of them is not there."""
    if not isinstance(then, dict) or not isinstance(now, dict):
        return []
    return [name for name in {**then, **now} if then.get(name) != now.get(name)]


def beginning(value: Any) -> Piece:
    """As much of a value as has room in a page of many."""
    text = pretty(value)
    if len(text) <= _BEGINNING:
        return piece_of(text)
    return Piece(text[:_BEGINNING], _BEGINNING, len(text))


def more_of(found: Mapping[str, Any]) -> str | None:
    """The cursor of a list's next page."""
    return dict(parse_qsl(urlsplit(found["next"] or "").query)).get("cursor")


def _progress(told: Any) -> dict[str, Any] | None:
    """What a run says of how far it has come, as a bar can show it."""
    if not isinstance(told, dict):
        return None
    done, total = told.get("done"), told.get("total")
    is_drawn = _is_number(done) and _is_number(total) and total != 0
    return {"done": done, "total": total, "message": told.get("message"), "is_drawn": is_drawn}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _parts(view: View) -> dict[str, str]:
    return {"id": view.part("id")}


def _path(view: View) -> str:
    return f"{_LIST}/{segment(view.part('id'))}"


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/piece", _piece),
    Page("GET", f"{_ONE}/requests", _requests),
    Page("POST", f"{_ONE}/cancel", _cancel, Scope.RUN),
    Page("POST", f"{_ONE}/preview", _preview, Scope.RUN),
    Page("POST", f"{_ONE}/retry", _retry, Scope.RUN),
)
