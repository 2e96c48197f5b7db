"""The API's operations, done by a command in its own process: no server, no key, the same answers.

So a command shows what the API shows, refuses what it refuses, and works while the hub is down.
A hub that runs beside it sees what was changed within a second.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.types import Message

from hub.bootstrap import Hub, open_hub
from hub.model.json import Json, dumps, loads
from hub.model.key import Scope
from hub.settings import Settings
from hub.store.keys import StoredKey
from hub.store.migrate import require_current
from hub.valkey import reached
from hub.web import errands
from hub.web.access import Access
from hub.web.api import OPERATIONS
from hub.web.api.call import Call
from hub.web.paging import MAX_LIMIT

_OPERATIONS = {(each.method, each.path): each for each in OPERATIONS}
_WHOLE = frozenset({"/v1/lanes"})
"""Lists that come in one piece, and take no limit."""
_OWNER = StoredKey("key_command_line", "command line", frozenset(Scope))


class Desk:
    """Where the operations are asked for."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._access = Access(hub.ledger)

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
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._request(method, path, urlencode(given), body, parts or {})
        operation = _OPERATIONS[method, path]
        call = Call(self.hub, self._access, request, _OWNER, operation)
        answer = await errands.run(call, operation)
        return loads(bytes(answer.body)) if answer.body else None

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
        self, method: str, path: str, query: str, body: Json, parts: Mapping[str, str]
    ) -> Request:
        sent = b"" if body is None else dumps(body)
        settings = self.hub.settings

        async def receive() -> Message:
            return {"type": "http.request", "body": sent, "more_body": False}

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json")],
            "path_params": dict(parts),
            "scheme": "http",
            "server": (settings.host, settings.port),
            "root_path": "",
        }
        return Request(scope, receive)


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """The desk over the ledger that the settings name; Redis need not answer.

    Raises:
        StoreError: ``store_missing``, ``store_not_migrated``, or it cannot be reached.
        SettingsError: a connector or functions cannot be loaded.
    """
    await require_current(settings.database_url, settings.data)
    with reached(settings.data) as embedded:
        async with open_hub(settings, settings.redis_url or embedded) as hub:
            yield Desk(hub)
