"""Keys: who may use the API. A key's text is shown this once, on the page that made it."""

from typing import Any, Final

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.json import Json
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/keys", "/dashboard/keys/{id}"
SCOPES: Final = (
    ("read", "look at everything but keys, users and the audit"),
    ("write", "set and change things, and look"),
    ("run", "start runs and replays, and call endpoints"),
    ("publish", "publish on channels, and make tokens for browsers"),
    ("ingest", "send events to the sources that ask for a key"),
    ("admin", "do all of it, keys and users too"),
)
"""What a key may be for, as people choose it."""


async def _list(view: View) -> Response:
    return view.page("keys.html", **await _listed(view))


async def _listed(view: View, **more: Any) -> dict[str, Any]:
    found = await view.page_of("/v1/keys")
    kept = {"name": "", "scopes": [], "expires_at": ""}
    return {
        "keys": found["items"],
        "more": found["more"],
        "scopes": SCOPES,
        "typed": kept,
        "problem": None,
        **more,
    }


async def _make(view: View) -> Response:
    typed = _typed(view)
    try:
        made = await view.ask("POST", "/v1/keys", body=_wish(typed))
    except HubError as error:
        return view.refused(error, "keys.html", **await _listed(view, typed=typed, problem=error))
    return view.page("key_made.html", key=made)


async def _show(view: View) -> Response:
    key = await view.ask("GET", "/v1/keys/{id}", {"id": view.part("id")})
    ends = (key["expires_at"] or "")[:16]  # as far as a browser's field goes
    typed = {"name": key["name"], "scopes": key["scopes"], "expires_at": ends}
    return view.page("key.html", key=key, scopes=SCOPES, typed=typed, problem=None)


async def _change(view: View) -> Response:
    key = await view.ask("GET", "/v1/keys/{id}", {"id": view.part("id")})
    typed, wish = _typed(view), _wish(_typed(view))
    if typed["expires_at"] == (key["expires_at"] or "")[:16]:
        del wish["expires_at"]  # nobody has touched it, and it may have passed
    try:
        await view.ask("PATCH", "/v1/keys/{id}", {"id": key["id"]}, body=wish)
    except HubError as error:
        return view.refused(error, "key.html", key=key, scopes=SCOPES, typed=typed)
    return view.go(_LIST, f"The key {typed['name']} is changed.")


async def _revoke(view: View) -> Response:
    doing = view.ask("DELETE", "/v1/keys/{id}", {"id": view.part("id")})
    return await view.act(doing, _LIST, "The key is revoked: whoever uses it is refused from now.")


def _typed(view: View) -> dict[str, Any]:
    """What somebody has typed, as the form shows it again."""
    return {
        "name": view.form.get("name", ""),
        "scopes": view.forms.get("scopes", []),
        "expires_at": view.form.get("expires_at", ""),
    }


def _wish(typed: dict[str, Any]) -> dict[str, Json]:
    return {**typed, "expires_at": typed["expires_at"] or None}


PAGES = (
    Page("GET", _LIST, _list, Scope.ADMIN),
    Page("POST", _LIST, _make, Scope.ADMIN),
    Page("GET", _ONE, _show, Scope.ADMIN),
    Page("POST", _ONE, _change, Scope.ADMIN),
    Page("POST", f"{_ONE}/revoke", _revoke, Scope.ADMIN),
)
