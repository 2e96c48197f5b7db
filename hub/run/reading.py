"""Reading a kept file in chunks: unpacked and parsed in a thread, piece by piece."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from hub.datasets.chunk import Chunk
from hub.datasets.detect import Packing, format_of, packing_of
from hub.datasets.opening import reader_for, resumed, unpacker_for
from hub.datasets.reader import Reader
from hub.datasets.unpack import Unpacker
from hub.errors import InvalidError
from hub.model.file import StoredFile
from hub.model.ids import new_id
from hub.outbound.partfile import OWN, PartFile
from hub.parquet.reader import ParquetReader
from hub.stack.datasets import Read, Wanted

Pieces: TypeAlias = Callable[[StoredFile, int, int], Awaitable[AsyncIterator[bytes]]]
"""Gives a file's content from a byte to before another one, piece by piece."""

_HEAD_BYTES = 65_536
_NO_PROBLEMS = {"count": 0, "first": []}


async def reading(
    pieces: Pieces, file: StoredFile, wanted: Wanted, folder: Path
) -> AsyncGenerator[Read]:
    """The chunks of a file, from a mark on; to be closed.

    A copy that a reader needs lies in ``folder`` until then.

    Raises:
        InvalidError, TooLargeError, LimitError: ``dataset_…``: it cannot be read as it stands.
        StoreError: the file cannot be had.
    """
    head = await _head(pieces, file)
    if _is_parquet(wanted, head):
        async with aclosing(_parquet(pieces, file, wanted, folder)) as rows:
            async for each in rows:
                yield each
        return
    mark = wanted.mark or {}
    parts = _Parts(file, wanted, mark.get("packing", packing_of(head)))
    async for piece in await pieces(file, parts.start, file.size):
        fed = parts.feed(piece)
        while True:
            reads = await asyncio.to_thread(_next, fed)
            for each in reads or ():
                yield each
            if reads is None or parts.is_plain:  # what is not packed comes in one
                break
    for each in await asyncio.to_thread(_end, parts):
        yield each


def _next(fed: Iterator[list[Read]]) -> list[Read] | None:
    with _uncollected():
        return next(fed, None)


def _end(parts: "_Parts") -> list[Read]:
    with _uncollected():
        return parts.end()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows have no cycles: looking for some at every few hundred of them costs a tenth.

    Where two threads do so at once, it is whoever came first that ends it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def _head(pieces: Pieces, file: StoredFile) -> bytes:
    return b"".join([piece async for piece in await pieces(file, 0, min(file.size, 8))])


def _is_parquet(wanted: Wanted, head: bytes) -> bool:
    if wanted.mark is not None:
        return bool(wanted.mark["reader"]["format"] == "parquet")
    return wanted.format == "parquet" or (wanted.format is None and head.startswith(b"PAR1"))


class _Parts:
    """What a file's pieces become: unpacked, read, and taken in chunks."""

    def __init__(self, file: StoredFile, wanted: Wanted, packing: Packing | None) -> None:
        mark: Mapping[str, Any] | None = (wanted.mark or {}).get("reader")
        self._file = file
        self._wanted = wanted
        self._packing = packing
        self._unpacker: Unpacker = unpacker_for(packing)
        self._reader: Reader | None = None if mark is None else resumed(dict(mark))
        self._head = b""
        offset = 0 if mark is None else int(mark["offset"])
        self.start = offset if packing is None else 0
        """Where in the file its pieces begin."""
        self._skip = offset - self.start
        """So much of what is unpacked was read before."""

    @property
    def is_plain(self) -> bool:
        """Whether a piece of the file is unpacked as one."""
        return self._packing is None

    def feed(self, data: bytes) -> Iterator[list[Read]]:
        """What comes of the next bytes of the file, bit by bit; to be taken to its end."""
        for piece in self._unpacker.feed(data):
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            yield self._read(piece[skipped:])

    def end(self) -> list[Read]:
        """What comes at the end of the file."""
        self._unpacker.end()
        if self._reader is None:
            self._reader = self._opened()
        self._reader.end()
        return list(self._taken(self._reader))

    def _read(self, piece: bytes) -> list[Read]:
        if self._reader is None:
            self._head += piece
            if len(self._head) < _HEAD_BYTES:
                return []
            self._reader = self._opened()
        elif piece:
            self._reader.feed(piece)
        return list(self._taken(self._reader))

    def _opened(self) -> Reader:
        """A reader of the format that is wanted, or found out; fed with what is there."""
        wanted, head = self._wanted, self._head
        form = wanted.format or format_of(
            head, self._file.content_type, self._file.name, wanted.reading.path
        )
        if form == "parquet":
            raise InvalidError(
                "A Parquet file that is packed cannot be read: offer it as it is.",
                code="dataset_packing_broken",
            )
        reader = reader_for(form, wanted.reading)
        self._head = b""
        reader.feed(head)
        return reader

    def _taken(self, reader: Reader) -> Iterator[Read]:
        work, last = self._wanted.work, None
        while (chunk := reader.take(self._wanted.chunk_size)) is not None:
            if work is None:
                yield self._read_of(reader, chunk)
            else:
                work(chunk)
                last = chunk
        if last is not None:
            yield self._read_of(reader, last)

    def _read_of(self, reader: Reader, chunk: Chunk) -> Read:
        mark = {"packing": self._packing, "reader": reader.mark()}
        done = min(self._file.size, self.start + self._unpacker.packed)
        return Read(chunk, mark, done, self._file.size, reader.problems.as_json())


async def _parquet(
    pieces: Pieces, file: StoredFile, wanted: Wanted, folder: Path
) -> AsyncGenerator[Read]:
    """Its reader needs a local file: the whole is there before the first chunk."""
    async with PartFile(folder, f"{OWN}{new_id('fil')}") as copy:
        try:
            async for piece in await pieces(file, 0, file.size):
                await copy.append(copy.size, piece)
            mark = None if wanted.mark is None else dict(wanted.mark["reader"])
            path = copy.path
            opened = ParquetReader(path) if mark is None else ParquetReader.resume(mark, path)
            with opened as reader:
                while (chunk := await asyncio.to_thread(_worked, reader, wanted)) is not None:
                    told = {"packing": None, "reader": reader.mark()}
                    yield Read(chunk, told, 0, file.size, _NO_PROBLEMS)
        finally:
            await copy.discard()


def _worked(reader: ParquetReader, wanted: Wanted) -> Chunk | None:
    with _uncollected():
        chunk = reader.take(wanted.chunk_size)
        if chunk is not None and wanted.work is not None:
            wanted.work(chunk)
        return chunk
