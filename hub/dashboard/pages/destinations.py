"""Destinations: how their breakers stand, what they take, and trying them out."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from hub.dashboard.forms.field import Doc
from hub.dashboard.setting import NEW, seconds, setting_of, start_of
from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.destination import Destination
from hub.model.json import loads
from hub.model.key import Scope

_FEW, _COUNTED = 10, 100
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_BREAKER = "/v1/destinations/{slug}/breaker"


def _known(view: View) -> Mapping[str, Sequence[str]]:
    return {"/connector": sorted(view.hub.connectors)}


DESTINATIONS = setting_of(
    "destination",
    Destination,
    ("connector", "url", "auth"),
    _known,
    ("retired", "state", "state_reason"),
)
_LIST, _ONE = DESTINATIONS.pages, f"{DESTINATIONS.pages}/{{slug}}"


async def _list(view: View) -> Response:
    found = await view.page_of("/v1/destinations")
    open_ = await view.desk.listed("/v1/breakers", 500)
    breakers = {str(each["destination"]): each for each in open_}
    return view.page(
        "destinations.html", destinations=found["items"], more=found["more"], breakers=breakers
    )


async def _blank(view: View) -> Response:
    name = view.given.get("connector")
    if name is None:
        connectors = [
            each
            for each in await view.desk.listed("/v1/connectors", 500)
            if any(click["way"] == "out" for click in each["clicks"])
            or not each["clicks"]
            or each["name"] == "weweb"
        ]
        return view.page("connectors.html", connectors=connectors, kind="destination", pages=_LIST)
    connector = await view.ask("GET", "/v1/connectors/{name}", {"name": name})
    return DESTINATIONS.blank(
        view, start_of(connector["clicks"], "out", name), clicks=_clicks(connector)
    )


def _clicks(connector: Doc) -> list[Doc]:
    return [each for each in connector["clicks"] if each["way"] == "out"]


async def _show(view: View) -> Response:
    destination = await DESTINATIONS.one(view)
    parts, to = {"slug": destination["slug"]}, {"destination": destination["slug"]}
    waiting = {**to, "status": "held", "limit": _COUNTED}
    held = await view.ask("GET", "/v1/deliveries", query=waiting)
    newest = await view.ask("GET", "/v1/deliveries", query={**to, "limit": _FEW})
    return view.page(
        "destination.html",
        destination=destination,
        breaker=await view.ask("GET", _BREAKER, parts),
        deliveries=newest["items"],
        waiting=len(held["items"]),
        is_more=held["next"] is not None,
        pauses=", ".join(map(_span, destination["retry_schedule_s"])),
        has_secret=bool((destination["sign"] or {}).get("secrets")),
    )


def _span(pause_s: float) -> str:
    """A pause in the largest unit that fits it."""
    unit_s, unit = next(each for each in _UNITS if pause_s % each[0] == 0 or each[0] == 1)
    return f"{pause_s / unit_s:g} {unit}"


async def _pause(view: View) -> Response:
    slug, reason = view.part("slug"), view.form.get("reason", "").strip()
    wish: Doc = {"reason": reason} if reason else {}
    doing = view.ask("POST", "/v1/destinations/{slug}/pause", {"slug": slug}, body=wish)
    said = "It is paused: what comes for it is kept."
    return await view.act(doing, DESTINATIONS.page_of(slug), said)


async def _resume(view: View) -> Response:
    slug = view.part("slug")
    doing = view.ask("POST", "/v1/destinations/{slug}/resume", {"slug": slug})
    return await view.act(doing, DESTINATIONS.page_of(slug), "It goes on, with what was kept.")


async def _trip(view: View) -> Response:
    slug, minutes = view.part("slug"), view.form.get("minutes", "").strip()
    try:
        wish: Doc = {"for_s": seconds(minutes, 60)} if minutes else {}
    except HubError as error:
        return view.go(DESTINATIONS.page_of(slug), error.message, is_bad=True)
    doing = view.ask("POST", f"{_BREAKER}/trip", {"slug": slug}, body=wish)
    said = "The breaker is open: nothing goes there now, and what comes is kept."
    return await view.act(doing, DESTINATIONS.page_of(slug), said)


async def _reset(view: View) -> Response:
    slug = view.part("slug")
    doing = view.ask("POST", f"{_BREAKER}/reset", {"slug": slug})
    return await view.act(doing, DESTINATIONS.page_of(slug), "The breaker is closed.")


async def _test(view: View) -> Response:
    slug, body = view.part("slug"), view.form.get("body", "").strip()
    try:
        wish: Doc = {"body": loads(body)} if body else {}
        wish |= {"dry_run": True} if view.form.get("dry_run") else {}
        told = await view.ask("POST", "/v1/destinations/{slug}/test", {"slug": slug}, body=wish)
    except HubError as error:
        return view.go(DESTINATIONS.page_of(slug), error.message, is_bad=True)
    return view.page("trial.html", slug=slug, told=told)


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", f"{_LIST}/{NEW}", _blank, Scope.WRITE),
    Page("POST", f"{_LIST}/{NEW}", DESTINATIONS.make, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/edit", DESTINATIONS.edit, Scope.WRITE),
    Page("POST", f"{_ONE}/edit", DESTINATIONS.change, Scope.WRITE),
    Page("POST", f"{_ONE}/test", _test, Scope.WRITE),
    Page("POST", f"{_ONE}/pause", _pause, Scope.WRITE),
    Page("POST", f"{_ONE}/resume", _resume, Scope.WRITE),
    Page("POST", f"{_ONE}/trip", _trip, Scope.WRITE),
    Page("POST", f"{_ONE}/reset", _reset, Scope.WRITE),
    Page("POST", f"{_ONE}/rotate", DESTINATIONS.rotate, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", DESTINATIONS.remove, Scope.WRITE),
)
