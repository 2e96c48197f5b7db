"""Tasks: what stacks can do, and starting it by hand."""

import math
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError
from hub.expr import LANES
from hub.model.json import Json, loads
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/tasks", "/dashboard/tasks/{name:path}"
_API = "/v1/tasks/{name:path}"
_RUNS = 10
_MEMBERS = {"object": {}, "array": [], "string": "", "integer": 0, "number": 0, "boolean": False}


async def _list(view: View) -> Response:
    found = await view.page_of("/v1/tasks")
    return view.page("tasks.html", tasks=found["items"], more=found["more"])


async def _show(view: View) -> Response:
    task = await view.ask("GET", _API, {"name": view.part("name")})
    return view.page("task.html", **await _context(view, task, _example(task)))


async def _start(view: View) -> Response:
    task = await view.ask("GET", _API, {"name": view.part("name")})
    try:
        wish = _wish(view.form)
        parts = {"task": task["name"]}
        told = await view.ask("POST", "/v1/tasks/{task:path}/runs", parts, body=wish)
    except HubError as error:
        context = await _context(view, task, view.form.get("input", ""))
        return view.refused(error, "task.html", **context)
    return view.go(f"/dashboard/runs/{told['id']}", f"A run of {task['name']} was started.")


async def _context(view: View, task: dict[str, Any], typed: Json) -> dict[str, Any]:
    query = {"task": task["name"], "limit": _RUNS, "brief": "true"}
    runs = await view.ask("GET", "/v1/runs", query=query)
    return {
        "task": task,
        "url": f"{_LIST}/{quote(task['name'])}",
        "lanes": LANES,
        "runs": runs["items"],
        "typed": {"input": typed, **{k: view.form.get(k, "") for k in ("lane", "delay_s")}},
    }


def _wish(form: dict[str, str]) -> dict[str, Json]:
    """What the API is asked for.

    Raises:
        InvalidError: ``json_broken``, ``number_broken``.
    """
    wish: dict[str, Json] = {"input": loads(form.get("input", "").strip() or "{}")}
    if form.get("lane"):
        wish["lane"] = form["lane"]
    if form.get("delay_s", "").strip():
        wish["delay_s"] = _number(form["delay_s"])
    return wish


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidError("The delay is a number of seconds.", code="number_broken")
    return number


def _example(task: dict[str, Any]) -> Json:
    """An input to begin with: what the task needs, empty."""
    schema = task["input"] or {}
    known = schema.get("properties")
    needed = schema.get("required")
    if not isinstance(known, dict) or not isinstance(needed, list):
        return {}
    return {name: _member(known.get(name)) for name in needed}


def _member(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return ""
    words = schema.get("enum")
    if isinstance(words, list) and words:
        return words[0]
    kind = schema.get("type")
    return _MEMBERS.get(kind, "") if isinstance(kind, str) else ""


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _ONE, _show),
    Page("POST", _ONE, _start, Scope.RUN),
)
