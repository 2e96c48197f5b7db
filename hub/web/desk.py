"""The API's operations, asked for in this process: no socket, the same answers and refusals.

So a command or a page shows what the API shows, and what it changes is audited as any other change.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from hub.bootstrap import Hub
from hub.model.json import MAX_DEPTH, Json, dumps, loads
from hub.model.key import Scope
from hub.store.keys import StoredKey
from hub.web import errands
from hub.web.access import Access, allows, forbidden
from hub.web.api import OPERATIONS
from hub.web.api.call import Call
from hub.web.paging import MAX_LIMIT

_OPERATIONS = {(each.method, each.path): each for each in OPERATIONS}
_WHOLE = frozenset({"/v1/lanes"})
"""Lists that come in one piece, and take no limit."""
_MOST_DEPTH = MAX_DEPTH + 20
"""What is as deep as the hub takes it stands a little deeper in its answer."""
OWNER = StoredKey("key_command_line", "command line", frozenset(Scope))
"""Whoever may start programs on the hub's own machine."""


class Desk:
    """Where the operations are asked for, by whoever has ``key``.

    ``server`` is the address that the hub is reached under, ``client`` where the wish came from.
    """

    def __init__(
        self,
        hub: Hub,
        access: Access,
        key: StoredKey = OWNER,
        *,
        scheme: str = "http",
        server: tuple[str, int] | None = None,
        client: tuple[str, int] | None = None,
    ) -> None:
        self.hub = hub
        self.key = key
        self._access = access
        self._place = {
            "scheme": scheme,
            "server": server or (hub.settings.host, hub.settings.port),
            "client": client,
        }

    def may(self, scope: Scope) -> bool:
        """Whether the key does for operations of this scope."""
        return allows(self.key.scopes, scope)

    async def ask(
        self,
        method: str,
        path: str,
        parts: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Json = None,
    ) -> Any:
        """The answer to an operation: ``path`` as it stands in the API, ``parts`` fill it in.

        What is None in ``query`` is left out. None where the answer has no body.

        Raises:
            HubError: as the operation.
        """
        sent = b"" if body is None else dumps(body)
        answer = await self.answer(method, path, parts, query=query, body=sent)
        return loads(bytes(answer.body), _MOST_DEPTH) if answer.body else None

    async def answer(
        self,
        method: str,
        path: str,
        parts: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | AsyncIterator[bytes] = b"",
        content_type: str = "application/json",
    ) -> Response:
        """The same with bytes of any kind, both ways; they may come part by part.

        Raises:
            HubError: as the operation.
        """
        operation = _OPERATIONS[method, path]
        if not self.may(operation.scope):
            raise forbidden(self.key.name, operation.scope)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._request(method, path, parts or {}, urlencode(given), (body, content_type))
        call = Call(self.hub, self._access, request, self.key, operation)
        return await errands.run(call, operation)

    async def listed(
        self, path: str, most: int, parts: Mapping[str, str] | None = None, **filters: Any
    ) -> list[dict[str, Json]]:
        """The first ``most`` things of a list, over as many pages as that takes."""
        items: list[dict[str, Json]] = []
        query: dict[str, Any] = filters
        while len(items) < most:
            if path not in _WHOLE:
                query = {**query, "limit": min(most - len(items), MAX_LIMIT)}
            page = await self.ask("GET", path, parts, query=query)
            items += page["items"]
            if page.get("next") is None:
                break
            query = dict(parse_qsl(urlsplit(page["next"]).query))
        return items[:most]

    def _request(
        self,
        method: str,
        path: str,
        parts: Mapping[str, str],
        query: str,
        sent: tuple[bytes | AsyncIterator[bytes], str],
    ) -> Request:
        body, content_type = sent
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"content-type", content_type.encode())],
            "path_params": dict(parts),
            "root_path": "",
            **self._place,
        }
        return Request(scope, _giving(_whole(body) if isinstance(body, bytes) else body))


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _giving(parts: AsyncIterator[bytes]) -> Receive:
    """What a request reads its body with."""

    async def receive() -> Message:
        part = await anext(parts, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    return receive
