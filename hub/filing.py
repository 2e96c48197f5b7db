"""Filing: files are kept, read and forgotten, their contents and their rows together.

The content is durable before its row is committed, and the row is gone before the content is
removed: what a row means is there. What a crash leaves without a row is swept up.
"""

import time
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import structlog

from hub import fault_points
from hub.errors import NotFoundError, StoreError, TooLargeError
from hub.files import Blob, Blobs
from hub.files.blobs import disk_full
from hub.files.place import SHARDS
from hub.model.file import MAX_KEEP_S, StoredFile, safe_name, safe_type
from hub.model.ids import new_id
from hub.model.time import US_PER_S, now_us
from hub.store.files import (
    DROP,
    EXPIRE,
    KEEP,
    NewFile,
    find_file,
    meant_blobs,
    used_bytes,
)
from hub.store.ledger import Ledger

_LEFT_S = 3600
"""So old is what no row means before it counts as left over."""
_BATCH = 500
_SWEEP_S = 10.0
_LOOK_BYTES = 16 << 20
"""After so many bytes it is looked again whether the disk has room."""
_FREE_SHARE, _FREE_BYTES = 20, 1 << 30
"""A twentieth of the disk stays free, or a gibibyte where that is less."""
_log = structlog.get_logger("hub.filing")


