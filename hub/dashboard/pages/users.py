"""Users: people who sign in here with a name and a password."""

from typing import Any, Final

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/users", "/dashboard/users/{id}"
ROLES: Final = (
    ("viewer", "looks at everything, and changes nothing"),
    ("operator", "looks, sets and changes things, starts runs and replays"),
    ("admin", "does all of it, keys and users too"),
)
"""What a user may be, as people choose it."""


async def _list(view: View) -> Response:
    return view.page("users.html", **await _listed(view))


async def _listed(view: View, **more: Any) -> dict[str, Any]:
    found = await view.page_of("/v1/users")
    return {
        "users": found["items"],
        "more": found["more"],
        "roles": ROLES,
        "typed": {"name": "", "role": "viewer"},
        "problem": None,
        **more,
    }


async def _add(view: View) -> Response:
    typed = _typed(view)
    wish = {**typed, "password": view.form.get("password", "")}
    try:
        await view.ask("POST", "/v1/users", body=wish)
    except HubError as error:
        return view.refused(error, "users.html", **await _listed(view, typed=typed, problem=error))
    return view.go(_LIST, f"{typed['name']} may sign in now.")


async def _show(view: View) -> Response:
    user = await _user(view)
    typed = {"name": user["name"], "role": user["role"]}
    return view.page("user.html", user=user, roles=ROLES, typed=typed, problem=None)


async def _change(view: View) -> Response:
    return await _changed(view, _typed(view), "{name} is changed.")


async def _set_password(view: View) -> Response:
    wish = {"password": view.form.get("password", "")}
    return await _changed(view, wish, "{name} has a new password, and has to sign in with it.")


async def _changed(view: View, wish: dict[str, str], said: str) -> Response:
    user = await _user(view)
    try:
        now = await view.ask("PATCH", "/v1/users/{id}", {"id": user["id"]}, body={**wish})
    except HubError as error:
        typed = {"name": user["name"], "role": user["role"], **wish}
        return view.refused(error, "user.html", user=user, roles=ROLES, typed=typed)
    return view.go(_LIST, said.format(name=now["name"]))


async def _remove(view: View) -> Response:
    doing = view.ask("DELETE", "/v1/users/{id}", {"id": view.part("id")})
    return await view.act(doing, _LIST, "The user is removed, and signed out everywhere.")


async def _user(view: View) -> dict[str, Any]:
    return dict(await view.ask("GET", "/v1/users/{id}", {"id": view.part("id")}))


def _typed(view: View) -> dict[str, str]:
    return {name: view.form.get(name, "") for name in ("name", "role")}


PAGES = (
    Page("GET", _LIST, _list, Scope.ADMIN),
    Page("POST", _LIST, _add, Scope.ADMIN),
    Page("GET", _ONE, _show, Scope.ADMIN),
    Page("POST", _ONE, _change, Scope.ADMIN),
    Page("POST", f"{_ONE}/password", _set_password, Scope.ADMIN),
    Page("POST", f"{_ONE}/remove", _remove, Scope.ADMIN),
)
