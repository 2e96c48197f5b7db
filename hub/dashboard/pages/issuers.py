"""Issuers: whose signed tokens are good for live channels, each as the JSON that sets it."""

import json
from typing import Any, Final

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import ConflictError, HubError, NotFoundError
from hub.model.issuer import KEY_FIELDS, Issuer
from hub.model.json import loads
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/issuers", "/dashboard/issuers/{slug}"
_API = "/v1/issuers/{slug}"
_EXAMPLE: Final = """{
  "issuer": "https://PROJECT.supabase.co/auth/v1",
  "audience": "authenticated",
  "jwks_url": "https://PROJECT.supabase.co/auth/v1/.well-known/jwks.json",
  "may": [
    {"channels": ["user_{sub}_*"]},
    {"channels": ["team_{app_metadata.team}"], "can": ["subscribe", "publish"]}
  ]
}"""
_WORDS: Final = {
    "jwks_url": "published keys",
    "public_keys": "public keys",
    "secrets": "shared secrets",
}


async def _list(view: View) -> Response:
    return view.page("issuers.html", **await _listed(view))


async def _listed(view: View, **more: Any) -> dict[str, Any]:
    found = await view.page_of("/v1/issuers")
    return {
        "issuers": [{**each, "keys": _keys_of(each)} for each in found["items"]],
        "more": found["more"],
        "typed": {"slug": "", "text": _EXAMPLE},
        "problem": None,
        **more,
    }


def _keys_of(issuer: dict[str, Any]) -> str:
    return next((_WORDS[each] for each in KEY_FIELDS if issuer.get(each)), "none")


async def _make(view: View) -> Response:
    slug, text = view.form.get("slug", ""), view.form.get("text", "")
    try:
        await _refuse_known(view, slug)
        made = await view.ask("PUT", _API, {"slug": slug}, body=loads(text))
    except HubError as error:
        page = await _listed(view, typed={"slug": slug, "text": text}, problem=error)
        return view.refused(error, "issuers.html", **page)
    return view.go(_LIST, _said(slug, made))


async def _refuse_known(view: View, slug: str) -> None:
    try:
        await view.ask("GET", _API, {"slug": slug})
    except NotFoundError:
        return
    raise ConflictError(
        f"There is an issuer {slug!r} already: change that one, or choose another name."
    )


async def _show(view: View) -> Response:
    issuer = await view.ask("GET", _API, {"slug": view.part("slug")})
    return view.page("issuer.html", issuer=issuer, text=_text(issuer), problem=None)


async def _change(view: View) -> Response:
    issuer = await view.ask("GET", _API, {"slug": view.part("slug")})
    text = view.form.get("text", "")
    try:
        made = await view.ask("PUT", _API, {"slug": issuer["slug"]}, body=loads(text))
    except HubError as error:
        return view.refused(error, "issuer.html", issuer=issuer, text=text)
    return view.go(_LIST, _said(issuer["slug"], made))


async def _remove(view: View) -> Response:
    slug = view.part("slug")
    doing = view.ask("DELETE", _API, {"slug": slug})
    return await view.act(doing, _LIST, f"{slug} is removed: its tokens count no more.")


def _text(issuer: dict[str, Any]) -> str:
    """What sets it, without what it need not say; secrets are left out, which keeps them."""
    known = {name: issuer[name] for name in Issuer.model_fields if name in issuer}
    said = {name: value for name, value in known.items() if value and name != "secrets"}
    return json.dumps(said, indent=2, ensure_ascii=False)


def _said(slug: str, made: dict[str, Any]) -> str:
    return " ".join([f"{slug} is set.", *made["warnings"]])


PAGES = (
    Page("GET", _LIST, _list),
    Page("POST", _LIST, _make, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("POST", _ONE, _change, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", _remove, Scope.WRITE),
)
