"""What a place for blobs has to offer. It blocks: :class:`hub.files.Blobs` calls it in threads."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

NAME: Final = re.compile(r"fil_[0-9a-f]{32}")
SHARDS: Final = "0123456789abcdef"
"""Blobs lie in sixteen folders, by the last digit of their names."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob, or what is left of one whose writing was cut off."""

    path: str
    """Where it lies, below the place."""
    name: str | None
    """None of what is left over: nothing can mean it."""
    written_at: int
    """Microseconds since the epoch."""


class Writing(Protocol):
    """A blob on its way: nobody sees it before it is finished."""

    def write(self, piece: bytes) -> None: ...

    def finish(self) -> None:
        """Make it durable, then seen."""
        ...

    def abandon(self) -> None:
        """Leave nothing of it behind, as far as the place can."""
        ...


class Place(Protocol):
    """Where blobs lie. What it raises is its own; :class:`hub.files.Blobs` translates it."""

    piece_bytes: int
    """So much is written, and read, at once: what each content on its way holds in memory."""

    def begin(self, name: str) -> Writing: ...

    def read(self, name: str, start: int, end: int) -> bytes:
        """The bytes from ``start`` to before ``end``, which lie inside.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        ...

    def remove(self, paths: Sequence[str]) -> None:
        """Remove these; what is not there is passed over."""
        ...

    def blobs(self, shard: str) -> Iterator[Sequence[Blob]]:
        """All blobs of a shard, in batches; what the hub did not make is passed over."""
        ...

    def free(self) -> tuple[int, int] | None:
        """Bytes that are free, and all bytes; None where nobody can say."""
        ...


def path_of(name: str) -> str:
    """Where a blob lies below its place."""
    return f"{name[-1]}/{name}"
