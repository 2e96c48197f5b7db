"""Blobs as the hub uses them: streamed in and out, counted and digested, never half seen."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from hub.errors import HubError, SettingsError, StoreError
from hub.files.bucket import open_bucket
from hub.files.folder import Folder
from hub.files.place import Blob, Place, Writing, path_of

T = TypeVar("T")
P = ParamSpec("P")
_THREADS = 8
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: its size in bytes, and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


class Blobs:
    """The blobs of one place; close it in the end."""

    def __init__(self, place: Callable[[], Place]) -> None:
        """``place`` is called in a thread when it is first needed."""
        self._make = place
        self._place: Place | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "files")

    async def put(self, name: str, content: AsyncIterable[bytes]) -> Written:
        """Write a new blob; it is durable, and seen, when this returns.

        Whatever ``content`` raises comes out here, and nothing of the blob is left.

        Raises:
            StoreError: ``disk_full``, ``files_unavailable``.
        """
        size, digest = 0, hashlib.sha256()
        writing, piece_bytes = await self._call(lambda at: (at.begin(name), at.piece_bytes))
        try:
            async with aclosing(_pieces(content, piece_bytes)) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    await self._in_thread(_taken, writing, digest.update, piece)
            await self._in_thread(writing.finish)
        except BaseException:
            await self._in_thread(writing.abandon)
            raise
        return Written(size, digest.hexdigest())

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to before ``end``; the first are there when this returns.

        Raises:
            StoreError: ``file_lost``, ``files_unavailable``; later, while it is read, too.
        """
        first = await self._piece(name, start, end) if start < end else b""
        return self._rest(name, start, end, first)

    async def _rest(self, name: str, start: int, end: int, first: bytes) -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            start += len(piece)
            piece = await self._piece(name, start, end) if start < end else b""

    async def _piece(self, name: str, start: int, end: int) -> bytes:
        piece = await self._call(lambda place: _read(place, name, start, end))
        if piece is None:
            raise _lost(name)
        return piece

    async def drop(self, names: Sequence[str]) -> None:
        """Remove these; what is not there is passed over.

        Raises:
            StoreError: ``files_unavailable``.
        """
        await self.remove([path_of(name) for name in names])

    async def remove(self, paths: Sequence[str]) -> None:
        """As :meth:`drop`, for what :meth:`list` has found.

        Raises:
            StoreError: ``files_unavailable``.
        """
        await self._call(lambda place: place.remove(paths))

    async def list(self, shard: str) -> AsyncIterator[Sequence[Blob]]:
        """All blobs of a shard, in batches.

        Raises:
            StoreError: ``files_unavailable``.
        """
        batches = await self._call(lambda place: place.blobs(shard))
        while (batch := await self._in_thread(next, batches, None)) is not None:
            yield batch

    async def free(self) -> tuple[int, int] | None:
        """Bytes that are free where the blobs lie, and all bytes; None where nobody can say."""
        return await self._call(lambda place: place.free())

    async def close(self) -> None:
        """Wait for what is under way in threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _call(self, work: Callable[[Place], T]) -> T:
        return await self._in_thread(self._at_place, work)

    def _at_place(self, work: Callable[[Place], T]) -> T:
        if self._place is None:
            self._place = self._make()
        return work(self._place)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it in a thread; whoever is cancelled meanwhile waits until the thread lets go."""
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._threads, partial(work, *args, **kwargs))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise
        except HubError:
            raise
        except Exception as error:
            raise _translated(error) from error


def _read(place: Place, name: str, start: int, end: int) -> bytes | None:
    """The next piece; None where it is not there, whole."""
    until = min(start + place.piece_bytes, end)
    try:
        piece = place.read(name, start, until)
    except FileNotFoundError:
        return None
    return piece if len(piece) == until - start else None


def _taken(writing: Writing, digest: Callable[[bytes], None], piece: bytes) -> None:
    digest(piece)
    writing.write(piece)


async def _pieces(content: AsyncIterable[bytes], piece_bytes: int) -> AsyncGenerator[bytes]:
    """The content, in pieces of at least so many bytes, but for the last."""
    parts, size = list[bytes](), 0
    async for part in content:
        parts.append(part)
        size += len(part)
        if size >= piece_bytes:
            yield b"".join(parts)
            parts, size = [], 0
    if size:
        yield b"".join(parts)


def _translated(error: Exception) -> StoreError:
    if isinstance(error, OSError) and error.errno in _FULL:
        return disk_full()
    return StoreError(
        f"The place where files lie cannot be used: {str(error).partition(chr(10))[0][:300]}. "
        "See HUB_FILES_URL, or the folder 'files' in HUB_DATA.",
        code="files_unavailable",
    )


def disk_full() -> StoreError:
    """No room is left where the blobs lie."""
    return StoreError(
        "The disk that files are kept on is full, or nearly so (under 5 % and 1 GiB): delete "
        "files, or make room on it.",
        code="disk_full",
    )


def _lost(name: str) -> StoreError:
    return StoreError(
        f"The content {name!r} of this file is not where files lie: was something removed there "
        "by hand, or is HUB_FILES_URL another one than before?",
        code="file_lost",
    )


def open_blobs(url: str | None, data: Path) -> Blobs:
    """The blobs of a bucket, or of the folder ``files`` in ``data``.

    Raises:
        SettingsError: ``HUB_FILES_URL`` makes no sense.
    """
    if url is None:
        return Blobs(lambda: Folder(data / "files"))
    try:
        bucket = open_bucket(url)
    except ValueError as error:
        raise SettingsError(f"HUB_FILES_URL cannot be used: {error}") from error
    return Blobs(lambda: bucket)
