"""Lanes, and what is paused: how the work stands, and holding it up."""

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/lanes", "/dashboard/lanes/{name}"
_API = "/v1/lanes/{name}"


async def _show(view: View) -> Response:
    found = await view.ask("GET", "/v1/lanes")
    pauses = await view.ask("GET", "/v1/pause")
    return view.page("lanes.html", lanes=found["items"], pauses=pauses)


async def _pause(view: View) -> Response:
    name = view.part("name")
    doing = view.ask("POST", f"{_API}/pause", {"name": name})
    return await view.act(doing, _LIST, f"The lane {name} is paused: none of its runs begins.")


async def _resume(view: View) -> Response:
    name = view.part("name")
    doing = view.ask("POST", f"{_API}/resume", {"name": name})
    return await view.act(doing, _LIST, f"The runs of the lane {name} begin again.")


async def _pause_all(view: View) -> Response:
    said = "Everything is paused: nothing runs and nothing leaves. Events are taken."
    return await view.act(view.ask("POST", "/v1/pause"), _LIST, said)


async def _resume_all(view: View) -> Response:
    said = "All goes on, but what is paused apart."
    return await view.act(view.ask("DELETE", "/v1/pause"), _LIST, said)


PAGES = (
    Page("GET", _LIST, _show),
    Page("POST", f"{_LIST}/pause", _pause_all, Scope.WRITE),
    Page("POST", f"{_LIST}/resume", _resume_all, Scope.WRITE),
    Page("POST", f"{_ONE}/pause", _pause, Scope.WRITE),
    Page("POST", f"{_ONE}/resume", _resume, Scope.WRITE),
)
