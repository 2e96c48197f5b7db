"""Beside the editor of a stack: its text in a simulation, and runs of what is saved."""

from typing import Any

from starlette.responses import Response

from hub.dashboard.pages.stacks import ONE, editor, found
from hub.dashboard.render import took
from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.time import from_iso

_OBJECTS = {
    "input": "The input",
    "answers": "What is answered",
    "variables": "The variables",
    "tables": "The records",
}
_MOST_SHOWN = 200


async def _simulate(view: View) -> Response:
    stack = await found(view)
    try:
        wish: dict[str, Json] = {
            "stack": view.form.get("text", stack["text"]),
            "name": stack["name"],
            "task": view.form.get("task") or None,
            "span_s": _seconds(view.form.get("span_s", "")),
            **{name: _object(view, name) for name in _OBJECTS},
        }
        made = await view.ask("POST", "/v1/simulations", body=wish)
    except HubError as error:
        return await editor(view, stack, outcome={"kind": "refusal", "problem": error})
    return await editor(view, stack, outcome=_outcome(made))


def _outcome(made: dict[str, Any]) -> dict[str, Any]:
    timeline = made["timeline"]
    begin_us = from_iso(timeline[0]["at"]) if timeline else 0
    return {
        "kind": "simulation",
        "timeline": [
            {**each, "after": _after(from_iso(each["at"]) - begin_us)}
            for each in timeline[:_MOST_SHOWN]
        ],
        "left_out": max(0, len(timeline) - _MOST_SHOWN),
        "left": made["left"][:_MOST_SHOWN],
        "tables": {name: rows[:_MOST_SHOWN] for name, rows in made["tables"].items()},
    }


def _after(us: int) -> str:
    return f"after {took(us / 1000)}" if us else "at the beginning"


async def _run(view: View) -> Response:
    stack = await found(view)
    try:
        task = view.form.get("task", "")
        if not task:
            raise InvalidError("Choose the task that is to run.")
        wish = {"input": _object(view, "input")}
        run = await view.ask("POST", "/v1/tasks/{task:path}/runs", {"task": task}, body=wish)
    except HubError as error:
        return await editor(view, stack, outcome={"kind": "refusal", "problem": error})
    return await editor(view, stack, outcome={"kind": "run", "run": run, "task": task})


def _object(view: View, name: str) -> Json:
    """A field of the form as a JSON object; nothing is an empty one.

    Raises:
        InvalidError: ``json_broken``.
    """
    text = view.form.get(name, "").strip()
    try:
        value = loads(text) if text else {}
    except HubError as error:
        raise InvalidError(f"{_OBJECTS[name]} cannot be read: {error.message}") from error
    if not isinstance(value, dict):
        raise InvalidError(f"{_OBJECTS[name]} must be a JSON object, such as {{}}.")
    return value


def _seconds(text: str) -> float:
    """How long a simulation is followed; the operation knows the bounds.

    Raises:
        InvalidError
    """
    try:
        return float(text or 0)
    except ValueError:
        raise InvalidError("How long it is followed must be a number of seconds.") from None


PAGES = (
    Page("POST", f"{ONE}/simulate", _simulate, Scope.WRITE),
    Page("POST", f"{ONE}/run", _run, Scope.RUN),
)
