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
    limit = _Limit()
    timer = asyncio.get_running_loop().call_later(timeout_s, limit.pass_by)
    try:
        return await _read(receive, most_bytes)
    except asyncio.CancelledError:
        if limit.ends_here():
            raise InvalidError(
                f"The body did not arrive within {timeout_s:g} s (HUB_BODY_TIMEOUT_S). "
                "Send it again.",
                code="body_timeout",
            ) from None
        raise
    finally:
        timer.cancel()


class _Limit:
    """What ``asyncio.timeout`` does, in a third of its time: it is paid at each request."""

    __slots__ = ("_before", "_passed", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio runs in a task
        self._task = task
        self._before = task.cancelling()
        self._passed = False

    def pass_by(self) -> None:
        """The time is over."""
        self._passed = True
        self._task.cancel()

    def ends_here(self) -> bool:
        """Whether a cancellation came of this limit alone."""
        return self._passed and self._task.uncancel() <= self._before


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
