"""The client: the only way for a request to leave the hub.

It checks every address before connecting, follows no redirect, keeps no cookie, asks no proxy but
the one it is given, reads an answer up to a cap or gives it piece by piece, and waits up to a
limit. Each failure is one ``OutboundError``.
"""

import asyncio
import base64
import ssl
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from ipaddress import ip_address
from typing import Protocol, Self, cast

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import Headers, OutboundRequest, OutboundResponse
from hub.outbound.connecting import Connector, Gatekeeper, Progress, VettedNames, progress
from hub.outbound.failures import CONNECT_LIMIT_S, FOREIGN, RefusedError, failure
from hub.outbound.guard import AddressPolicy, check_request, check_url
from hub.outbound.pools import Pools
from hub.outbound.streaming import Pace, Streamed, StreamLimits, unpacked
from hub.outbound.tls import context_of, public_trust

# The words in brackets keep it from looking like a bare product token, which n8n's "Ignore Bots"
# (the isbot list) takes for a bot.
USER_AGENT = f"hub/{version('webhook-hub')} (webhooks; deliveries)"

_PROXY_REFUSES = 407
_PORTS = {"http": 80, "https": 443}
_KEEP_ALIVE_S = 4.0  # Node closes an idle connection after 5 s: be the first, or lose a request
_SLACK_BYTES = 65_536  # what a compressed answer may need beyond its content


class Sender(Protocol):
    """Something that sends requests as :class:`Client` does."""

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        tls: Tls | None = None,
        cap_bytes: int = 65_536,
    ) -> OutboundResponse:
        """See :meth:`Client.send`."""
        ...


