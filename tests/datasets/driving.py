"""Readers driven over bytes in pieces, with interruptions."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.chunk import Chunk
from hub.datasets.opening import reader_for, resumed
from hub.datasets.reader import Reader
from hub.datasets.reading import Format, Reading
from hub.errors import HubError
from hub.model.json import dumps, loads


def pieces(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """The data, cut at some places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        yield data[start:end]


def drain(reader: Reader, parts: Iterator[bytes], size: int) -> Iterator[Chunk]:
    """All chunks of a reader."""
    for part in parts:
        reader.feed(part)
        while (chunk := reader.take(size)) is not None:
            yield chunk
    reader.end()
    while (chunk := reader.take(size)) is not None:
        yield chunk
    assert reader.done
    assert reader.take(size) is None


class Told:
    """What a reading came to: chunks, then how it ended."""

    def __init__(self, reader: Reader, parts: Iterator[bytes], size: int) -> None:
        self.reader = reader
        self.chunks: list[Chunk] = []
        self.error: HubError | None = None
        try:
            self.chunks.extend(drain(reader, parts, size))
        except HubError as error:
            self.error = error

    @property
    def end(self) -> tuple[Any, ...]:
        """All that two readings of the same must have alike."""
        if self.error is not None:
            return self.error.code, self.error.message, self.error.details
        return (self.reader.mark(),)


def read(
    form: Format, data: bytes, size: int = 1000, *, bounds: Bounds = BOUNDS, **reading: Any
) -> Told:
    """Data read in one piece."""
    reader = reader_for(form, Reading(**reading), bounds)
    return Told(reader, iter([data]), size)


def rows(told: Told) -> list[dict[str, Any]]:
    """All rows of a reading that did not fail."""
    assert told.error is None, told.error
    return [record for chunk in told.chunks for record in chunk.records()]


def interrupted(
    form: Format,
    data: bytes,
    size: int,
    cuts: Sequence[int],
    stop: int,
    bounds: Bounds,
    reading: Reading,
) -> tuple[list[Chunk], tuple[Any, ...]]:
    """Chunks and end of a reading that is given up after ``stop`` chunks and gone on with."""
    first = reader_for(form, reading, bounds)
    chunks: list[Chunk] = []
    try:
        for chunk in drain(first, pieces(data, cuts), size):
            chunks.append(chunk)
            if len(chunks) == stop:
                break
    except HubError:
        pass
    mark = loads(dumps(first.mark()))
    second = Told(resumed(mark, bounds), pieces(data[mark["offset"] :], cuts), size)
    return chunks + second.chunks, second.end
