"""A download in a local file that is not complete yet, which survives its process."""

import asyncio
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from hub.errors import ConflictError, InvalidError, StepError
from hub.model.json import dumps, loads
from hub.outbound.partial import Partial

OWN = "own-"
"""What the names begin with that only the process knows which made them."""
_PART = ".part"
_READ_BYTES = 1 << 20
_P = ParamSpec("_P")
_T = TypeVar("_T")


class PartFile:
    """``{name}.part`` in a folder, and beside it ``{name}.known``: what was kept, and of what.

    See :class:`hub.outbound.downloads.Into`. As a context it is open, and nobody else's: bytes
    behind the last checkpoint are cut off when it is opened, for nothing says that they are whole.

    Raises:
        ConflictError: ``download_busy``: another process is at it.
        StepError: ``disk_failed``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}{_PART}"
        self._about = folder / f"{name}.known"
        self._file = -1
        self._size = 0
        self.known: Partial | None = None
        """What was kept with the bytes that were there when it was opened."""

    async def __aenter__(self) -> Self:
        try:
            await self._away(self._open)
        except BaseException:
            self._close()  # it may have been opened for somebody who is cancelled
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return self._size

    async def append(self, offset: int, data: bytes) -> None:
        """Put bytes behind the last one."""
        await self._away(self._write, offset, data)

    async def reset(self) -> None:
        """Throw everything away."""
        await self._away(self._empty)

    async def keep(self, known: Partial) -> None:
        """Make everything durable that is there, and what it is a part of."""
        await self._away(self._keep, known)

    async def digest(self) -> "hashlib._Hash":
        """SHA-256 over everything that is there."""
        return await self._away(self._digest)

    async def content(self) -> AsyncIterator[bytes]:
        """Everything that is there, from the first byte on."""
        at = 0
        while at < self._size:
            data = await self._away(os.pread, self._file, min(_READ_BYTES, self._size - at), at)
            at += len(data)
            yield data

    async def finish(self, target: Path) -> None:
        """Give the complete file its name, in the same file system; what was beside it is gone."""
        await self._away(self._finish, target)

    async def discard(self) -> None:
        """Remove all of it."""
        await self._away(self._discard)

    async def _away(self, work: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
        """Do what may wait for the disk in a thread; it is done even if this is cancelled."""
        working = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            while not working.done():  # who is cancelled twice must not close it meanwhile either
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([working])
            raise
        except OSError as error:
            raise StepError(
                f"The download cannot be kept in {self.path.parent}: {error.strerror}. Make room "
                "there, or have the hub use another folder (HUB_DATA).",
                code="disk_failed",
            ) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._close()
            raise _busy() from error
        if not self.path.exists() or not os.path.samestat(os.fstat(self._file), self.path.stat()):
            self._close()  # it has just been finished there
            raise _busy()
        kept, self.known = self._read_about()
        is_there = self.known is not None and os.fstat(self._file).st_size >= kept
        self._size = kept if is_there else 0
        self.known = self.known if is_there else None
        os.ftruncate(self._file, self._size)

    def _read_about(self) -> tuple[int, Partial | None]:
        """Nothing at all where it cannot be read: then the download begins again."""
        try:
            told = loads(self._about.read_bytes())
            return int(told.pop("size")), Partial(**told)
        except (OSError, InvalidError, AttributeError, KeyError, TypeError, ValueError):
            return 0, None

    def _write(self, offset: int, data: bytes) -> None:
        if offset != self._size:
            raise ValueError(f"bytes for {offset} do not go behind {self._size}")
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file, rest, self._size)
            rest = rest[written:]
            self._size += written

    def _empty(self) -> None:
        self._about.unlink(missing_ok=True)
        self._size = 0
        os.ftruncate(self._file, 0)

    def _keep(self, known: Partial) -> None:
        os.fsync(self._file)  # before the file beside it says that they are there
        fresh = self._about.with_suffix(".fresh")
        fresh.write_bytes(dumps({"size": self._size, **asdict(known)}))
        fresh.replace(self._about)

    def _digest(self) -> "hashlib._Hash":
        made = hashlib.sha256()
        at = 0
        while at < self._size:
            data = os.pread(self._file, min(_READ_BYTES, self._size - at), at)
            if not data:
                raise OSError(0, "it has become shorter")
            made.update(data)
            at += len(data)
        return made

    def _finish(self, target: Path) -> None:
        os.fsync(self._file)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(target)
        self._about.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _discard(self) -> None:
        _remove(self.path)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def sweep(folder: Path, older_s: float) -> int:
    """Remove downloads that nobody has gone on with for so long; gives how many.

    What nobody else can go on with, because its name begins with :data:`OWN`, goes at once.
    Nothing goes that somebody has open.
    """
    before, removed = time.time() - older_s, 0
    for path in [*folder.glob(f"*{_PART}")]:
        with suppress(OSError):  # it is gone, or in use
            if path.name.startswith(OWN) or path.stat().st_mtime < before:
                removed += _removed_alone(path)
    return removed


def _removed_alone(path: Path) -> bool:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path)
    finally:
        os.close(file)
    return True


def _remove(path: Path) -> None:
    """The part file last: what lies beside it is found by it."""
    for suffix in (".fresh", ".known", _PART):
        path.with_suffix(suffix).unlink(missing_ok=True)


def _busy() -> ConflictError:
    return ConflictError(
        "Another process is at this download: it goes on there, or here once that has stopped.",
        code="download_busy",
    )
