"""Versions of a stack: what it said when, in what two of them differ, and going back to one."""

import asyncio
from typing import Any

from starlette.responses import Response

from hub.dashboard.diffs import Line, lines_between
from hub.dashboard.pages.stacks import ONE, path_of, put_text
from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope

_API = "/v1/stacks/{name}/versions"


async def _show(view: View) -> Response:
    name = view.part("name")
    page = await view.page_of(_API, parts={"name": name})
    versions = page["items"]
    old, new = _chosen(view, versions)
    context: dict[str, Any] = {
        "name": name,
        "base": path_of(name),
        "versions": versions,
        "more": page["more"],
        "old": old,
        "new": new,
        "is_there": await _is_there(view, name),
    }
    try:
        lines = await _lines(view, name, old, new)
    except HubError as error:
        return view.refused(error, "stack_versions.html", lines=None, **context)
    return view.page("stack_versions.html", problem=None, lines=lines, **context)


def _chosen(view: View, versions: list[dict[str, Any]]) -> tuple[str, str]:
    """The two that are compared: what is asked for, else the one in use and the one before it."""
    names = [each["version"] for each in versions]
    at = next((n for n, each in enumerate(versions) if each["in_use"]), 0)
    last = names[at] if names else ""
    before = names[at + 1] if at + 1 < len(names) else last
    return view.given.get("old", before), view.given.get("new", last)


async def _is_there(view: View, name: str) -> bool:
    try:
        await view.ask("GET", "/v1/stacks/{name}", {"name": name})
    except HubError:
        return False
    return True


async def _lines(view: View, name: str, old: str, new: str) -> list[Line]:
    before, after = [await _text(view, name, each) for each in (old, new)]
    return await asyncio.to_thread(lines_between, before, after)


async def _text(view: View, name: str, version: str) -> str:
    parts = {"name": name, "version": version}
    return str((await view.ask("GET", f"{_API}/{{version}}", parts))["text"])


async def _restore(view: View) -> Response:
    name, version = view.part("name"), view.form.get("version", "")

    async def restored() -> None:
        await put_text(view, name, await _text(view, name, version))

    said = f"The stack says again what version {version} says."
    try:
        await restored()
    except HubError as error:
        return view.go(f"{path_of(name)}/versions", error.message, is_bad=True)
    return view.go(path_of(name), said)


PAGES = (
    Page("GET", f"{ONE}/versions", _show),
    Page("POST", f"{ONE}/restore", _restore, Scope.WRITE),
)
