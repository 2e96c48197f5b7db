"""Blobs in a folder of this machine: written beside, made durable, then renamed into place."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from hub.files.place import NAME, Blob, path_of

_PART = ".part"
_BATCH = 500


class Folder:
    """A folder, made when it is first needed. It need not be there before."""

    piece_bytes = 128 << 10

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, name: str) -> "_Writing":
        """A new blob; nothing of that name may be there."""
        path = self._root / path_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return _Writing(path)

    def read(self, name: str, start: int, end: int) -> bytes:
        """See :class:`hub.files.place.Place`."""
        with (self._root / path_of(name)).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def remove(self, paths: Sequence[str]) -> None:
        """See :class:`hub.files.place.Place`."""
        for path in paths:
            (self._root / path).unlink(missing_ok=True)

    def blobs(self, shard: str) -> Iterator[Sequence[Blob]]:
        """See :class:`hub.files.place.Place`."""
        try:
            with os.scandir(self._root / shard) as entries:
                found = _found(shard, entries)
                while batch := list(islice(found, _BATCH)):
                    yield batch
        except FileNotFoundError:  # none was ever written there
            return

    def free(self) -> tuple[int, int] | None:
        """Free and all bytes of the disk that the folder is on, or will be."""
        folder = next(each for each in (self._root, *self._root.parents) if each.exists())
        usage = shutil.disk_usage(folder)
        return usage.free, usage.total


def _found(shard: str, entries: Iterator[os.DirEntry[str]]) -> Iterator[Blob]:
    for entry in entries:
        name = entry.name.removesuffix(_PART)
        if not NAME.fullmatch(name):
            continue
        with suppress(FileNotFoundError):  # it has just been finished, or removed
            written_at = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
            whole = name if name == entry.name else None
            yield Blob(f"{shard}/{entry.name}", whole, written_at)


class _Writing:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + _PART)
        self._file = self._part.open("xb", buffering=0)

    def write(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]

    def finish(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        for folder in (self._path.parent, self._path.parent.parent):
            _sync(folder)  # the names are as durable as what they name

    def abandon(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
