"""``/in/{source}``: the front door. Limits, verification, dedup, commit; only then an answer."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

import structlog

from hub.connector import Challenges, Connector, Reply
from hub.errors import AccessError, HubError, InvalidError, NotFoundError, StoreError
from hub.model.answer import rendered
from hub.model.event import Receipt
from hub.model.http import Headers, InboundRequest
from hub.model.json import Json, dumps
from hub.model.source import FixedAnswer, Source
from hub.model.trace import HEADER
from hub.observe.metrics import Metrics
from hub.observe.tracing import Tracing
from hub.receive.body import Receive, SenderGone, check_headers, read_body
from hub.receive.items import items_of
from hub.receive.pace import Pace
from hub.receive.record import Recorder
from hub.receive.redaction import redacted
from hub.receive.verify import CheckKey, verify
from hub.store.catalog import Catalog

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = ("POST", "PUT", "PATCH", "GET")
MAX_HEADERS = 100
_SIGNS_ADDRESS = ("hmac", "preset")
_NOT_COMMITTED = (
    "The hub's database does not commit now, so this is not accepted. Send it again later; "
    "under the same webhook-id or idempotency-key it is never taken twice."
)
_log = structlog.get_logger("hub.receive")


class Endpoint:
    """An ASGI application for the sources. Raises HubError for what it refuses."""

    def __init__(
        self,
        catalog: Catalog,
        connectors: Mapping[str, Connector],
        recorder: Recorder,
        *,
        max_body_bytes: int,
        body_timeout_s: float,
        public_url: str | None = None,
        timezone: str = "UTC",
        result: Callable[[Receipt, float], Awaitable[Application]],
        check_key: CheckKey,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._catalog = catalog
        self._connectors = connectors
        self._challenges = {  # looked up once: such a question costs more than a signature
            name: each.challenge
            for name, each in connectors.items()
            if isinstance(each, Challenges)
        }
        self._recorder = recorder
        self._metrics = metrics or Metrics()
        self._tracing = tracing
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self._public_url = public_url
        self._pace = Pace()
        self._timezone = timezone
        self._result = result
        self._check_key = check_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request to ``/in/{source}[/{rest}]``.

        Raises:
            HubError: the request is refused (and kept as rejected where that can be).
            SenderGone: nobody is left to be answered.
        """
        started = time.perf_counter()
        slug, _, rest = scope["path"].removeprefix("/in/").partition("/")
        request = _request(scope, rest)
        source: Source | None = None
        try:
            source = self._catalog.now.sources.get(slug) or await self._catalog.source(slug)
            self._keep_pace(slug, source, request.ip)
            request = await self._whole(scope, request, source, receive)
            connector = self._connector(source)
            await verify(source, connector, request, self._check_key)
            challenge = self._challenges.get(source.connector)
            reply = None if challenge is None else challenge(request)
            if reply is None:
                receipts = await self._take(slug, source, connector, request)
        except StoreError as error:
            what = f"{error.code}: {error.message}"
            self._tell(slug, source, request, "not_committed", what, started)
            raise StoreError(_NOT_COMMITTED, code=error.code) from error
        except AccessError as error:  # a flood is counted, and not kept
            self._tell(slug, source, request, "rejected", error.code, started)
            raise
        except HubError as error:
            await self._recorder.reject(slug, source, request, error)
            self._tell(slug, source, request, "rejected", error.code, started)
            raise
        if reply is not None:
            self._tell(slug, source, request, "challenge", connector.name, started)
            await _reply(send, reply)
            return
        fate = "duplicate" if all(each.duplicate for each in receipts) else "accepted"
        self._tell(slug, source, request, fate, receipts[0].event_id, started, receipts)
        if source.respond == "accepted":
            await _answer(send, fate, receipts)
        elif isinstance(source.respond, FixedAnswer):
            await _as_set(send, source.respond, receipts[0])
        elif receipts[0].run_id is None:  # there will be no result
            await _answer(send, fate, receipts)
        else:
            response = await self._result(receipts[0], source.wait_s)
            await response(scope, receive, send)

    def _tell(
        self,
        slug: str,
        source: Source | None,
        request: InboundRequest,
        fate: str,
        detail: str,
        started: float,
        receipts: Sequence[Receipt] = (),
    ) -> None:
        """Log what became of a request, count it, and trace it."""
        took_s = time.perf_counter() - started
        _log.info(
            "event.received",
            source=slug[:63],
            fate=fate,
            detail=detail,
            bytes=len(request.body),
            ip=request.ip,
            duration_ms=round(took_s * 1000, 2),
        )
        known = None if source is None else slug
        again = sum(each.duplicate for each in receipts) if fate == "accepted" else 0
        self._metrics.event_received(known, fate, took_s, max(1, len(receipts)) - again)
        if again:  # some of a list
            self._metrics.event_received(known, "duplicate", None, again)
        if fate == "rejected":
            self._metrics.event_rejected(known, detail)
        if self._tracing is not None:
            asked = (request.method, request.headers.get(HEADER))
            for receipt in receipts or (None,):
                self._tracing.received(known, receipt, (fate, detail), asked, took_s)

    def _keep_pace(self, slug: str, source: Source, ip: str) -> None:
        """Refuse what is too much, before it is read.

        Raises:
            AccessError: ``too_many_requests``.
        """
        if source.limit_per_address is not None:
            self._pace.take((slug, ip), source.limit_per_address)
        if source.limit is not None:
            self._pace.take(slug, source.limit)

    async def _whole(
        self, scope: Scope, request: InboundRequest, source: Source, receive: Receive
    ) -> InboundRequest:
        most_bytes = source.max_body_bytes or self._max_body_bytes
        if request.method not in METHODS:
            raise InvalidError(
                f"A source takes {', '.join(METHODS)}, not {request.method[:20]}.",
                code="method_not_allowed",
                allow=", ".join(METHODS),
            )
        if len(request.headers.pairs) > MAX_HEADERS:
            raise InvalidError(f"More than {MAX_HEADERS} header fields.", code="headers_too_many")
        check_headers(request.headers, most_bytes)
        body = await read_body(receive, most_bytes, self._body_timeout_s)
        url = self._url(scope, request) if source.verify.mode in _SIGNS_ADDRESS else ""
        return InboundRequest(
            *(request.method, request.rest, request.query, request.headers, body, request.ip, url)
        )

    def _url(self, scope: Scope, request: InboundRequest) -> str:
        """The address as the sender wrote it."""
        root = self._public_url
        if root is None:
            root = f"{scope.get('scheme', 'http')}://{request.headers.get('host') or ''}"
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        return f"{root}{path}?{request.query}" if request.query else f"{root}{path}"

    def _connector(self, source: Source) -> Connector:
        connector = self._connectors.get(source.connector)
        if connector is None:
            raise NotFoundError(
                f"The connector {source.connector!r} of this source is not installed.",
                code="connector_unknown",
            )
        return connector

    async def _take(
        self, slug: str, source: Source, connector: Connector, request: InboundRequest
    ) -> list[Receipt]:
        items = items_of(source, request, connector.parse(request), self._timezone)
        if source.redact:
            request, items = redacted(source.redact, request, items)
        return await self._recorder.record(slug, source, request, items)


