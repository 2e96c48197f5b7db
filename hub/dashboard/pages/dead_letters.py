"""Dead letters: what was not delivered and why; many sent again or cancelled, a dry run first."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.responses import Response

from hub.dashboard.pages.deliveries import times_of
from hub.dashboard.render import number, query, took
from hub.dashboard.view import Page, View
from hub.deliver.again import RATE_PER_S
from hub.errors import HubError, InvalidError
from hub.model.delivery import DeliveryStatus
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.web.api.deliveries import UNDELIVERED

_LIST: Final = "/dashboard/dead-letters"
_STATUSES: Final = (DeliveryStatus.DEAD.value, UNDELIVERED, DeliveryStatus.CANCELLED.value)
_FILTERS: Final = ("destination", "event_id", "run_id", "reason", "since", "until")
_PATHS: Final = {"replay": "/v1/replays", "cancel": "/v1/deliveries/cancel"}
_NO_GROUPS: Final[dict[str, Json]] = {"items": [], "count": 0, "more": False}


async def _list(view: View) -> Response:
    status = view.given.get("status", DeliveryStatus.DEAD)
    context: dict[str, Any] = {
        "status": status,
        "statuses": _STATUSES,
        "filters": {name: view.given[name] for name in _FILTERS if name in view.given},
        "destinations": sorted(view.hub.catalog.now.destinations),
        "times": times_of(view.given),
        "deliveries": [],
        "groups": _NO_GROUPS,
        "more": None,
    }
    try:
        found = await _found(view, status)
    except HubError as error:
        return view.refused(error, "dead_letters.html", **context)
    return view.page("dead_letters.html", problem=None, **{**context, **found})


async def _found(view: View, status: str) -> dict[str, Any]:
    if status not in _STATUSES:
        raise InvalidError(f"The status is one of {', '.join(_STATUSES)}.")
    found = await view.page_of("/v1/deliveries", *_FILTERS, status=status)
    groups: Any = _NO_GROUPS
    if status == DeliveryStatus.DEAD and not view.given.keys() & {"event_id", "run_id", "reason"}:
        kinds = {name: view.given.get(name) for name in ("destination", "since", "until")}
        groups = await view.ask("GET", "/v1/dead-letters", query=kinds)
    return {"deliveries": found["items"], "more": found["more"], "groups": groups}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody wants done to many deliveries."""

    kind: Literal["replay", "cancel"]
    chosen: tuple[str, ...] | None
    """Those that were marked; None: all that match."""
    status: str
    filters: dict[str, str]
    rate: str
    reason: str

    def body(self, *, dry_run: bool) -> dict[str, Json]:
        """What the API is asked for."""
        meant: dict[str, Json] = {**self.filters}
        if self.chosen is not None:
            meant = {"ids": list(self.chosen)}
        if self.kind == "cancel":
            because: dict[str, Json] = {"reason": self.reason} if self.reason else {}
            return {"filter": meant, "dry_run": dry_run, **because}
        is_cancelled = self.status == DeliveryStatus.CANCELLED
        meant["status"] = self.status if is_cancelled else DeliveryStatus.DEAD.value
        return {"filter": meant, "dry_run": dry_run, "rate_per_s": _number(self.rate)}

    @property
    def back(self) -> str:
        """The list that it came from."""
        return _LIST + query({"status": self.status, **self.filters})


def _wish_of(view: View) -> _Wish:
    """What the form says.

    Raises:
        InvalidError: it says nothing.
    """
    kind, _, which = view.form.get("do", "").partition("-")
    if kind not in ("replay", "cancel") or which not in ("chosen", "all"):
        raise InvalidError("Choose first what is to be done.")
    return _Wish(
        kind="replay" if kind == "replay" else "cancel",
        chosen=tuple(view.forms.get("id", ())) if which == "chosen" else None,
        status=view.form.get("status", DeliveryStatus.DEAD),
        filters={name: view.form[name] for name in _FILTERS if view.form.get(name)},
        rate=view.form.get("rate", "").strip(),
        reason=view.form.get("because", "").strip(),
    )


async def _plan(view: View) -> Response:
    """The dry run."""
    wish = _wish_of(view)
    if wish.chosen == ():
        return view.go(wish.back, "Mark some first, in the first column.", is_bad=True)
    return await _planned(view, wish)


async def _planned(view: View, wish: _Wish, problem: HubError | None = None) -> Response:
    asked = wish.body(dry_run=True)
    if problem is not None and wish.kind == "replay":
        asked["rate_per_s"] = RATE_PER_S
    try:
        plan = await view.ask("POST", _PATHS[wish.kind], body=asked)
    except HubError as error:
        if problem is None and wish.kind == "replay":
            return await _planned(view, wish, error)
        return view.go(wish.back, error.message, is_bad=True)
    context = {
        "wish": wish,
        "plan": plan,
        "do": view.form["do"],
        "rate": wish.rate or f"{RATE_PER_S:g}",
    }
    if problem is not None:
        return view.refused(problem, "dead_letters_plan.html", **context)
    return view.page("dead_letters_plan.html", **context, problem=None)


async def _carry_out(view: View) -> Response:
    wish = _wish_of(view)
    if wish.chosen == ():
        return view.go(wish.back, "Mark some first, in the first column.", is_bad=True)
    try:
        done = await view.ask("POST", _PATHS[wish.kind], body=wish.body(dry_run=False))
    except HubError as error:
        return await _planned(view, wish, error)
    where = "/dashboard/deliveries" + query({"destination": wish.filters.get("destination")})
    return view.go(where, _said(wish, done))


def _said(wish: _Wish, done: dict[str, Any]) -> str:
    count, left = done["count"], done["left"]
    what = "1 delivery is" if count == 1 else f"{number(count)} deliveries are"
    if wish.kind == "cancel":
        said = f"{what} cancelled."
    else:
        said = f"{what} sent again, within {took(1000 * done['takes_s'])}."
    return said + (f" {number(left)} more are left: do it once more." if left else "")


def _number(text: str) -> Json:
    """What was typed as a number, if it is one; the API says what is wrong with anything else."""
    if not text:
        return RATE_PER_S
    try:
        return loads(text)
    except InvalidError:
        return text


PAGES = (
    Page("GET", _LIST, _list),
    Page("POST", f"{_LIST}/plan", _plan, Scope.WRITE),
    Page("POST", f"{_LIST}/carry-out", _carry_out, Scope.WRITE),
)
