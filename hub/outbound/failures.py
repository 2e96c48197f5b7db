"""Failures: what the libraries below raise, as the one error that the hub knows.

The transport's own errors do not tell a refused address from a bad certificate, so their causes
are looked at.
"""

import errno
import ssl
import zlib
from collections.abc import Iterator

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from hub.errors import OutboundError

CONNECT_LIMIT_S = 10.0
_LONGEST_DETAIL = 300
FOREIGN = (
    *(httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, zlib.error),
    *(OSError, EOFError, ValueError, RuntimeError),  # the last from uvloop's closed transports
)
"""What the libraries raise where a request fails."""


class RefusedError(OSError):
    """The guard lets no connection be made. An OSError, as resolvers and sockets raise."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, reason)
        self.reason = reason


# The first that matches counts: what stands further up is wrapped into what stands below.
_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (RefusedError, "address_refused"),
    (aiohttp.ClientConnectorDNSError, "dns_failed"),
    ((httpx.InvalidURL, aiohttp.InvalidURL), "url_invalid"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientSSLError, "tls_failed"),
    (aiohttp.ClientConnectorError, "connect_failed"),
)
_SENTENCES = {
    "address_refused": "The address is not allowed",
    "dns_failed": "The name could not be looked up",
    "url_invalid": "The URL cannot be used",
    "tls_failed": "TLS could not be agreed on",
    "connect_failed": "No connection could be made",
    "answer_broken": "The answer broke off or is no HTTP",
}


def failure(error: Exception, connected: bool, timeout_s: float) -> OutboundError:
    """The error that is told: ``connected`` says whether the request may have been sent."""
    causes = tuple(_causes(error))
    code = _code(causes, connected)
    if code == "timeout" and connected:
        message = f"There was no complete answer within {timeout_s:g} s."
    elif code == "timeout":
        limits = f"{CONNECT_LIMIT_S:g} s to connect and {timeout_s:g} s in all"
        message = f"There was no connection in time; the limits are {limits}."
    else:
        message = f"{_SENTENCES[code]}: {_detail(causes)}"
    return OutboundError(message, code=code, may_have_run=connected)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _code(causes: tuple[BaseException, ...], connected: bool) -> str:
    """The transport's own errors do not tell a refused address from a bad certificate."""
    for kinds, code in _CODES:
        if any(isinstance(cause, kinds) for cause in causes):
            return code
    return "answer_broken" if connected else "connect_failed"


def _detail(causes: tuple[BaseException, ...]) -> str:
    """What the innermost cause says: a sentence's end, on one line and without the URL."""
    text = " ".join(_words(causes[-1]).split()).removesuffix(" ^")  # a parser's finger
    text = text[:_LONGEST_DETAIL] or type(causes[-1]).__name__
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _words(error: BaseException) -> str:
    match error:
        case RefusedError():
            return error.reason
        case aiohttp.InvalidURL():
            return "its host is no name and no address"
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST"):
            return "that port does not speak TLS; for plain HTTP the URL starts with http://"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return "the other side closed the connection"
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return error.message
    return str(error)
