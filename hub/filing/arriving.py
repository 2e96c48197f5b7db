"""Contents on their way in, held to the bounds while they come."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from hub.errors import StoreError, TooLargeError
from hub.files import Blobs
from hub.files.blobs import disk_full

_LOOK_BYTES = 16 << 20
"""After so many bytes it is looked again whether the disk has room."""
_FREE_SHARE, _FREE_BYTES = 20, 1 << 30
"""A twentieth of the disk stays free, or a gibibyte where that is less."""


@dataclass(frozen=True, slots=True)
class FileBounds:
    """How much is kept, and for how long where nobody says."""

    file_bytes: int
    all_bytes: int
    keep_s: float


class Room:
    """What is left for contents that come."""

    def __init__(self, blobs: Blobs, bounds: FileBounds) -> None:
        self._blobs = blobs
        self.bounds = bounds
        self.arriving = 0
        """Bytes of contents that are being written here, and are in no row yet."""

    async def check_disk(self) -> None:
        """Look whether enough of the disk is free.

        Raises:
            StoreError: ``disk_full``.
        """
        room = await self._blobs.free()
        if room is not None and room[0] < min(room[1] // _FREE_SHARE, _FREE_BYTES):
            raise disk_full()


class Arriving:
    """A content on its way in, held to the bounds while it comes."""

    def __init__(self, room: Room, used: int) -> None:
        self._room = room
        self._used = used
        self.size = 0

    async def of(self, content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The content, counted.

        Raises:
            TooLargeError, StoreError: it passes a bound.
        """
        unseen = 0
        async for part in content:
            self.size += len(part)
            self._room.arriving += len(part)
            self._check_size()
            unseen += len(part)
            if unseen >= _LOOK_BYTES:
                await self._room.check_disk()
                unseen = 0
            yield part

    def _check_size(self) -> None:
        bounds = self._room.bounds
        if self.size > bounds.file_bytes:
            raise too_large(bounds.file_bytes)
        if self._used + self._room.arriving > bounds.all_bytes:
            raise full(bounds.all_bytes)


def too_large(limit_bytes: int) -> TooLargeError:
    """A file is larger than any may be."""
    return TooLargeError(
        f"The file is larger than {limit_bytes:,} bytes (HUB_FILE_MAX_BYTES). Send it in parts, "
        "or allow more.",
        code="file_too_large",
        limit_bytes=limit_bytes,
    )


def full(limit_bytes: int) -> StoreError:
    """All files together are larger than they may be."""
    return StoreError(
        f"All files together would be larger than {limit_bytes:,} bytes (HUB_FILES_MAX_BYTES). "
        "Delete some, keep them for less long, or allow more.",
        code="files_full",
    )
