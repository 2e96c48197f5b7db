"""A request of the hub's own goes through the front door, in this process and without a socket."""

import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import HubError
from hub.model.event import Receipt
from hub.model.http import OutboundRequest
from hub.model.json import Json, dumps
from hub.receive.endpoint import Application, Endpoint
from hub.receive.record import Recorder
from hub.web.access import Access
from hub.web.problems import problem
from hub.web.senders import key_check


async def knock(hub: Hub, sent: OutboundRequest, ip: str) -> dict[str, Json]:
    """What the sender of such a request is answered; it counts as any other, but for limits.

    Where a source answers what a run gives, it is not waited for.
    """
    settings = hub.settings
    endpoint = Endpoint(
        hub.catalog,
        hub.connectors,
        Recorder(hub.ledger, hub.catalog, hub.bell, settings.timezone, hub.tracing),
        max_body_bytes=settings.max_body_bytes,
        body_timeout_s=settings.body_timeout_s,
        public_url=settings.root if settings.public_url is not None else None,
        timezone=settings.timezone,
        result=_taken,
        check_key=key_check(Access(hub.ledger)),
        metrics=hub.metrics,
        tracing=hub.tracing,
    )
    scope, heard = _scope(sent, ip), _Heard(sent.body)
    started = time.perf_counter()
    try:
        await endpoint(scope, heard.receive, heard.send)
    except HubError as error:
        await problem(error, scope)(scope, heard.receive, heard.send)
    return {
        "status": heard.status,
        "duration_ms": round((time.perf_counter() - started) * 1000),
        "body": heard.body.decode("utf-8", "replace"),
    }


class _Heard:
    """The two sides of a request: what it brings, and what it is answered."""

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self.body = b""
        self._sent = body

    async def receive(self) -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": self._sent, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


def _scope(sent: OutboundRequest, ip: str) -> dict[str, Any]:
    url = urlsplit(sent.url)
    fields = [("host", url.netloc), *sent.headers]
    return {
        "type": "http",
        "method": sent.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
        "client": (ip, 0),
    }


async def _taken(receipt: Receipt, wait_s: float) -> Application:
    """In place of what a run gives."""
    told = {"status": "accepted", "event_id": receipt.event_id, "run_id": receipt.run_id}
    return Response(dumps(told), 202, media_type="application/json")
