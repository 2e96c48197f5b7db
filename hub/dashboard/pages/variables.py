"""Variables: values for ``env.X`` in stacks and settings. A secret one is never shown."""

from typing import Any

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.json import Json
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/variables", "/dashboard/variables/{name}"
_API = "/v1/variables/{name}"


async def _list(view: View) -> Response:
    return view.page("variables.html", **await _listed(view))


async def _listed(view: View, **more: Any) -> dict[str, Any]:
    found = await view.page_of("/v1/variables")
    return {
        "variables": found["items"],
        "more": found["more"],
        "typed": {"name": "", "value": "", "secret": False},
        "problem": None,
        **more,
    }


async def _set(view: View) -> Response:
    """A new one, or an old one anew."""
    name, wish = view.form.get("name", ""), _wish(view)
    try:
        await view.ask("PUT", _API, {"name": name}, body=wish)
    except HubError as error:
        typed = {"name": name, **_shown_again(wish)}
        page = await _listed(view, typed=typed, problem=error)
        return view.refused(error, "variables.html", **page)
    return view.go(_LIST, f"{name} is set.")


async def _show(view: View) -> Response:
    variable = await view.ask("GET", _API, {"name": view.part("name")})
    value = "" if variable["secret"] else variable["value"]
    typed = {"value": value, "secret": variable["secret"]}
    return view.page("variable.html", variable=variable, typed=typed, problem=None)


async def _change(view: View) -> Response:
    variable = await view.ask("GET", _API, {"name": view.part("name")})
    wish = _wish(view)
    if variable["secret"] and wish["secret"] and not wish["value"]:
        del wish["value"]  # it keeps the one that it has
    try:
        await view.ask("PUT", _API, {"name": variable["name"]}, body=wish)
    except HubError as error:
        typed = _shown_again({"value": "", **wish})
        return view.refused(error, "variable.html", variable=variable, typed=typed)
    return view.go(_LIST, f"{variable['name']} is set.")


async def _remove(view: View) -> Response:
    name = view.part("name")
    doing = view.ask("DELETE", _API, {"name": name})
    return await view.act(doing, _LIST, f"{name} is removed.")


def _wish(view: View) -> dict[str, Json]:
    return {"value": view.form.get("value", ""), "secret": "secret" in view.form}


def _shown_again(wish: dict[str, Json]) -> dict[str, Json]:
    """A secret does not come back in a page, even to whoever has just typed it."""
    return {**wish, "value": ""} if wish["secret"] else wish


PAGES = (
    Page("GET", _LIST, _list),
    Page("POST", _LIST, _set, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("POST", _ONE, _change, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", _remove, Scope.WRITE),
)
