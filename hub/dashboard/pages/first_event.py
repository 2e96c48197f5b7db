"""From nothing to a first event: choose the tool, paste what is shown, and see it come in."""

import secrets
import shlex
from typing import Final

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError
from hub.model.key import Scope

_PATH: Final = "/dashboard/first-event"
_HEADER: Final = "X-Api-Key"
_TOOLS: Final = {
    "n8n": ("n8n", "n8n"),
    "make": ("Make", "make"),
    "weweb": ("WeWeb", "weweb"),
    "xano": ("Xano", "xano"),
    "other": ("Something else, or curl", "standard"),
}
"""What people choose from: a word, the name, and the connector that reads it."""
_CLICKS: Final = {
    "n8n": (
        "In the workflow add an HTTP Request node, with the method POST and the URL below.",
        "Under Authentication choose Generic Credential Type, then Header Auth.",
        "Make a credential of the name and the value below.",
        "Turn on Send Body, choose JSON, and give it a field “event” that says what happened.",
        "Execute the node.",
    ),
    "make": (
        "In the scenario add the module HTTP, Make a request.",
        "Choose the method POST, and enter the URL below.",
        "Under Headers add an item with the name and the value below.",
        "Choose the body type Raw and the content type JSON, and write what happened.",
        "Run the scenario once.",
    ),
    "weweb": (
        "Add the REST API plugin, and in a workflow an action of it.",
        "Choose the method POST, enter the URL below, and add the header field below.",
        "Give it a body, and run the workflow.",
        "Whoever uses the page can read that field: set the source to JWT before others do.",
    ),
    "xano": (
        "In a function stack add External API Request, with the method POST and the URL below.",
        "Add to its headers one text: the name, a colon and the value below.",
        "Give it params or a body, and run the stack.",
    ),
    "other": ("Send a POST with JSON to the URL below, with the header field below.",),
}
_SHOWN: Final = 5


async def _choose(view: View) -> Response:
    return view.page("first_event.html", tools=_TOOLS)


async def _make(view: View) -> Response:
    tool = view.form.get("tool", "")
    secret = secrets.token_urlsafe(24)
    try:
        if tool not in _TOOLS:
            raise InvalidError("Choose which tool sends.", code="tool_unknown")
        slug = _free_name(view, tool)
        verify = {"mode": "header", "header": _HEADER, "secrets": [secret]}
        source = {"connector": _TOOLS[tool][1], "verify": verify}
        made = await view.ask("PUT", "/v1/sources/{slug}", {"slug": slug}, body=source)
    except HubError as error:
        return view.refused(error, "first_event.html", tools=_TOOLS)
    return view.page(
        "first_event_paste.html",
        name=_TOOLS[tool][0],
        clicks=_CLICKS[tool],
        source=made,
        header=_HEADER,
        secret=secret,
        curl=_curl(made["url"], secret),
        events=[],
    )


async def _waiting(view: View) -> Response:
    """What has come, also what was refused: most first requests lack something."""
    slug = view.part("slug")
    found = await view.ask("GET", "/v1/events", query={"source": slug, "limit": _SHOWN})
    return view.page("first_event_waiting.html", source={"slug": slug}, events=found["items"])


def _free_name(view: View, tool: str) -> str:
    taken = view.hub.catalog.now.sources
    names = (tool, *(f"{tool}-{n}" for n in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _curl(url: str, secret: str) -> str:
    fields = ("content-type: application/json", f"{_HEADER}: {secret}")
    given = " ".join(f"-H {shlex.quote(each)}" for each in fields)
    return f'curl {shlex.quote(url)} {given} -d \'{{"event": "hello"}}\''


PAGES = (
    Page("GET", _PATH, _choose, Scope.WRITE),
    Page("POST", _PATH, _make, Scope.WRITE),
    Page("GET", f"{_PATH}/{{slug}}/waiting", _waiting),
)
