"""Answers that are read piece by piece: how fast they have to come, and how large they may grow.

Nothing here connects: :meth:`hub.outbound.client.Client.stream` does.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from hub.errors import OutboundError
from hub.model.http import Headers

_MIB = 1 << 20
_FREE_BYTES = 16 * _MIB
"""So much may come out of any packed answer, however little went in."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What an answer may take. Times are in seconds and count waiting for the other side alone."""

    most_bytes: int
    """So large its body may be, unpacked."""
    total_s: float
    """For all of it, from the lookup of the name to the last byte; here the reader's time counts
    too."""
    first_s: float = 60.0
    """Until its head is there."""
    idle_s: float = 30.0
    """In so long at least ``least_bytes`` more have to come: slower than that it is cut."""
    least_bytes: int = 32_768
    most_expansion: int = 200
    """Of a packed answer at most so many times its bytes come out, past the first 16 MiB."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose body is still to be read, once."""

    status: int
    headers: Headers
    url: str
    """Where it came from: behind redirects, the last one."""
    body: AsyncIterator[bytes]
    """Raises OutboundError where it breaks off, is too slow, or too large."""

    @property
    def coding(self) -> str:
        """What its body is packed with, ``identity`` if it is not."""
        return (self.headers.get("content-encoding") or "").strip().lower() or "identity"


class Pace:
    """Gives the pieces of one answer, as long as they come fast enough."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._until = time.monotonic() + limits.total_s
        self._waited_s = 0.0
        self._got = 0

    def head_s(self) -> float:
        """How long the head may take from now on."""
        return max(0.0, min(self._limits.first_s, self._until - time.monotonic()))

    async def next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """The next piece, None at the end.

        Raises:
            OutboundError: ``answer_too_slow``, ``timeout`` for the whole.
        """
        began = time.monotonic()
        wait_s = min(self._limits.idle_s - self._waited_s, self._until - began)
        try:
            async with asyncio.timeout(max(0.0, wait_s)):
                piece = await anext(pieces, None)
        except TimeoutError as error:
            raise self._cut() from error
        self._waited_s += time.monotonic() - began
        self._got += len(piece or b"")
        if self._got >= self._limits.least_bytes:
            self._got, self._waited_s = 0, 0.0
        return piece

    def _cut(self) -> OutboundError:
        limits = self._limits
        if time.monotonic() >= self._until:
            message = f"There was no complete answer within {limits.total_s:g} s (total_s)."
            return OutboundError(message, code="timeout", may_have_run=True)
        return OutboundError(
            f"The answer comes too slowly: of the next {limits.least_bytes:,} bytes only "
            f"{self._got:,} came within {limits.idle_s:g} s (idle_s).",
            code="answer_too_slow",
            may_have_run=True,
        )


async def unpacked(
    pieces: AsyncIterator[bytes], headers: Headers, limits: StreamLimits
) -> AsyncIterator[bytes]:
    """The body as it is meant: out of its gzip if it came in one, and never larger than it may be.

    Raises:
        OutboundError: ``answer_too_large``, ``answer_expands``, ``answer_broken``,
            ``encoding_unknown``.
    """
    coding = (headers.get("content-encoding") or "").strip().lower() or "identity"
    if coding in ("gzip", "x-gzip"):
        unzip = _Unzip(limits)
        async for piece in pieces:
            for part in unzip.parts(piece):
                yield part
        unzip.check_end()
    elif coding == "identity":
        given = 0
        async for piece in pieces:
            given += len(piece)
            check_size(given, limits.most_bytes)
            yield piece
    else:
        raise OutboundError(
            f"The answer is packed as {coding[:40]!r}, though it was asked for as it is: have its "
            "server send it unpacked, or as gzip.",
            code="encoding_unknown",
            may_have_run=True,
        )


def check_size(size: int, most_bytes: int) -> None:
    """Refuse what is larger than it may be.

    Raises:
        OutboundError: ``answer_too_large``.
    """
    if size > most_bytes:
        raise OutboundError(
            f"The answer is larger than {most_bytes:,} bytes, the most that may be fetched "
            "(most_bytes): ask for less, or raise the limit.",
            code="answer_too_large",
            may_have_run=True,
        )


class _Unzip:
    """A gzip body of one member or more, unpacked in parts of at most 1 MiB."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._member = zlib.decompressobj(31)
        self._received = 0
        self._given = 0

    def parts(self, piece: bytes) -> Iterator[bytes]:
        self._received += len(piece)
        check_size(self._received, self._limits.most_bytes)
        rest = piece
        while True:
            if self._member.eof:
                rest = rest.lstrip(b"\x00")  # some fill up the end
                if not rest:
                    return
                self._member = zlib.decompressobj(31)
            part, rest = self._part(rest)
            if part:
                yield part
            if not rest and not self._member.eof and len(part) < _MIB:
                return

    def _part(self, data: bytes) -> tuple[bytes, bytes]:
        """What comes out next, and what is left to go in."""
        try:
            part = self._member.decompress(data, _MIB)
        except zlib.error as error:
            raise _broken("its gzip cannot be read") from error
        self._given += len(part)
        check_size(self._given, self._limits.most_bytes)
        most = max(_FREE_BYTES, self._limits.most_expansion * self._received)
        if self._given > most:
            raise OutboundError(
                f"The packed answer grows to more than {self._limits.most_expansion} times its "
                "bytes (most_expansion), as a bomb does: have its server send it unpacked.",
                code="answer_expands",
                may_have_run=True,
            )
        member = self._member
        return part, member.unused_data if member.eof else member.unconsumed_tail

    def check_end(self) -> None:
        if self._received and not self._member.eof:
            raise _broken("its gzip ends too early")


def _broken(why: str) -> OutboundError:
    return OutboundError(
        f"The answer broke off or is no HTTP: {why}.", code="answer_broken", may_have_run=True
    )
