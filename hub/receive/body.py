"""Reading a request's body: counted while it comes, bounded in size and time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from hub.errors import InvalidError, TooLargeError
from hub.model.http import Headers

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


class SenderGone(Exception):  # noqa: N818 - nobody is left to be told
    """The sender closed the connection before its request was whole."""


def check_headers(headers: Headers, most_bytes: int) -> None:
    """What can be refused before the body is read.

    Raises:
        TooLargeError, InvalidError: as :func:`read_body`, or ``content_encoding_unsupported``.
    """
    encoding = headers.get("content-encoding")
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise InvalidError(
            f"Compressed bodies are not taken (content-encoding: {encoding[:40]}). "
            "Send the body as it is.",
            code="content_encoding_unsupported",
        )
    declared = headers.get("content-length")
    if declared is not None and declared.isascii() and declared.isdigit():
        _check_size(int(declared[:18]), most_bytes)


async def read_body(receive: Receive, most_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises:
        TooLargeError: ``body_too_large``, as soon as the limit is passed.
        InvalidError: ``body_timeout``.
        SenderGone: the connection ended before the body did.
    """
    message = await _next(receive, timeout_s)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        _check_size(len(body), most_bytes)
        return body
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_rest(receive, body, most_bytes)
    except TimeoutError:
        raise _too_slow(timeout_s) from None


async def _read_rest(receive: Receive, first: bytes, most_bytes: int) -> bytes:
    parts, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderGone
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        _check_size(size, most_bytes)
        more = message.get("more_body", False)
    return b"".join(parts)


async def _next(receive: Receive, timeout_s: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(timeout_s):
            message = await receive()
    except TimeoutError:
        raise _too_slow(timeout_s) from None
    if message["type"] == "http.disconnect":
        raise SenderGone
    return message


def _too_slow(timeout_s: float) -> InvalidError:
    return InvalidError(
        f"The body did not arrive within {timeout_s:g} s (HUB_BODY_TIMEOUT_S). Send it again.",
        code="body_timeout",
    )


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise TooLargeError(
            f"The body is larger than the {most_bytes:,} bytes that this source takes "
            "(max_body_bytes of the source, else HUB_MAX_BODY_BYTES).",
            code="body_too_large",
        )
