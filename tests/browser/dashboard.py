"""The dashboard in a Chromium: a hub that hostile things were sent to, and watched pages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Route,
)

from hub.dashboard.pages import PAGES
from hub.dashboard.sessions import COOKIE, Sessions
from hub.model.ids import new_id
from hub.model.key import hash_of, new_key
from hub.store.keys import PUT, NewKey
from tests.hostile import BODIES, LARGE, MARKUP, TEXTS
from tests.outbound.servers import Exchange, RawServer
from tests.program import Driven, embedded_hub

NAME = MARKUP[0]
"""The name of everything that may have such a name."""
STACK = {
    "task": "keep",
    "description": NAME,
    "source": "hostile",
    "function_stack": [
        {"function": "log", "description": NAME, "message": "{{input}}"},
        {"function": "add_record", "table": "hostile", "data": {"said": "{{input}}"}},
        {
            "function": "realtime_publish",
            "channel": "hostile",
            "event": "kept",
            "data": "{{input}}",
        },
        {"function": "deliver", "destination": "sink", "payload": {"said": "{{input}}"}},
        {"function": "throw_error", "message": NAME},
    ],
}
NIGHTLY = {
    "scheduled_task": {
        "name": "nightly",
        "schedule": "0 3 * * *",
        "function_stack": [{"function": "log", "description": NAME, "message": NAME}],
    }
}
SLOW_S = 300
"""So long may a test take that opens every page, on a machine that does more than this."""
_PLACE = re.compile(r"^(.*?)/\{[^}]+\}")


@dataclass
class Scene:
    """A hub that is full, and one example of each kind of thing in it."""

    hub: Driven
    token: str
    """Of a session that may do everything."""
    examples: dict[str, str]
    """What stands in a path behind this: ``/dashboard/events`` an event's id. Whoever adds pages
    of a new kind adds an example in :func:`filled`."""

    def paths(self) -> dict[str, str]:
        """Every page that is read, by its template.

        Raises:
            KeyError: nobody has given an example for one.
        """
        return {each.path: self.path(each.path) for each in PAGES if each.method == "GET"}

    def path(self, template: str) -> str:
        """Where a page of that template is found."""
        while found := _PLACE.match(template):
            before = found[1]
            value = self.examples[before]
            template = f"{before}/{quote(value, safe='')}{template[found.end() :]}"
        return template


@asynccontextmanager
async def filled(data: Path) -> AsyncIterator[Scene]:
    """Such a hub. Its one destination refuses everything, with markup."""

    async def refusing(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.answer(NAME.encode(), "X-Said: " + NAME, status="400 Bad Request")

    sink = RawServer(refusing)
    listening = await asyncio.start_server(sink, "127.0.0.1", 0)
    sink.port = listening.sockets[0].getsockname()[1]
    try:
        async with embedded_hub(data, max_body_bytes=6_000_000) as driven:
            token = await session(driven)
            yield Scene(driven, token, await _fill(driven, sink.url))
    finally:
        listening.close()
        await sink.stop()


async def session(driven: Driven) -> str:
    """Somebody with a hostile name, who may do everything; gives what the cookie holds."""
    assert driven.hub is not None
    text, key_id = new_key(), new_id("key")
    ledger = driven.hub.ledger
    await ledger.write(PUT, NewKey(key_id, NAME, text[:8], hash_of(text), ("admin",)))
    return await Sessions(ledger).open_for(key_id=key_id)


async def _fill(hub: Driven, sink: str) -> dict[str, str]:
    await hub.put("/v1/destinations/sink", {"connector": "standard", "url": f"{sink}?{NAME}"})
    for source in ("hostile", "large"):
        await hub.put(f"/v1/sources/{source}", {"verify": {"mode": "none"}})
    await hub.put("/v1/stacks/hostile", json.dumps(STACK))
    await hub.put("/v1/stacks/nightly", json.dumps(NIGHTLY))
    await hub.put("/v1/subscriptions/hostile", {"source": "hostile", "destination": "sink"})
    await hub.put("/v1/channels/hostile", {"public": True, "history": 50})
    await hub.put("/v1/variables/HOSTILE", {"value": NAME})
    await hub.put("/v1/issuers/hostile", _issuer())
    await hub.put("/v1/alerts/hostile", {"when": "task_failures", "destinations": ["sink"]})
    user = {"name": NAME, "role": "viewer", "password": "correct horse battery"}
    examples = {
        "/dashboard/users": await _made(hub, "/v1/users", user),
        "/dashboard/keys": await _made(hub, "/v1/keys", {"name": NAME, "scopes": ["read"]}),
        "/dashboard/tables/hostile/records": await _made(
            hub, "/v1/tables/hostile/records", {"texts": list(TEXTS), NAME: NAME}
        ),
        "/dashboard/files": await _file(hub),
    }
    examples["/dashboard/events"] = await _events(hub)
    found = await hub.until(
        f"/v1/events/{examples['/dashboard/events']}", timeout_s=60, fate="dead"
    )
    examples["/dashboard/runs"] = found["runs"][0]
    deliveries = await hub.get("/v1/deliveries?status=dead")
    examples["/dashboard/deliveries"] = deliveries["items"][0]["id"]
    for text in TEXTS:
        message = {"event": text[:100], "data": {text: text}}
        await hub.api.post("/v1/channels/hostile/messages", json=message)
    by_name = ("sources", "channels", "stacks", "tables", "issuers", "alerts", "subscriptions")
    return {
        **examples,
        **{f"/dashboard/{noun}": "hostile" for noun in by_name},
        "/dashboard/destinations": "sink",
        "/dashboard/variables": "HOSTILE",
        "/dashboard/tasks": "hostile/keep",
        "/dashboard/schedules": "nightly/nightly",
        "/dashboard/first-event": "hostile",
        "/dashboard/lanes": "normal",
    }


async def _made(hub: Driven, path: str, body: dict[str, Any]) -> str:
    answer = await hub.api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _file(hub: Driven) -> str:
    answer = await hub.api.post(
        "/v1/files",
        params={"name": f"{NAME}\u202egnp.html"},
        content=NAME.encode(),
        headers={"content-type": "text/html"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _issuer() -> dict[str, Any]:
    may = [{"channels": ["hostile"]}]
    return {"issuer": NAME, "secrets": ["s" * 40], "may": may}


async def _events(hub: Driven) -> str:
    """Send all that is hostile; gives the event whose every part is."""
    async with httpx.AsyncClient(base_url=hub.base, timeout=60, trust_env=False) as sender:
        for source, bodies in (("hostile", BODIES), ("large", LARGE)):
            for kind, body in bodies:
                fields = {"content-type": kind}
                answer = await sender.post(f"/in/{source}", content=body, headers=fields)
                assert answer.status_code < 500, answer.text
        answer = await sender.post(
            f"/in/hostile/{quote(MARKUP[2])}/%00%ff?{quote(MARKUP[0])}={quote(MARKUP[2])}&a=<b>",
            json={"type": NAME, "texts": list(TEXTS), NAME: {each: each for each in TEXTS}},
            headers={"user-agent": NAME, "x-said": MARKUP[4], "x-event-type": NAME},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["event_id"])


class Watched:
    """A page on which nothing may happen that it does not do of itself."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._base = base
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._heard)
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if not message.text.startswith("[DOM] "):  # Chromium's advice on how forms are made
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and not request.url.startswith(f"{self._base}/"):
            self.complaints.append(f"request: {request.url}")

    async def dialog(self, dialog: Dialog) -> None:
        """Nobody asked for one."""
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()


async def sign_in(context: BrowserContext, scene: Scene) -> None:
    """Give a window the cookie that signing in gives."""
    cookie: Any = {"name": COOKIE, "value": scene.token, "url": scene.hub.base}
    await context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Lax"}])


@asynccontextmanager
async def watched(browser: Browser, scene: Scene, **options: Any) -> AsyncIterator[Watched]:
    """A page of somebody who is signed in; what is asked elsewhere is answered by nobody."""
    base = scene.hub.base
    async with await browser.new_context(**options) as context:
        await sign_in(context, scene)
        page = await context.new_page()
        seen = Watched(page, base)
        page.on("dialog", seen.dialog)

        async def nobody(route: Route) -> None:
            await route.abort()

        await page.route(lambda url: not url.startswith(base), nobody)
        yield seen


async def settled(page: Page) -> None:
    """Wait until a page has asked for all it wants at first, and its scripts have run."""
    await page.wait_for_load_state("load")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
