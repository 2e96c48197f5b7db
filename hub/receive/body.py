"""Reading a request's body: counted while it comes, bounded in size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from functools import partial
from types import coroutine
from typing import Any, TypeAlias, TypeVar

from hub.errors import InvalidError, TooLargeError
from hub.model.http import Headers

T = TypeVar("T")
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
    try:
        return await _within(timeout_s, _read(receive, most_bytes))
    except TimeoutError:
        raise InvalidError(
            f"The body did not arrive within {timeout_s:g} s (HUB_BODY_TIMEOUT_S). Send it again.",
            code="body_timeout",
        ) from None


@coroutine
def _within(seconds: float, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """What ``asyncio.timeout`` does; a timer is set only where there is something to wait for.

    Most bodies come with the heads of their requests, and a timer costs more than to join them.
    """
    waiting = work.__await__()
    try:
        first = next(waiting)
    except StopIteration as done:
        value: T = done.value
        return value
    return (yield from _limited(seconds, first, waiting).__await__())


async def _limited(seconds: float, first: Any, waiting: Generator[Any, Any, T]) -> T:
    async with asyncio.timeout(seconds):
        return await _resumed(first, waiting)


@coroutine
def _resumed(step: Any, waiting: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """Wait for what was begun already."""
    while True:
        try:
            sent = yield step
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs in there
            resume = partial(waiting.throw, error)
        else:
            resume = partial(waiting.send, sent)
        try:
            step = resume()
        except StopIteration as done:
            value: T = done.value
            return value


async def _read(receive: Receive, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
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


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise TooLargeError(
            f"The body is larger than the {most_bytes:,} bytes that this source takes "
            "(max_body_bytes of the source, else HUB_MAX_BODY_BYTES).",
            code="body_too_large",
        )
