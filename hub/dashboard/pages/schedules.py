"""Schedules: when tasks are started by the clock, and holding that up."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/schedules", "/dashboard/schedules/{name:path}"
_API = "/v1/schedules/{name:path}"
_RUNS = 10


async def _list(view: View) -> Response:
    found = await view.page_of("/v1/schedules")
    return view.page("schedules.html", schedules=found["items"], more=found["more"])


async def _show(view: View) -> Response:
    schedule = await view.ask("GET", _API, _parts(view))
    query = {"task": schedule["task"], "limit": _RUNS, "brief": "true"}
    runs = await view.ask("GET", "/v1/runs", query=query)
    times = [(each, there(each, schedule["timezone"])) for each in schedule["next"]]
    return view.page("schedule.html", schedule=schedule, times=times, runs=runs["items"])


async def _pause(view: View) -> Response:
    doing = view.ask("POST", f"{_API}/pause", _parts(view))
    return await view.act(doing, _back(view), f"{view.part('name')} is paused.")


async def _resume(view: View) -> Response:
    doing = view.ask("POST", f"{_API}/resume", _parts(view))
    said = f"{view.part('name')} fires again, from now on."
    return await view.act(doing, _back(view), said)


async def _run(view: View) -> Response:
    try:
        told: dict[str, Any] = await view.ask("POST", f"{_API}/run", _parts(view))
    except HubError as error:
        return view.go(_back(view), error.message, is_bad=True)
    return view.go(f"/dashboard/runs/{told['id']}", "Its task is started, besides its times.")


def there(iso: str, zone: str) -> str:
    """A time as the clocks of a zone show it."""
    at = datetime.fromisoformat(iso).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return f"{at:%a %Y-%m-%d %H:%M}"


def _parts(view: View) -> dict[str, str]:
    return {"name": view.part("name")}


def _back(view: View) -> str:
    """The page that the form stood on."""
    one = f"{_LIST}/{quote(view.part('name'))}"
    return one if view.form.get("from") == "one" else _LIST


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _ONE, _show),
    Page("POST", f"{_ONE}/pause", _pause, Scope.WRITE),
    Page("POST", f"{_ONE}/resume", _resume, Scope.WRITE),
    Page("POST", f"{_ONE}/run", _run, Scope.RUN),
)