class Client:
    """Sends requests. One per process, used as a context, safe for concurrent use.

    ``connections`` bounds those open at once (in each pool: there is one for strict requests and
    one for ``allow_private``, so that the one never uses the other's, and of either one more for
    each TLS setting of a destination's own). ``tls`` says which certificates are trusted, by
    default the system's and certifi's. ``lookup`` resolves names. With a ``proxy``,
    ``http://user:password@host:port``, everything goes through it: addresses that are written out,
    and those that names have here, are checked all the same, but the proxy looks names up anew,
    and connects where it will.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        connections: int = 200,
        tls: ssl.SSLContext | None = None,
        lookup: AbstractResolver | None = None,
        proxy: str | None = None,
    ) -> None:
        self._policy = policy
        self._proxy = None if proxy is None else _proxy_of(proxy)
        self._connections = connections
        self._tls = tls
        self._lookup = lookup
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        tls = self._tls or public_trust()
        self._strict = self._transport(tls, allow_private=False)
        self._exit.push_async_callback(self._strict.aclose)
        self._private = self._transport(tls, allow_private=True)
        self._exit.push_async_callback(self._private.aclose)
        self._own = Pools(self._open)
        self._exit.push_async_callback(self._own.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        tls: Tls | None = None,
        cap_bytes: int = 65_536,
    ) -> OutboundResponse:
        """Send it and read the answer, whatever its status; redirects are answers too.

        ``timeout_s`` is for all of it, from the lookup of the name to the last byte. The body is
        unpacked if it came as gzip, read up to ``cap_bytes`` and marked if there was more. ``tls``
        are certificates of the destination's own.

        Raises:
            OutboundError: ``url_invalid``, ``request_invalid`` (method or header fields),
                ``address_refused``, ``dns_failed``, ``connect_failed``, ``tls_failed``,
                ``timeout``, ``answer_broken``; ``request_invalid`` too where a certificate of
                ``tls`` cannot be used. ``details["may_have_run"]`` tells whether any of
                the request may have been sent.
        """
        started = time.perf_counter()
        outgoing = _outgoing(request, "gzip")
        own = Progress()
        token = progress.set(own)
        try:
            async with asyncio.timeout(timeout_s), self._pool(tls, allow_private) as transport:
                await self._check_behind_proxy(outgoing.url, allow_private)
                answer = await transport.handle_async_request(outgoing)
                try:
                    if answer.status_code < 200:  # nobody asked for a 101, and 0 is no status
                        raise ValueError(f"a status of {answer.status_code} answers nothing")
                    headers = _headers(answer)
                    stream = cast(httpx.AsyncByteStream, answer.stream)
                    body, truncated = await _read(stream, headers, cap_bytes)
                finally:
                    await answer.aclose()  # with a rest unread this closes the connection
        except FOREIGN as error:
            raise failure(error, own.connected, timeout_s) from error
        finally:
            progress.reset(token)
        self._check_let_through(outgoing.url, answer.status_code)
        duration_ms = round((time.perf_counter() - started) * 1000)
        return OutboundResponse(answer.status_code, headers, body, truncated, duration_ms)

    @asynccontextmanager
    async def stream(
        self,
        request: OutboundRequest,
        *,
        limits: StreamLimits,
        allow_private: bool = False,
        tls: Tls | None = None,
    ) -> AsyncIterator[Streamed]:
        """Send it and give the answer once its head is there; its body is read in the block.

        Whatever its status: redirects are answers too. The body is asked for as it is, and
        unpacked if it came as gzip all the same. With a rest unread the connection is closed.

        Raises:
            OutboundError: as :meth:`send`; reading the body ``timeout``, ``answer_too_slow``,
                ``answer_broken``, ``answer_too_large``, ``answer_expands``,
                ``encoding_unknown``.
        """
        outgoing = _outgoing(request, "identity")
        own, pace = Progress(), Pace(limits)
        async with AsyncExitStack() as held:
            token = progress.set(own)
            head_s = pace.head_s()
            try:
                async with asyncio.timeout(head_s):
                    transport = await held.enter_async_context(self._pool(tls, allow_private))
                    await self._check_behind_proxy(outgoing.url, allow_private)
                    answer = await transport.handle_async_request(outgoing)
                    held.push_async_callback(_let_go, answer)
                    if answer.status_code < 200:
                        raise ValueError(f"a status of {answer.status_code} answers nothing")
            except FOREIGN as error:
                raise failure(error, own.connected, head_s) from error
            finally:
                progress.reset(token)
            self._check_let_through(outgoing.url, answer.status_code)
            headers = _headers(answer)
            body = unpacked(_paced(answer, own, pace), headers, limits)
            yield Streamed(answer.status_code, headers, request.url, body)

    @asynccontextmanager
    async def _pool(self, tls: Tls | None, allow_private: bool) -> AsyncIterator[AiohttpTransport]:
        if tls is None:
            yield self._private if allow_private else self._strict
        else:
            async with self._own.lent(tls, allow_private=allow_private) as transport:
                yield transport

    async def _open(self, tls: Tls, allow_private: bool) -> AiohttpTransport:
        context = await asyncio.to_thread(context_of, tls)  # takes some 20 ms
        return self._transport(context, allow_private=allow_private)

    def _transport(self, tls: ssl.SSLContext, *, allow_private: bool) -> AiohttpTransport:
        lookup = self._lookup or aiohttp.ThreadedResolver()
        gate = Gatekeeper(self._policy, allow_private)
        connector = Connector(
            # what is connected to is the proxy, which the owner of the deployment has named
            resolver=VettedNames(gate, lookup) if self._proxy is None else None,
            socket_factory=gate.socket if self._proxy is None else None,
            use_dns_cache=False,
            ssl=tls,
            limit=self._connections,
            keepalive_timeout=_KEEP_ALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("Content-Type",),
        )
        return AiohttpTransport(verify=tls, trust_env=False, client=session, proxy=self._proxy)

    def _check_let_through(self, url: httpx.URL, status: int) -> None:
        """Whether the proxy itself has refused; through a tunnel it was not the proxy."""
        if self._proxy is not None and url.scheme == "http" and status == _PROXY_REFUSES:
            raise OutboundError(
                "The proxy does not let the hub through (407): check the user and the password in "
                "HUB_OUTBOUND_PROXY.",
                code="connect_failed",
                may_have_run=False,
            )

    async def _check_behind_proxy(self, url: httpx.URL, allow_private: bool) -> None:
        """Check where a request would go from here; a name that is unknown here is the proxy's."""
        if self._proxy is None:
            return
        gate = Gatekeeper(self._policy, allow_private)
        port = url.port or _PORTS[url.scheme]
        try:
            address = str(ip_address(url.host))
        except ValueError:
            names = VettedNames(gate, self._lookup or aiohttp.ThreadedResolver())
            try:
                await names.resolve(url.host, port)
            except RefusedError:
                raise
            except OSError:
                return
        else:
            gate.check(address, port)


