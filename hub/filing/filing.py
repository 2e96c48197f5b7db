"""Filing: files are kept, read and forgotten, their contents and their rows together.

The content is durable before its row is committed, and the row is gone before the content is
removed: what a row means is there. What a crash leaves without a row is swept up.
"""

from collections.abc import AsyncIterable, AsyncIterator

import structlog

from hub import fault_points
from hub.errors import NotFoundError, StoreError
from hub.files import Blobs
from hub.filing.arriving import Arriving, FileBounds, Room
from hub.filing.sweeping import Sweeper, Swept
from hub.model.file import MAX_KEEP_S, StoredFile, safe_name, safe_type
from hub.model.ids import new_id
from hub.model.time import US_PER_S
from hub.store.files import DROP, KEEP, NewFile, files_page, find_file, used_bytes
from hub.store.ledger import Ledger
from hub.store.lookup import LAST
from hub.store.tx import Tx

_MOST = 500

_log = structlog.get_logger("hub.filing")


class Filing:
    """Keeps files."""

    def __init__(self, ledger: Ledger, blobs: Blobs, bounds: FileBounds) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self.room = Room(blobs, bounds)
        self._sweeper = Sweeper(ledger, blobs)

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
                does: it is not known to be kept then, and what is left of it is swept up.
        """
        found = None if file_id is None else await self._ledger.read(find_file, file_id)
        if found is not None:
            return found
        arriving = Arriving(self.room, await self._ledger.read(used_bytes))
        await self.room.check_disk()
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
            self.room.arriving -= arriving.size
        if kept is None:
            raise _unknown(file_id or blob)
        if kept.blob != blob:  # it was kept by somebody else meanwhile
            await self._forget([blob])
        return kept

    def _keep_us(self, keep_s: float | None) -> int:
        wanted = self.room.bounds.keep_s if keep_s is None else keep_s
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

    async def of_run(self, run_id: str, name: str) -> list[StoredFile]:
        """The newest files of this name that a run has made, 500 at most.

        Raises:
            StoreError: the database does not answer.
        """
        return await self._ledger.read(_of_run, run_id, name)

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
        return await self._sweeper.sweep()

    async def _forget(self, blobs: list[str]) -> None:
        """Remove what nothing means any more; what fails is left to the sweep."""
        try:
            await self._blobs.drop(blobs)
        except StoreError as error:
            _log.warning("blob.delayed", blobs=blobs, error=error.message)

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._blobs.close()


def _of_run(tx: Tx, run_id: str, name: str) -> list[StoredFile]:
    return files_page(tx, LAST, _MOST, run_id=run_id, name=name)


def _unknown(file_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no file {file_id[:200]!r}: it was deleted, or its time is over.",
        code="file_unknown",
    )
