"""Sources: the addresses to paste, who may send there, and trying them out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from hub.dashboard.forms.field import Doc
from hub.dashboard.setting import NEW, setting_of, start_of
from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.json import loads
from hub.model.key import Scope
from hub.model.source import Source
from hub.signature import new_scheme_secret

_FEW = 10
_WE_CHOOSE = ("header", "basic", "hmac")
"""How a sender is known by a secret that either side may choose."""


def _known(view: View) -> Mapping[str, Sequence[str]]:
    now = view.hub.catalog.now
    tasks = sorted(each.full_name for one in now.stacks.values() for each in one.tasks.values())
    return {"/connector": sorted(view.hub.connectors), "/task": tasks}


SOURCES = setting_of("source", Source, ("connector", "verify", "task"), _known, ("retired",))
_LIST, _ONE = SOURCES.pages, f"{SOURCES.pages}/{{slug}}"


async def _list(view: View) -> Response:
    found = await view.page_of("/v1/sources")
    asked = [_events(view, each["slug"], 1) for each in found["items"]]
    newest = [next(iter(events), None) for events in await asyncio.gather(*asked)]
    sources = [each | {"last": last} for each, last in zip(found["items"], newest, strict=True)]
    return view.page("sources.html", sources=sources, more=found["more"])


async def _events(view: View, slug: str, most: int, fate: str | None = None) -> list[Doc]:
    query = {"source": slug, "limit": most, "fate": fate}
    found: list[Doc] = (await view.ask("GET", "/v1/events", query=query))["items"]
    return found


async def _blank(view: View) -> Response:
    name = view.given.get("connector")
    if name is None:
        connectors = [
            each
            for each in await view.desk.listed("/v1/connectors", 500)
            if any(click["way"] == "in" for click in each["clicks"]) or not each["clicks"]
        ]
        return view.page("connectors.html", connectors=connectors, kind="source", pages=_LIST)
    connector = await _connector(view, name)
    start = {"verify": {"mode": "preset"}} if connector["verifies"] else {}
    start |= start_of(connector["clicks"], "in", name)
    return SOURCES.blank(view, start, clicks=_clicks(connector))


async def _connector(view: View, name: str) -> Doc:
    found: Doc = await view.ask("GET", "/v1/connectors/{name}", {"name": name})
    return found


def _clicks(connector: Doc, url: str | None = None) -> list[Doc]:
    """What to do in the tool, with the address where it is known."""

    def put(text: str) -> str:
        return text if url is None else text.replace("https://YOUR-HUB/in/YOUR-SOURCE", url)

    return [
        {**each, "steps": [*map(put, each["steps"])], "notes": [*map(put, each["notes"])]}
        for each in connector["clicks"]
        if each["way"] == "in"
    ]


async def _make(view: View) -> Response:
    def ready(document: Doc) -> tuple[Doc, list[str]]:
        verify = document.get("verify", {})
        if verify.get("mode") not in _WE_CHOOSE or verify.get("secrets"):
            return document, []
        secret = new_scheme_secret(str(verify.get("key_encoding", "text")))
        return document | {"verify": verify | {"secrets": [secret]}}, [secret]

    return await SOURCES.make(view, ready)


async def _show(view: View) -> Response:
    source = await SOURCES.one(view)
    slug = source["slug"]
    try:
        connector = await _connector(view, source["connector"])
    except HubError:
        connector = {"name": source["connector"], "samples": [], "clicks": [], "verifies": False}
    return view.page(
        "source.html",
        source=source,
        connector=connector,
        clicks=_clicks(connector, source["url"]),
        events=await _events(view, slug, _FEW),
        rejected=await _events(view, slug, _FEW, "rejected"),
        has_secret="secrets" in source["verify"] and bool(source["verify"]["secrets"]),
    )


async def _test(view: View) -> Response:
    slug = view.part("slug")
    wish = {name: view.form[name] for name in ("case", "body") if view.form.get(name)}
    try:
        told = await view.ask("POST", "/v1/sources/{slug}/test", {"slug": slug}, body=wish)
    except HubError as error:
        return view.go(SOURCES.page_of(slug), error.message, is_bad=True)
    return view.page("sample.html", slug=slug, told=told, event_id=_event_of(told["answer"]))


def _event_of(answer: Mapping[str, Any]) -> str | None:
    """The event that an answer names."""
    try:
        said = loads(answer["body"])
    except HubError:
        return None
    found = said.get("event_id") if isinstance(said, dict) else None
    return found if isinstance(found, str) else None


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", f"{_LIST}/{NEW}", _blank, Scope.WRITE),
    Page("POST", f"{_LIST}/{NEW}", _make, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/edit", SOURCES.edit, Scope.WRITE),
    Page("POST", f"{_ONE}/edit", SOURCES.change, Scope.WRITE),
    Page("POST", f"{_ONE}/test", _test, Scope.WRITE),
    Page("POST", f"{_ONE}/rotate", SOURCES.rotate, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", SOURCES.remove, Scope.WRITE),
)
