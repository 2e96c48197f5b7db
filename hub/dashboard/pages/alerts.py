"""Alerts: which fire now, and the rules: made, changed, muted, tried out, removed."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import ConflictError, HubError, InvalidError, NotFoundError
from hub.model.alert import Phase, Severity
from hub.model.condition import CONDITIONS, Condition
from hub.model.json import Json, loads
from hub.model.key import Scope

_LIST: Final = "/dashboard/alerts"
_ONE: Final = f"{_LIST}/{{slug}}"
_NEW: Final = f"{_LIST}/-new"
"""No rule can have this name."""
_API: Final = "/v1/alerts/{slug}"
_RULES, _STANDINGS = 1_000, 100
_OF_CONDITION: Final = ("threshold", "window_s", "at_least", "ratio")
"""Numbers that only some conditions have."""
_NUMBERS: Final = (*_OF_CONDITION, "for_s", "clear_s", "quiet_s")
_BARE: Final[dict[str, Json]] = {"goes_to": [], "counts": {}, "built_in": False}
"""What a rule lacks that this process has not seen yet."""
_MUTES: Final = (
    (900, "15 minutes"),
    (3_600, "1 hour"),
    (14_400, "4 hours"),
    (86_400, "1 day"),
    (604_800, "1 week"),
)


async def _list(view: View) -> Response:
    standings = {
        state.value: [
            {**each, "page": page_of(each["url"])}
            for each in await view.desk.listed("/v1/alerts/firing", _STANDINGS, state=state.value)
        ]
        for state in Phase
    }
    rules = [{**_BARE, **each} for each in await view.desk.listed("/v1/alerts", _RULES)]
    return view.page("alerts.html", rules=rules, mutes=_MUTES, **standings)


def page_of(url: Any) -> str:
    """The page that shows what an address of the API shows."""
    parts = urlsplit(str(url))
    if not parts.path.startswith("/v1/"):
        return "/dashboard/health"
    path = parts.path.removesuffix("/breaker").replace("/v1/", "/dashboard/", 1)
    if path == "/dashboard/deliveries" and parts.query.startswith("status=dead"):
        path = "/dashboard/dead-letters"
    return f"{path}?{parts.query}" if parts.query else path


async def _show(view: View) -> Response:
    rule = await _rule(view)
    return view.page("alert.html", problem=None, **_form_of(view, rule, _typed(rule)))


async def _rule(view: View) -> Any:
    return {**_BARE, **await view.ask("GET", _API, {"slug": view.part("slug")})}


def _form_of(view: View, rule: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the form of a rule is made of; ``typed`` stands in its fields."""
    known = sorted({*view.hub.catalog.now.destinations, *typed["destinations"]})
    return {
        "rule": rule,
        "typed": typed,
        "condition": CONDITIONS[rule["when"]],
        "known": known,
        "usual": view.hub.settings.alert_destinations,
        "severities": [each.value for each in Severity],
        "mutes": _MUTES,
    }


