"""Stacks: their list, and the editor of one, which checks the text as it is typed."""

import asyncio
from typing import Any

from starlette.responses import Response

from hub.dashboard.render import segment
from hub.dashboard.view import Page, View
from hub.errors import ConflictError, HubError, NotFoundError
from hub.model.json import Json, dumps, loads
from hub.model.key import Scope

LIST, ONE, API = "/dashboard/stacks", "/dashboard/stacks/{name}", "/v1/stacks/{name}"
_MOST_NAMES = 500
_NAMES = {"tasks": "name", "variables": "name", "tables": "name"}
_SLUGS = ("destinations", "sources", "channels")
_BEGINNINGS = {
    "JSON5": """// What this stack does.
{
  task: "hello",
  function_stack: [
    { function: "return_response", body: { hello: "{{name ?? 'world'}}" } },
  ],
}
""",
    "YAML": """# What this stack does.
task: hello
function_stack:
  - function: return_response
    body:
      hello: "{{name ?? 'world'}}"
""",
}


def path_of(name: str) -> str:
    """Where the editor of a stack is."""
    return f"{LIST}/{segment(name)}"


async def checked_text(view: View, name: str, text: str) -> dict[str, Any]:
    """What a text holds, and what is wrong with it."""
    return await _sent(view, "POST", f"{API}/check", name, text)


async def put_text(view: View, name: str, text: str) -> dict[str, Any]:
    """Make a text what the stack says. Raises HubError as the operation."""
    return await _sent(view, "PUT", API, name, text)


async def _sent(view: View, method: str, path: str, name: str, text: str) -> dict[str, Any]:
    sent = text.encode("utf-8", "surrogatepass")
    parts = {"name": name}
    given = await view.desk.answer(method, path, parts, body=sent, content_type="text/plain")
    answer: dict[str, Any] = loads(bytes(given.body))
    return answer


async def editor(
    view: View,
    stack: dict[str, Any],
    *,
    problem: HubError | None = None,
    outcome: dict[str, Any] | None = None,
    version: str | None = None,
) -> Response:
    """The page of a stack, with the text that was typed, if any, else its own.

    ``version`` is the one that the text was made from, ``outcome`` what a trial has come to.
    """
    text = view.form.get("text", stack["text"])
    checked = stack if text == stack["text"] else await checked_text(view, stack["name"], text)
    context = {
        "stack": stack,
        "text": text,
        "checked": checked,
        "outcome": outcome,
        "version": version or view.form.get("version", stack["version"]),
        "may_save": view.may(Scope.WRITE) and stack["managed_by"] == "api",
        "base": path_of(stack["name"]),
        "typed": view.form,
    }
    if problem is not None:
        return view.refused(problem, "stack.html", **context)
    return view.page("stack.html", problem=None, **context)


async def found(view: View) -> dict[str, Any]:
    """The stack of the path, with its text."""
    stack: dict[str, Any] = await view.ask("GET", API, {"name": view.part("name")})
    return stack


async def _list(view: View) -> Response:
    return await _listed(view)


async def _listed(view: View, problem: HubError | None = None) -> Response:
    page = await view.page_of("/v1/stacks")
    context = {
        "stacks": page["items"],
        "more": page["more"],
        "notations": [*_BEGINNINGS],
        "typed": view.form,
    }
    if problem is not None:
        return view.refused(problem, "stacks.html", **context)
    return view.page("stacks.html", problem=None, **context)


async def _make(view: View) -> Response:
    name = view.form.get("name", "").strip()
    text = _BEGINNINGS.get(view.form.get("notation", ""), _BEGINNINGS["JSON5"])
    try:
        if await _is_there(view, name):
            raise ConflictError(f"There is a stack {name!r} already.", code="conflict")
        await put_text(view, name, text)
    except HubError as error:
        return await _listed(view, error)
    return view.go(path_of(name), "It is made, with a small task to begin with.")


async def _is_there(view: View, name: str) -> bool:
    try:
        await view.ask("GET", API, {"name": name})
    except NotFoundError:
        return False
    return True


async def _show(view: View) -> Response:
    return await editor(view, await found(view))


async def _save(view: View) -> Response:
    stack = await found(view)
    before, text = view.form.get("version", ""), view.form.get("text", "")
    if before and before != stack["version"]:
        error = ConflictError(
            f"Somebody has saved version {stack['version']} since this text was opened as "
            f"{before}. See under Versions what they changed; saving again replaces it.",
            code="conflict",
        )
        return await editor(view, stack, problem=error, version=stack["version"])
    try:
        saved = await put_text(view, stack["name"], text)
    except HubError as error:
        return await editor(view, stack, problem=error)
    said = f"Saved as version {saved['version']}."
    if saved["version"] == stack["version"] and text != stack["text"]:
        said = f"Saved. It says the same as before, so it is still version {saved['version']}."
    return view.go(path_of(stack["name"]), said)


async def _check(view: View) -> Response:
    name, text = view.part("name"), view.form.get("text", "")
    if not view.request.headers.get("hx-request"):
        return await editor(view, await found(view))
    checked = await checked_text(view, name, text)
    return view.page("stack_found.html", checked=checked)


async def _pause(view: View) -> Response:
    doing = view.ask("POST", f"{API}/pause", {"name": view.part("name")})
    return await view.act(doing, path_of(view.part("name")), "Paused: none of its runs begins.")


async def _resume(view: View) -> Response:
    doing = view.ask("POST", f"{API}/resume", {"name": view.part("name")})
    return await view.act(doing, path_of(view.part("name")), "Resumed: its runs begin again.")


async def _remove(view: View) -> Response:
    name = view.part("name")
    try:
        await view.ask("DELETE", API, {"name": name})
    except HubError as error:
        return view.go(path_of(name), error.message, is_bad=True)
    said = "It is removed. Its versions stay: restore one to have it back."
    return view.go(f"{path_of(name)}/versions", said)


async def _language(view: View) -> Response:
    """What the editor completes, as JSON."""
    asked = [*_NAMES, *_SLUGS]
    language, *lists = await asyncio.gather(
        view.ask("GET", "/v1/language"),
        *(view.desk.listed(f"/v1/{each}", _MOST_NAMES) for each in asked),
    )
    names: dict[str, Json] = {
        each: [item[_NAMES.get(each, "slug")] for item in items]
        for each, items in zip(asked, lists, strict=True)
    }
    return Response(dumps({**language, "names": names}), media_type="application/json")


PAGES = (
    Page("GET", LIST, _list),
    Page("POST", LIST, _make, Scope.WRITE),
    Page("GET", "/dashboard/stack-language", _language),
    Page("GET", ONE, _show),
    Page("POST", ONE, _save, Scope.WRITE),
    Page("POST", f"{ONE}/check", _check),
    Page("POST", f"{ONE}/pause", _pause, Scope.WRITE),
    Page("POST", f"{ONE}/resume", _resume, Scope.WRITE),
    Page("POST", f"{ONE}/remove", _remove, Scope.WRITE),
)