@dataclass(frozen=True, slots=True)
class FileBounds:
    """How much is kept, and for how long where nobody says."""

    file_bytes: int
    all_bytes: int
    keep_s: float


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: files past their time, and blobs that no file means."""

    expired: int
    left: int


class Filing:
    """Keeps files."""

    def __init__(self, ledger: Ledger, blobs: Blobs, bounds: FileBounds) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self.bounds = bounds
        self.arriving = 0
        """Bytes of contents that are being written here, and are in no row yet."""
        self._shard = 0

    async def put(
        self,
        content: AsyncIterable[bytes],
        name: str,
        content_type: str | None,
        keep_s: float | None = None,
        run_id: str | None = None,
        event_id: str | None = None,
        file_id: str | None = None,
    ) -> StoredFile:
        """Keep a file; it is durable when this returns. Whatever ``content`` raises comes out.

        ``name`` and ``content_type`` are made safe; ``keep_s`` is a century at most. With
        ``file_id`` it is kept once: if there is such a file, that is given back, and ``content``
        is not read.

        Raises:
            TooLargeError: ``file_too_large``.
            StoreError: ``files_full``, ``disk_full``, ``files_unavailable``, and as the ledger
                does; what came in may be kept then, but nothing is left of it in an hour.
        """
        found = None if file_id is None else await self._ledger.read(find_file, file_id)
        if found is not None:
            return found
        arriving = _Arriving(self, await self._ledger.read(used_bytes))
        await self.check_disk()
        blob = new_id("fil")
        try:
            written = await self._blobs.put(blob, arriving.of(content))
            fault_points.at("file.written")
            kept = await self._ledger.write(
                KEEP,
                NewFile(
                    file_id or blob,
                    safe_name(name),
                    safe_type(content_type),
                    written.size,
                    written.sha256,
                    blob,
                    self._keep_us(keep_s),
                    run_id,
                    event_id,
                ),
            )
        finally:
            self.arriving -= arriving.size
        if kept is None:
            raise _unknown(file_id or blob)
        if kept.blob != blob:  # it was kept by somebody else meanwhile
            await self._forget([blob])
        return kept

    def _keep_us(self, keep_s: float | None) -> int:
        wanted = self.bounds.keep_s if keep_s is None else keep_s
        return max(1, int(min(wanted, MAX_KEEP_S) * US_PER_S))

    async def get(self, file_id: str) -> StoredFile:
        """A file by its id, while it is kept.

        Raises:
            NotFoundError: ``file_unknown``.
            StoreError: the database does not answer.
        """
        found = await self._ledger.read(find_file, file_id)
        if found is None:
            raise _unknown(file_id)
        return found

    async def read(
        self, file: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """The content from ``start`` to before ``end``; the first piece is there on return.

        Raises:
            NotFoundError: ``file_unknown``: it has been forgotten since it was asked for.
            StoreError: ``file_lost``, ``files_unavailable``; later, while it is read, too.
        """
        until = file.size if end is None else min(end, file.size)
        try:
            return await self._blobs.read(file.blob, start, until)
        except StoreError:
            await self.get(file.id)
            raise

    async def drop(self, file_id: str) -> bool:
        """Forget a file; False if there was none.

        Raises:
            StoreError: the database did not commit.
        """
        blob = await self._ledger.write(DROP, file_id)
        if blob is not None:
            await self._forget([blob])
        return blob is not None

    async def sweep(self) -> Swept:
        """Forget what is past its time, and remove what no file means; for ten seconds at most.

        The next sweep goes on where this one ended.

        Raises:
            StoreError: ``files_unavailable``, and as the ledger does.
        """
        until = time.monotonic() + _SWEEP_S
        expired = left = 0
        while time.monotonic() < until:
            blobs = await self._ledger.write(EXPIRE, _BATCH)
            await self._blobs.drop(blobs)
            expired += len(blobs)
            if len(blobs) < _BATCH:
                break
        for _ in SHARDS:
            if time.monotonic() >= until:
                break
            left += await self._sweep_shard(SHARDS[self._shard])
            self._shard = (self._shard + 1) % len(SHARDS)
        if expired or left:
            _log.info("files.removed", expired=expired, left=left)
        return Swept(expired, left)

    async def _sweep_shard(self, shard: str) -> int:
        """Remove what was written more than an hour ago and no file means."""
        before, removed = now_us() - _LEFT_S * US_PER_S, 0
        async for batch in self._blobs.list(shard):
            old = [each for each in batch if each.written_at < before]
            removed += await self._remove_left(old)
        return removed

    async def _remove_left(self, old: list[Blob]) -> int:
        names = [each.name for each in old if each.name is not None]
        meant = await self._ledger.read(meant_blobs, names) if names else set()
        paths = [each.path for each in old if each.name is None or each.name not in meant]
        if paths:
            await self._blobs.remove(paths)
        return len(paths)

    async def check_disk(self) -> None:
        """Look whether enough of the disk is free.

        Raises:
            StoreError: ``disk_full``.
        """
        room = await self._blobs.free()
        if room is not None and room[0] < min(room[1] // _FREE_SHARE, _FREE_BYTES):
            raise disk_full()

    async def _forget(self, blobs: list[str]) -> None:
        """Remove what nothing means any more; what fails is left to the sweep."""
        try:
            await self._blobs.drop(blobs)
        except StoreError as error:
            _log.warning("blob.delayed", blobs=blobs, error=error.message)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._blobs.close()


class _Arriving:
    """A content on its way in, held to the bounds while it comes."""

    def __init__(self, filing: Filing, used: int) -> None:
        self._filing = filing
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
            self._filing.arriving += len(part)
            self._check_size()
            unseen += len(part)
            if unseen >= _LOOK_BYTES:
                await self._filing.check_disk()
                unseen = 0
            yield part

    def _check_size(self) -> None:
        bounds = self._filing.bounds
        if self.size > bounds.file_bytes:
            raise too_large(bounds.file_bytes)
        if self._used + self._filing.arriving > bounds.all_bytes:
            raise _full(bounds.all_bytes)


def too_large(limit_bytes: int) -> TooLargeError:
    """A file is larger than any may be."""
    return TooLargeError(
        f"The file is larger than {limit_bytes:,} bytes (HUB_FILE_MAX_BYTES). Send it in parts, "
        "or allow more.",
        code="file_too_large",
        limit_bytes=limit_bytes,
    )


def _full(limit_bytes: int) -> StoreError:
    return StoreError(
        f"All files together would be larger than {limit_bytes:,} bytes (HUB_FILES_MAX_BYTES). "
        "Delete some, keep them for less long, or allow more.",
        code="files_full",
    )


def _unknown(file_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no file {file_id[:200]!r}: it was deleted, or its time is over.",
        code="file_unknown",
    )
