"""Channels: how they are set, what is said on them, live, and who is there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from hub.dashboard.render import plain, pretty
from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError, NotFoundError
from hub.model.channel import (
    HISTORY_MESSAGES,
    HISTORY_S,
    Can,
    Pattern,
    check_pattern,
    is_reserved,
)
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope

_LIST, _ONE = "/dashboard/channels", "/dashboard/channels/{channel:path}"
_SLUG, _API = "/v1/channels/{slug:path}", "/v1/channels/{channel:path}"
_REMEMBERED: Final = 50
_HEARD: Final = 100
SHOWN: Final = 4_000
"""So many characters of a message are shown."""
_LIVES: Final = {"3600": "an hour", "600": "ten minutes", "86400": "a day", "60": "a minute"}
"""For how long a token can count, by seconds."""
_UNSET: Final[Mapping[str, Any]] = {
    "public": False,
    "history": HISTORY_MESSAGES,
    "history_s": HISTORY_S,
    "data": None,
    "managed_by": None,
}


async def _list(view: View) -> Response:
    wanted = view.given.get("open", "").strip()
    problem: HubError | None = None
    if wanted:
        try:
            return view.go(_path(check_pattern(wanted)))
        except InvalidError as error:
            problem = error
    found = await view.page_of("/v1/channels")
    heard = await view.ask("GET", "/v1/histories", query={"limit": _HEARD})
    context: dict[str, Any] = {
        "channels": found["items"],
        "more": found["more"],
        "heard": heard["items"],
        "is_all": heard["next"] is None,
    }
    if problem is not None:
        return view.refused(problem, "channels.html", **context)
    return view.page("channels.html", **context, problem=None)


async def _show(view: View) -> Response:
    return view.page("channel.html", **await _context(view), problem=None)


async def _publish(view: View) -> Response:
    name, form = view.part("channel"), view.form
    try:
        data = _json("data", form.get("data", "") or "null")
        body: dict[str, Json] = {"event": form.get("event", ""), "data": data}
        await view.ask("POST", f"{_API}/messages", {"channel": name}, body=body)
    except HubError as error:
        return view.refused(error, "channel.html", **await _context(view))
    return view.go(_path(name), "It is said.")


async def _token(view: View) -> Response:
    name, form = view.part("channel"), view.form
    body: dict[str, Json] = {
        "channels": [name],
        "can": [each for each in Can if each in view.forms.get("can", [])],
        "ttl_s": int(form["ttl_s"]) if form.get("ttl_s") in _LIVES else 600,
    }
    if form.get("sub"):
        body["sub"] = form["sub"]
    try:
        token = await view.ask("POST", "/v1/channels/tokens", body=body)
    except HubError as error:
        return view.refused(error, "channel.html", **await _context(view))
    return view.page(
        "channel_token.html",
        channel=name,
        token=token,
        can=body["can"],
        ways=snippets(view.root, name, token["token"], view.forms["can"]),
    )


async def _set(view: View) -> Response:
    name, form = view.part("channel"), view.form
    try:
        body: dict[str, Json] = {
            "public": "public" in form,
            "history": _whole("history", form),
            "history_s": _whole("history_s", form),
        }
        if form.get("data", "").strip():
            body["data"] = _json("data", form["data"])
        told = await view.ask("PUT", _SLUG, {"slug": name}, body=body)
    except HubError as error:
        return view.refused(error, "channel.html", **await _context(view), is_setting=True)
    return view.go(_path(name), " ".join(["It is set.", *told["warnings"]]))


async def _unset(view: View) -> Response:
    name = view.part("channel")
    doing = view.ask("DELETE", _SLUG, {"slug": name})
    return await view.act(doing, _path(name), "It is as usual again.")


async def _revoke(view: View) -> Response:
    doing = view.ask("POST", "/v1/channels/tokens/revoke")
    return await view.act(doing, _LIST, "No token that was made before counts any more.")


def snippets(root: str, channel: str, token: str, can: Sequence[str]) -> dict[str, str]:
    """What to copy into a page, by what it uses."""
    url = f"{root}/realtime?channel={quote(channel, safe='/:*')}"
    presence = " presence: true," if Can.PRESENCE in can else ""
    on_page = [f'<script src="{root}/hub.js"></script>', "<script>", f'  const token = "{token}";']
    if Can.SUBSCRIBE in can:
        on_page.append(
            f'  Hub.subscribe({{ channels: ["{channel}"], token,{presence} '
            "onMessage: (message) => console.log(message) });"
        )
    if Can.PUBLISH in can and Pattern(channel).is_one:
        on_page.append(
            f'  Hub.publish({{ channel: "{channel}", event: "seen", data: {{}}, token }});'
        )
    ways = {"hub.js": "\n".join([*on_page, "</script>"])}
    if Can.SUBSCRIBE in can:
        ways["EventSource alone"] = (
            f'const source = new EventSource("{url}&token={token}");\n'
            "source.onmessage = (event) => console.log(JSON.parse(event.data));"
        )
        ways["curl"] = f"curl -N -H 'Authorization: Bearer {token}' '{url}'"
    return ways


async def _context(view: View) -> dict[str, Any]:
    """What the page of a channel is made of, or of all that a pattern means."""
    name = check_pattern(view.part("channel"))
    setting = await _setting(view, name)
    context: dict[str, Any] = {
        "channel": name,
        "setting": setting,
        "schema": "" if setting["data"] is None else pretty(setting["data"]),
        "is_one": Pattern(name).is_one,
        "is_reserved": is_reserved(name),
        "messages": [],
        "position": "",
        "members": None,
        "meant": [],
        "lives": _LIVES,
        "can": list(Can),
        "shown": SHOWN,
    }
    parts = {"channel": name}
    if not context["is_one"]:
        asked = {"channel": name, "limit": _HEARD}
        context["meant"] = (await view.ask("GET", "/v1/histories", query=asked))["items"]
        return context
    asked = {"only": "newest", "limit": _REMEMBERED}
    told = await view.ask("GET", f"{_API}/messages", parts, query=asked)
    context["messages"] = [_message(each) for each in reversed(told["items"])]
    context["position"] = told["position"]
    context["members"] = await view.ask("GET", f"{_API}/members", parts)
    return context


async def _setting(view: View, name: str) -> dict[str, Any]:
    """How it is set; what counts where nothing is set under its own name."""
    try:
        return dict(await view.ask("GET", _SLUG, {"slug": name}))
    except NotFoundError:
        counting = view.hub.catalog.now.channels.of(name).model_dump(mode="json")
        return {**_UNSET, **counting}


def _message(told: Mapping[str, Any]) -> dict[str, Any]:
    text = plain(dumps_text(told["data"]))
    return {**told, "text": text[:SHOWN], "is_cut": len(text) > SHOWN}


def _json(name: str, text: str) -> Json:
    try:
        return loads(text)
    except HubError as error:
        raise InvalidError(
            f"What stands under {name!r} is not JSON: {error.message} A text stands in quotes.",
            code=error.code,
        ) from error


def _whole(name: str, form: Mapping[str, str]) -> int:
    text = form.get(name, "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    raise InvalidError(f"{name!r} must be a whole number.", code="form_broken")


def _path(channel: str) -> str:
    """Where a channel's page is; a name has no character that a path would take amiss."""
    return f"{_LIST}/{channel}"


PAGES = (
    Page("GET", _LIST, _list),
    Page("POST", f"{_LIST}/tokens/revoke", _revoke, Scope.ADMIN),
    Page("GET", _ONE, _show),
    Page("POST", f"{_ONE}/publish", _publish, Scope.PUBLISH),
    Page("POST", f"{_ONE}/token", _token, Scope.PUBLISH),
    Page("POST", f"{_ONE}/setting", _set, Scope.WRITE),
    Page("POST", f"{_ONE}/unset", _unset, Scope.WRITE),
)
