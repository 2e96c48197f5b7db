"""Connecting: only to addresses that the guard lets pass, and reading what is answered there."""

import errno
import functools
import socket
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage

from hub.outbound.failures import RefusedError
from hub.outbound.guard import AddressPolicy


@dataclass(slots=True)
class Progress:
    """How far one request has come."""

    connected: bool = False
    said_more: bool = False
    """Behind the body came what is no answer."""


progress: ContextVar[Progress] = ContextVar("outboundprogress")


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """The policy as it holds for one of the two pools."""

    policy: AddressPolicy
    allow_private: bool

    def check(self, address: str, port: int) -> None:
        reason = self.policy.refusal(address, port, self.allow_private)
        if reason is not None:
            raise RefusedError(reason)

    def socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last word: literals never reach a resolver, sockets always come by here."""
        family, kind, protocol, _, address = info
        host = str(address[0])
        if len(address) == 4 and address[3]:
            host = f"{host}%{address[3]}"
        self.check(host, int(address[1]))
        return socket.socket(family, kind, protocol)


class VettedNames(AbstractResolver):
    """Looks names up and hands on their addresses only if every one of them may be used."""

    def __init__(self, gate: Gatekeeper, lookup: AbstractResolver) -> None:
        self._gate = gate
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            found = await self._lookup.resolve(host, port, family)
        except UnicodeError as error:  # an empty label or one of over 63 characters
            raise OSError(errno.EINVAL, f"{host!r} cannot be looked up") from error
        if not found:
            raise OSError(errno.ENOENT, f"{host!r} has no address")
        for one in found:
            self._gate.check(one["host"], one["port"])
        return found

    async def close(self) -> None:
        await self._lookup.close()


class _Answers(ResponseHandler):
    """Reads a head apart from what follows, and tells at once of what cannot be read.

    So what wrongly stands behind a 204 costs only the connection, and a body that breaks is not
    waited for until the time is over, however the bytes come in.
    """

    was_used = False
    asking = Progress()
    """That of the request which is answered now."""

    def feed_data(self, data: tuple[RawResponseMessage, Any], size: int = 0) -> None:
        head = data[0]
        if head.code in (204, 304) and (head.chunked or _promises_body(head)):
            self.force_close()  # it may come yet, and is not the next answer
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        if self._payload is not None and not self._payload.is_eof():  # no head begins in here
            super().data_received(data)
            return
        head, end, rest = data.partition(b"\r\n\r\n")
        super().data_received(head + end)
        if rest:
            super().data_received(rest)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        if self._payload is not None and not self._payload.is_eof():
            broken = aiohttp.ClientPayloadError("the body cannot be read")
            broken.__cause__ = exc
            self._payload.set_exception(broken)
        elif self._payload is not None and isinstance(exc, HttpProcessingError):
            self.asking.said_more = True


def _promises_body(head: RawResponseMessage) -> bool:
    return head.headers.get("content-length", "0") != "0"


class Connector(aiohttp.TCPConnector):
    """Notes in the request's progress when its connection stands.

    One on which an answer lies already that nobody asked for is not used again.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._factory = functools.partial(_Answers, loop=self._loop)  # type: ignore[assignment]  # one of them

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        while (answers := cast(_Answers, connection.protocol)).was_used and len(answers):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        answers.was_used = True
        answers.asking = progress.get()
        answers.asking.connected = True
        return connection
