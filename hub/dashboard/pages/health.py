"""Health: what is wrong and what to do, what the hub runs on, and what it is set to."""

from typing import Final

from starlette.responses import Response

from hub.dashboard.view import Page, View

_PATH = "/dashboard/health"
_WORST_FIRST: Final = ("problem", "warning", "ok")


async def _show(view: View) -> Response:
    health = await view.ask("GET", "/v1/health")
    lanes = await view.ask("GET", "/v1/lanes")
    by_grade = {
        grade: [each for each in health["findings"] if each["status"] == grade]
        for grade in _WORST_FIRST
    }
    wrong = by_grade["problem"] + by_grade["warning"]
    return view.page(
        "health.html", health=health, wrong=wrong, well=by_grade["ok"], lanes=lanes["items"]
    )


PAGES = (Page("GET", _PATH, _show),)
