"""The first page: what came in, what ran, what went out, and what is wrong."""

from starlette.responses import Response

from hub.dashboard.view import Page, View


async def _show(view: View) -> Response:
    return view.page("overview.html")


PAGES = (Page("GET", "/", _show),)