def _typed(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the fields of its form hold it."""
    about = CONDITIONS[rule["when"]].about
    numbers = {name: _text(rule.get(name)) for name in _NUMBERS}
    return {
        **numbers,
        "of": (rule.get("of") or {}).get(about, ""),
        "severity": rule.get("severity", Severity.WARNING),
        "destinations": list(rule.get("destinations", ())),
        "hint": rule.get("hint") or "",
        "enabled": rule.get("enabled", True),
    }


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _as_typed(view: View) -> dict[str, Any]:
    """What the form has sent, as its fields hold it."""
    texts = {name: view.form.get(name, "") for name in (*_NUMBERS, "of", "severity", "hint")}
    return {
        **texts,
        "destinations": view.forms.get("destinations", []),
        "enabled": "enabled" in view.form,
    }


def _body_of(condition: Condition, typed: Mapping[str, Any]) -> dict[str, Json]:
    """A rule as the API takes it; what is empty is left to the condition."""
    body: dict[str, Json] = {
        "when": condition.name,
        "severity": typed["severity"],
        "enabled": typed["enabled"],
    }
    for name in _NUMBERS:
        if typed[name].strip():
            body[name] = _number(typed[name].strip())
    if typed["of"].strip() and condition.about is not None:
        body["of"] = {condition.about: typed["of"].strip()}
    if typed["destinations"]:
        body["destinations"] = list(typed["destinations"])
    if typed["hint"].strip():
        body["hint"] = typed["hint"].strip()
    return body


def _number(text: str) -> Json:
    """What was typed as a number, if it is one; the API says what is wrong with anything else."""
    try:
        return loads(text)
    except InvalidError:
        return text


async def _save(view: View) -> Response:
    rule = await _rule(view)
    typed = _as_typed(view)
    try:
        body = _body_of(CONDITIONS[rule["when"]], typed)
        told = await view.ask("PUT", _API, {"slug": rule["slug"]}, body=body)
    except HubError as error:
        return view.refused(error, "alert.html", **_form_of(view, rule, typed))
    return _saved(view, told)


def _saved(view: View, told: Mapping[str, Any]) -> Response:
    warnings = " ".join(told["warnings"])
    said = f"It is saved. {warnings}" if warnings else "It is saved."
    return view.go(f"{_LIST}/{told['slug']}", said, is_bad=bool(warnings))


async def _new(view: View) -> Response:
    when = view.given.get("when", "")
    if when not in CONDITIONS:
        return view.page("alert_new.html", conditions=CONDITIONS.values(), rule=None, problem=None)
    rule = {"slug": "", "when": when}
    return view.page("alert_new.html", problem=None, **_form_of(view, rule, _typed(rule)))


async def _make(view: View) -> Response:
    slug, when = view.form.get("slug", "").strip(), view.form.get("when", "")
    if when not in CONDITIONS:
        return view.go(_NEW, "Choose first what is watched.", is_bad=True)
    typed = _as_typed(view)
    try:
        await _check_is_new(view, slug)
        body = _body_of(CONDITIONS[when], typed)
        told = await view.ask("PUT", _API, {"slug": slug}, body=body)
    except HubError as error:
        rule = {"slug": slug, "when": when}
        return view.refused(error, "alert_new.html", **_form_of(view, rule, typed))
    return _saved(view, told)


async def _check_is_new(view: View, slug: str) -> None:
    """Raise ``alert_there`` where a rule would be replaced."""
    try:
        await view.ask("GET", _API, {"slug": slug})
    except NotFoundError:
        return
    raise ConflictError(
        f"There is an alert {slug!r} already: change it on its own page, or give another name.",
        code="alert_there",
    )


async def _switch(view: View) -> Response:
    is_on = view.form.get("to") == "on"
    said = "It is watched again." if is_on else "It is not watched any more."
    slug = {"slug": view.part("slug")}
    doing = view.ask("PATCH", _API, slug, body={"enabled": is_on})
    return await view.act(doing, f"{_LIST}/{slug['slug']}", said)


async def _mute(view: View) -> Response:
    wish: dict[str, Json] = {"for_s": _number(view.form.get("for_s", ""))}
    reason = view.form.get("because", "").strip()
    if reason:
        wish["reason"] = reason
    return await _act(view, "mute", wish, "Nothing new is told of it for now.")


async def _unmute(view: View) -> Response:
    return await _act(view, "unmute", None, "It is told of again.")


async def _act(view: View, what: str, wish: Json, said: str) -> Response:
    slug = view.part("slug")
    doing = view.ask("POST", f"{_API}/{what}", {"slug": slug}, body=wish)
    return await view.act(doing, f"{_LIST}/{slug}", said)


async def _test(view: View) -> Response:
    path = f"{_LIST}/{view.part('slug')}"
    try:
        told = await view.ask("POST", f"{_API}/test", {"slug": view.part("slug")})
    except HubError as error:
        return view.go(path, error.message, is_bad=True)
    where = ", ".join(each["destination"] for each in told["deliveries"])
    return view.go(path, f"A sample is on its way to {where}: see the deliveries.")


async def _remove(view: View) -> Response:
    slug = view.part("slug")
    try:
        await view.ask("DELETE", _API, {"slug": slug})
    except HubError as error:
        return view.go(f"{_LIST}/{slug}", error.message, is_bad=True)
    return view.go(_LIST, f"What was set of {slug} is removed.")


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", _NEW, _new, Scope.WRITE),
    Page("POST", _NEW, _make, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("POST", _ONE, _save, Scope.WRITE),
    Page("POST", f"{_ONE}/switch", _switch, Scope.WRITE),
    Page("POST", f"{_ONE}/mute", _mute, Scope.WRITE),
    Page("POST", f"{_ONE}/unmute", _unmute, Scope.WRITE),
    Page("POST", f"{_ONE}/test", _test, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", _remove, Scope.WRITE),
)
