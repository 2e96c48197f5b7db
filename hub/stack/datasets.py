"""What the steps about data sets need of the world: fetching, reading in chunks, keeping files."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from hub.datasets.chunk import Chunk
from hub.datasets.reading import Format, Reading
from hub.errors import TooLargeError
from hub.model.file import StoredFile
from hub.model.json import Json

_AS_FOUND: Final = Reading()
Told: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Is told how many bytes are there, and of how many."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A data set that is to be fetched."""

    url: str
    headers: tuple[tuple[str, str], ...]
    most_bytes: int
    timeout_s: float
    run_id: str
    part: str
    """The name under which what has come is kept until it is whole."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept."""

    id: str
    name: str
    size: int
    sha256: str
    content_type: str

    def shown(self) -> dict[str, Json]:
        """As a stack sees it."""
        return {
            "file": self.id,
            "name": self.name,
            "size": self.size,
            "sha256": self.sha256,
            "content_type": self.content_type,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read: in chunks of so many rows, from a mark on."""

    file: str
    chunk_size: int
    format: Format | None = None
    reading: Reading = _AS_FOUND
    mark: Mapping[str, Any] | None = None
    work: Callable[[Chunk], None] | None = None
    """Is given each chunk in the thread that reads it. Of chunks that come together only the last
    is told then, when it is done with all of them."""


@dataclass(frozen=True, slots=True)
class Read:
    """A chunk, and where to go on after it."""

    chunk: Chunk
    mark: Mapping[str, Any]
    done: int
    """Bytes of the file that are behind it."""
    total: int
    problems: Json
    """What was wrong with rows so far: ``{"count", "first": [{"line", "message"}]}``."""


def check_size(file: StoredFile, most_bytes: int | None) -> None:
    """Refuse a file that is too large to be held in memory.

    Raises:
        TooLargeError: ``file_too_large``.
    """
    if most_bytes is not None and file.size > most_bytes:
        raise TooLargeError(
            f"The file {file.name!r} has {file.size:,} bytes, and {most_bytes:,} fit: send its "
            "address instead (upload_results).",
            code="file_too_large",
        )


class DataSets(Protocol):
    """Files and data sets, as steps see them."""

    async def fetch(self, wanted: Fetch, progress: Told) -> Kept:
        """Fetch a data set into a file; what had come before a crash is not fetched again.

        What ``progress`` raises comes out, and what is there is kept for a while.

        Raises:
            OutboundError: it cannot be had.
            TooLargeError, StepError: it cannot be kept.
            ConflictError: ``download_busy``: another process does not let go of it.
        """
        ...

    def read(self, wanted: Wanted) -> AsyncGenerator[Read]:
        """A file's chunks.

        Raises:
            InvalidError: it cannot be read as it stands.
            NotFoundError: ``file_unknown``.
            StepError: ``file_lost``.
        """
        ...

    async def keep(
        self,
        content: bytes,
        name: str,
        content_type: str,
        run_id: str,
        key: str,
        *,
        keep_s: float | None = None,
    ) -> Kept:
        """Keep something that a run has made, once for each ``key``, name and content.

        Raises:
            TooLargeError, StepError: it cannot be kept.
        """
        ...

    async def keep_state(self, content: bytes, name: str, run_id: str) -> str:
        """Keep what is of use to a run alone, for a week; gives the file's id.

        Raises:
            TooLargeError, StepError: it cannot be kept.
        """
        ...

    async def drop_states(self, name: str, run_id: str, but: str | None) -> None:
        """Forget the states of this name that a run has kept, but for one."""
        ...

    async def kept(self, file: str, most_bytes: int | None = None) -> bytes:
        """What is kept in a small file.

        Raises:
            NotFoundError: ``file_unknown``.
            TooLargeError: ``file_too_large``: it has more than ``most_bytes``.
        """
        ...

    async def drop(self, file: str) -> None:
        """Forget a file; nothing where there is none."""
        ...

    async def share(self, file: str, ttl_s: int) -> tuple[str, int]:
        """An address that anybody may download a file from for a while, and until when (µs).

        Not longer than the file is kept. ``file`` is its id.

        Raises:
            NotFoundError: ``file_unknown``.
            StoreError: no address can be signed, or the ledger does not answer.
        """
        ...