def _request(scope: Scope, rest: str) -> InboundRequest:
    client = scope.get("client")
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return InboundRequest(
        method=scope["method"],
        rest=rest,
        query=scope["query_string"].decode("latin-1"),
        headers=Headers(pairs),
        body=b"",
        ip=client[0] if client else "",
    )


async def _answer(send: Send, fate: str, receipts: Sequence[Receipt]) -> None:
    first = receipts[0]
    answer: dict[str, Json] = {"status": fate, "event_id": first.event_id}
    if first.run_id is not None:
        answer["run_id"] = first.run_id
    if len(receipts) > 1:
        answer["event_ids"] = [each.event_id for each in receipts]
    also = (b"webhook-id", first.event_id.encode())
    await _send(send, 200 if fate == "duplicate" else 202, "application/json", dumps(answer), also)


async def _as_set(send: Send, fixed: FixedAnswer, receipt: Receipt) -> None:
    out = rendered(fixed.answer())
    headers = [(name.encode(), value.encode()) for name, value in out.headers.items()]
    headers.append((b"webhook-id", receipt.event_id.encode()))
    await _send(send, out.status, out.content_type, out.body, *headers)


async def _reply(send: Send, reply: Reply) -> None:
    await _send(send, 200, reply.content_type, reply.body.encode())


async def _send(
    send: Send, status: int, kind: str | None, body: bytes | None, *also: tuple[bytes, bytes]
) -> None:
    headers = list(also)
    if body is not None and kind is not None:
        headers += [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body or b""})


__all__ = ["Endpoint", "SenderGone"]
