"""What a download is given and gives: where it is put, what it may take, what came of it."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from hub.outbound.partial import Partial
from hub.outbound.streaming import StreamLimits


class Into(Protocol):
    """Where a download is put. What was kept is there again after a crash."""

    @property
    def size(self) -> int:
        """How many bytes are there, from the first on without a gap."""
        ...

    async def append(self, offset: int, data: bytes) -> None:
        """Put bytes behind the last one; ``offset`` is the size so far."""
        ...

    async def reset(self) -> None:
        """Throw everything away."""
        ...

    async def keep(self, known: Partial) -> None:
        """Make everything durable that is there, and what it is a part of."""
        ...

    async def digest(self) -> "hashlib._Hash":
        """SHA-256 over everything that is there, to be continued."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a download may take. Times are in seconds, of this call: a later one has its own."""

    most_bytes: int = 10 << 30
    total_s: float = 6 * 3600.0
    first_s: float = 60.0
    """Until an answer's head is there."""
    idle_s: float = 30.0
    """In so long at least ``least_bytes`` more have to come."""
    least_bytes: int = 32_768
    schedule_s: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)
    """The pauses after failures in a row; 8 MiB more than ever before begin it anew."""
    longest_wait_s: float = 120.0
    """A longer ``Retry-After`` is left to the caller: ``details["retry_after_s"]``."""
    most_restarts: int = 3
    """How often it begins again because the data have changed."""

    def of_stream(self, total_s: float) -> StreamLimits:
        """Those of one answer, for which so much time is left."""
        return StreamLimits(
            most_bytes=self.most_bytes,
            total_s=total_s,
            first_s=self.first_s,
            idle_s=self.idle_s,
            least_bytes=self.least_bytes,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download has come; ``total`` where the server has said."""

    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download that is complete."""

    url: str
    """Where the data came from, behind redirects."""
    size: int
    sha256: str
    etag: str | None
    last_modified: str | None
    content_type: str | None
    resumed: int
    """How often it went on in the middle."""
    restarted: int
    """How often it began again from the first byte."""


Told: TypeAlias = Callable[[Progress], Awaitable[None]]
