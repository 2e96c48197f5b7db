"""``/in`` as browsers and other senders see it: refusals as problems, and pages that may send."""

from collections.abc import MutableMapping
from typing import Any

from starlette.responses import Response

from hub.bootstrap import Hub
from hub.connector import FromPages
from hub.errors import HubError
from hub.receive.body import Receive
from hub.receive.endpoint import METHODS, Endpoint, Scope, Send, SenderGone
from hub.web.cors import ASKED, PageOrigins
from hub.web.problems import problem


class Entrance:
    """Hands requests to the sources."""

    def __init__(self, endpoint: Endpoint, hub: Hub) -> None:
        self._endpoint = endpoint
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever comes of it."""
        origin = _field(scope, b"origin")
        if origin is None:  # no page sent it
            await self._taken(scope, receive, send)
            return
        pages = await self._pages(scope["path"])
        if scope["method"] == "OPTIONS":
            asked = _field(scope, ASKED.encode())
            told = pages.preflight(origin, ", ".join(METHODS), asked)
            await Response(None, 204, told)(scope, receive, send)
            return
        await self._taken(scope, receive, _telling(send, pages.headers(origin)))

    async def _taken(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._endpoint(scope, receive, send)
        except SenderGone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a problem
            await problem(error, scope)(scope, receive, send)

    async def _pages(self, path: str) -> PageOrigins:
        named = self._hub.settings.cors_origins
        slug = path.removeprefix("/in/").partition("/")[0]
        try:
            source = await self._hub.catalog.source(slug)
        except HubError:  # the endpoint says which
            return PageOrigins((), named)
        connector = self._hub.connectors.get(source.connector)
        usual = connector.pages if isinstance(connector, FromPages) else ()
        return PageOrigins(usual if source.cors is None else source.cors, named)


def _field(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _telling(send: Send, fields: dict[str, str]) -> Send:
    more = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]

    async def telling(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return telling
