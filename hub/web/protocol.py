"""HTTP/1.1 on a connection: uvicorn's, with bounds on a request's head and with our answers.

uvicorn bounds neither the size of a head nor the time that it takes, and answers what it cannot
read as plain text. Nobody may hold a connection, or memory, by never finishing a request.
"""

import asyncio
from collections.abc import Iterable
from enum import Enum
from math import inf
from typing import Any, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hub.errors import HubError, InvalidError
from hub.web.problems import problem

MAX_HEAD_BYTES = 65_536
_GATHER_BYTES = 65_536
HEAD_S = 10.0
"""How long a connection may take until its next request begins, and that one's head is whole."""
_log = structlog.get_logger("hub.web")


class _Reading(Enum):
    """What of a request comes next."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class Gathering:
    """A transport that sends in one piece what is written in one round of the event loop.

    uvicorn writes a response's head and body apart: that is a system call and a packet more for
    each of them, and for each message of a stream.
    """

    __slots__ = ("_begun", "_loop", "_parts", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0
        self._begun = False

    def gather(self) -> None:
        """A new request: its answer's first pieces are sent together."""
        self._begun = False

    def write(self, data: bytes) -> None:
        """Send it before the next round, or now where much has gathered."""
        if not self._parts:
            if self._begun:  # a stream goes on: nothing more comes in this round
                self._transport.write(data)
                return
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > _GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was written."""
        if self._parts:
            data, self._parts, self._size = b"".join(self._parts), [], 0
            self._begun = True
            self._transport.write(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = _Reading.NOTHING
        self._head_bytes = 0
        self._refusal: HubError | None = None
        self._due_at = inf
        """By the loop's clock: until then a request's head is to be whole."""
        self._timer: asyncio.TimerHandle | None = None
        """One that looks now and then: a new one for each request would cost more than its head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(cast("asyncio.Transport", Gathering(transport, self.loop)))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._reading is _Reading.HEAD and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_head_too_large())

    def on_message_begin(self) -> None:
        self._reading = _Reading.HEAD
        if self._due_at < inf:  # the time in which nothing was asked does not count
            self._due_at = self.loop.time() + HEAD_S
        cast("Gathering", self.transport).gather()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._head_bytes > MAX_HEAD_BYTES:  # a body's beginning may be counted as well
            fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) + fields > MAX_HEAD_BYTES:
                self._refusal = _head_too_large()
                raise self._refusal
        super().on_headers_complete()
        self._reading, self._head_bytes, self._due_at = _Reading.BODY, 0, inf

    def on_message_complete(self) -> None:
        self._reading, self._head_bytes = _Reading.NOTHING, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's own, which has a timer for each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:  # the rest of a body that was refused has as long
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is refused as everything else is."""
        self._refuse(
            self._refusal
            or InvalidError(
                "This is no HTTP request that can be read. Look at its first line, its header "
                "fields, and how the length of its body is told.",
                code="request_broken",
            )
        )

    def _refuse(self, error: HubError) -> None:
        """Answer, if the answer would belong to this request, and close."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        before = cycle is not None and not cycle.response_complete
        if before and self._reading is not _Reading.BODY:  # an earlier request is answered first
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        answered = cycle is not None and cycle.response_started
        if self._reading is not _Reading.BODY or not answered:
            _log.info("request.refused", code=error.code, ip=self.client and self.client[0])
            self.transport.write(_answer(error, self.server_state.default_headers))
        self.transport.close()

    def _expect_head(self) -> None:
        self._due_at = self.loop.time() + HEAD_S
        if self._timer is None:
            self._timer = self.loop.call_at(self._due_at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self.loop.time() >= self._due_at:
            self._too_slow()
        elif self._due_at < inf:
            self._timer = self.loop.call_at(self._due_at, self._look)

    def _too_slow(self) -> None:
        if self._reading is _Reading.HEAD:
            self._refuse(
                InvalidError(
                    f"The request's head did not arrive within {HEAD_S:g} s. Send it again.",
                    code="head_timeout",
                )
            )
        elif not self.transport.is_closing():
            self.transport.close()


def _head_too_large() -> InvalidError:
    return InvalidError(
        f"The request's first line and header fields are larger than {MAX_HEAD_BYTES:,} bytes. "
        "Send less in them.",
        code="headers_too_large",
    )


def _answer(error: HubError, always: Iterable[tuple[bytes, bytes]]) -> bytes:
    response = problem(error)
    lines = [STATUS_LINE[response.status_code]]
    lines += [name + b": " + value + b"\r\n" for name, value in (*always, *response.raw_headers)]
    return b"".join([*lines, b"connection: close\r\n\r\n", bytes(response.body)])
