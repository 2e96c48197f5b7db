"""Reader: bytes are fed to it, chunks are taken from it, and a mark says where to go on."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from typing import Any, ClassVar, Self

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.chunk import Chunk
from hub.datasets.problems import Problem, Problems
from hub.datasets.reading import Format, Reading
from hub.errors import HubError, InvalidError
from hub.model.json import Json


class Reader(ABC):
    """Reads a data set of one format.

    Feed pieces of some hundred KiB, and take all chunks that are there after each: rows wait in
    memory until they are taken. Chunks depend on the bytes and on the sizes that are asked for,
    never on how the bytes came in pieces.
    """

    format: ClassVar[Format]

    def __init__(self, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> None:
        self.reading = reading or Reading()
        self.bounds = bounds
        self.done = False
        """Whether :meth:`take` has met the end."""
        self.problems = Problems()
        """What was wrong with rows, up to the last one that was taken."""
        self.offset = 0
        """Byte of the unpacked stream at which the first row stands that was not taken."""
        self.line = 1
        self.rows = 0
        """So many were taken."""
        self._n = 0
        self._size = 0
        """The offset behind all that was fed."""
        self._ended = False
        self._error: HubError | None = None
        self._pending: list[Any] = []
        self._ends: list[int] = []
        """For each pending row: the offset behind it."""
        self._lines: list[int] = []
        """For each pending row: the line that follows it."""
        self._bad: dict[int, Problems] = {}
        """Rows that were left out, by how many pending rows stand before them."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that are known after the last row that was taken."""

    def feed(self, data: bytes) -> None:
        """Read on. What is wrong with the bytes is raised by :meth:`take`, in its turn."""
        if self.done:
            return
        self._size += len(data)
        if self._error is None:
            try:
                self._read(data)
            except HubError as error:
                self._error = error

    def end(self) -> None:
        """Say that no more bytes come."""
        if self._ended:
            return
        self._ended = True
        if self._error is None:
            try:
                self._finish()
            except HubError as error:
                self._error = error

    def take(self, most_rows: int) -> Chunk | None:
        """The next rows: ``most_rows``, or fewer where they fill a chunk by their size, or are
        the last. None: feed more, or the reader is ``done``: this was the
        end.

        Raises:
            InvalidError, TooLargeError: ``dataset_…``: the rows that were to come cannot be read.
        """
        full = bisect_left(self._ends, self.offset + self.bounds.chunk_bytes) + 1
        count = min(most_rows, full)
        if count > len(self._pending):
            if self._error is not None:
                raise self._error
            if not self._ended:
                return None
            count = len(self._pending)
        return self._taken(count)

    def mark(self) -> dict[str, Json]:
        """Where to go on: a small JSON object. Bytes are then fed from its ``offset`` on."""
        return {
            "format": self.format,
            "reading": self.reading.model_dump(mode="json", exclude_defaults=True),
            "offset": self.offset,
            "line": self.line,
            "rows": self.rows,
            "n": self._n,
            "done": self.done,
            "problems": self.problems.as_json(),
            "state": self._state() if self.rows or self.done else None,
        }

    @classmethod
    def resume(cls, mark: dict[str, Any], bounds: Bounds = BOUNDS) -> Self:
        """A reader that goes on from a mark as the one that made it would have."""
        reader = cls(Reading.model_validate(mark["reading"]), bounds)
        if mark["state"] is not None:
            reader.offset = reader._size = mark["offset"]
            reader.line = mark["line"]
            reader.rows, reader._n = mark["rows"], mark["n"]
            reader.problems = Problems.of_json(mark["problems"])
            reader.done = reader._ended = mark["done"]
            reader._restore(mark["state"])
        return reader

    def _taken(self, count: int) -> Chunk | None:
        if not count:
            self._settle_problems(1)
            self.done, self.offset = True, self._size
            return None
        chunk = self._chunk(self._pending[:count])
        self._settle_problems(count)
        self.offset, self.line = self._ends[count - 1], self._lines[count - 1]
        self.rows += count
        self._n += 1
        for each in (self._pending, self._ends, self._lines):
            del each[:count]
        return chunk

    def _settle_problems(self, count: int) -> None:
        """Count what was left out before the last of so many rows."""
        for place in [place for place in self._bad if place < count]:
            self.problems.join(self._bad.pop(place))
        self._bad = {place - count: bad for place, bad in self._bad.items()}

    def _leave_out(self, line: int, message: str) -> None:
        """Note a bad row.

        Raises:
            InvalidError: ``dataset_row_broken`` where bad rows end the reading.
        """
        if self.reading.on_bad_row == "fail":
            raise bad_row(line, message)
        self._bad.setdefault(len(self._pending), Problems()).add(Problem(line, message))

    @abstractmethod
    def _read(self, data: bytes) -> None:
        """Make pending rows of the next bytes."""

    @abstractmethod
    def _finish(self) -> None:
        """Make pending rows of what is left."""

    @abstractmethod
    def _chunk(self, rows: list[Any]) -> Chunk:
        """Of the rows that are taken."""

    @abstractmethod
    def _state(self) -> dict[str, Json]:
        """What only readers of this format know."""

    @abstractmethod
    def _restore(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`_state` gave; what the base has is there already."""


def bad_row(line: int, message: str) -> InvalidError:
    """The error for a bad row, where those end the reading."""
    return InvalidError(
        f"Line {line:,}: {message} With on_bad_row: 'skip' such rows are left out.",
        code="dataset_row_broken",
        line=line,
    )