def _proxy_of(url: str) -> httpx.Proxy:
    """The proxy, its user and password as aiohttp takes them.

    aiohttp moves ``Authorization`` of a proxy's fields to ``Proxy-Authorization``, of a tunnel's
    request and of plain ones alike; its ``BasicAuth``, which httpx-aiohttp would use, is
    deprecated.
    """
    user, password = httpx.Proxy(url).raw_auth or (b"", b"")
    bare = str(httpx.URL(url).copy_with(userinfo=b""))
    if not user:
        return httpx.Proxy(bare)
    pair = base64.b64encode(user + b":" + password).decode()
    return httpx.Proxy(bare, headers={"Authorization": f"Basic {pair}"})


def _outgoing(request: OutboundRequest, coding: str) -> httpx.Request:
    check_request(request)
    fields = [("accept-encoding", coding), *request.headers]
    if not any(name.lower() == "user-agent" for name, _ in request.headers):
        fields.append(("user-agent", USER_AGENT))
    outgoing = httpx.Request(
        request.method,
        check_url(request.url),
        headers=fields,
        stream=httpx.ByteStream(request.body),  # given as a stream, httpx adds no fields itself
        extensions={"timeout": {"connect": CONNECT_LIMIT_S}},
    )
    outgoing.read()  # and read at once, aiohttp gets bytes and knows their length
    return outgoing


def _headers(answer: httpx.Response) -> Headers:
    pairs = answer.headers.raw
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)


async def _paced(answer: httpx.Response, own: Progress, pace: Pace) -> AsyncIterator[bytes]:
    """The pieces of a body as they come in."""
    pieces = aiter(cast(httpx.AsyncByteStream, answer.stream))
    while True:
        try:
            piece = await pace.next(pieces)
        except FOREIGN as error:
            raise failure(error, own.connected, 0) from error
        if piece is None:
            break
        yield piece
    if own.said_more:
        raise OutboundError(
            "More came than the answer's Content-Length says: its server is set wrongly, or "
            "something between here and there is.",
            code="answer_broken",
            may_have_run=True,
        )


async def _let_go(answer: httpx.Response) -> None:
    with suppress(*FOREIGN):
        await answer.aclose()


async def _read(
    stream: httpx.AsyncByteStream, headers: Headers, cap_bytes: int
) -> tuple[bytes, bool]:
    """The body up to the cap, unpacked as it comes, and whether there was more."""
    packed = (headers.get("content-encoding") or "").lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(47) if packed else None
    body = bytearray()
    received = 0
    async for chunk in stream:
        received += len(chunk)
        room = cap_bytes + 1 - len(body)
        body += chunk[:room] if unpack is None else unpack.decompress(chunk, room)
        if len(body) > cap_bytes or received > 2 * cap_bytes + _SLACK_BYTES:
            return bytes(body[:cap_bytes]), True
    if unpack is not None and received and not unpack.eof:
        raise EOFError("the gzip body ends too early")
    return bytes(body), unpack is not None and bool(unpack.unused_data)
