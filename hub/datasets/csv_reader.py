"""CSV by rows, read by the standard library's parser."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.chunk import Chunk
from hub.datasets.csv_block import BREAKS, END, breaks_in, rows_of
from hub.datasets.dialect import check_head, check_width, delimiter_of, names_of
from hub.datasets.problems import Problem
from hub.datasets.reader import Reader, bad_row
from hub.datasets.reading import Format, Reading
from hub.datasets.text import Text
from hub.errors import InvalidError, TooLargeError
from hub.model.json import Json

HEAD_BYTES = 16 << 10
"""What the delimiter is found out from."""


class CsvReader(Reader):
    """Fields are text. Rows that are shorter than the header are filled up with None; what is
    longer is cut, and is a problem. Empty lines are no rows."""

    format: ClassVar[Format] = "csv"

    def __init__(self, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> None:
        super().__init__(reading, bounds)
        self.text = Text(self.reading.encoding)
        self.delimiter = self.reading.delimiter
        self._columns = self.reading.columns
        check_width(len(self._columns or ()), bounds.columns)
        self._head: bytes | None = b""
        self._parts: list[str] = []
        self._waiting = 0
        """How many characters ``_parts`` have together."""
        self._enough = 0
        """Of how many on it is worth while to parse them."""
        self._is_open = False
        """Whether a quote is open in ``_parts`` that nothing after it can have closed."""
        self._at = 0
        self._at_line = 1

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns or ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, for people."""
        if self.text.encoding == "windows-1252" and self.reading.encoding is None:
            return ("The text is no UTF-8, and is read as Windows-1252.",)
        return ()

    def _read(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            if len(self._head) < HEAD_BYTES:
                return
            data = self._begin(self._head)
        self._add(data)

    def _finish(self) -> None:
        if self._head is not None:
            self._add(self._begin(self._head))
        self._add(b"", is_last=True)
        if self._columns is None:
            raise InvalidError(
                "The data set is empty: its first line should name the columns.",
                code="dataset_empty",
            )

    def _begin(self, head: bytes) -> bytes:
        self._head = None
        data = self.text.skip_mark(head)
        self._at = self.text.offset
        looked_at = Text(self.text.encoding if self.text.is_settled else None)
        text, _ = looked_at.decode(data[: HEAD_BYTES - self._at])
        check_head(text)
        self.delimiter = self.delimiter or delimiter_of(text)
        return data

    def _add(self, data: bytes, *, is_last: bool = False) -> None:
        text, error = self.text.decode(data, is_last=is_last)
        self._parts.append(text)
        self._waiting += len(text)
        self._is_open = self._is_open and '"' not in text
        if is_last or error is not None or (self._waiting >= self._enough and not self._is_open):
            self._parse("".join(self._parts), is_last=is_last and error is None)
        if self._waiting > self.bounds.row_bytes:
            rest = "".join(self._parts)
            raise self._too_long(self._at_line, is_broken=any(each in rest for each in BREAKS))
        if error is not None:
            raise error

    def _parse(self, text: str, *, is_last: bool) -> None:
        """Make rows of all lines that are complete, and keep the rest."""
        cut = len(text) if is_last else 1 + max(text.rfind("\n"), text.rfind("\r", 0, -1))
        block, rest = text[:cut], text[cut:]
        if block:
            unfinished = self._parse_lines(block, is_last=is_last)
            self._is_open = bool(unfinished) and '"' not in rest
            rest = unfinished + rest
        self._parts, self._waiting = [rest], len(rest)
        self._enough = min(2 * len(rest), self.bounds.row_bytes + 1)

    def _parse_lines(self, block: str, *, is_last: bool) -> str:
        """Make rows of complete lines; gives the text of the last one if a quote is open in it."""
        rows, counts, places = rows_of(block, self.delimiter)
        is_open = rows.pop() != [END]
        ends = self.text.offsets(block, places, self._at)
        self._keep_sized(rows, counts, ends)
        self._at, self._at_line = ends[-1], self._at_line + (counts[-1] if counts else 0)
        unfinished = block[places[-1] :] if is_open else ""
        if is_open and is_last:
            raise self._open(unfinished, self.text.offsets(unfinished, [len(unfinished)], 0)[-1])
        return unfinished

    def _keep_sized(self, rows: list[list[str]], counts: list[int], ends: list[int]) -> None:
        """Take rows up, to the first that is too long."""
        most = self.bounds.row_bytes
        if ends[-1] - ends[0] > most:
            for place, (start, end) in enumerate(pairwise(ends)):
                if end - start > most:
                    self._keep(rows[:place], counts[:place], ends)
                    self._at, before = start, counts[place - 1] if place else 0
                    is_broken = counts[place] - before > 1
                    raise self._too_long(self._at_line + before, is_broken=is_broken)
        self._keep(rows, counts, ends)

    def _keep(self, rows: list[list[str]], counts: list[int], ends: list[int]) -> None:
        """Take rows up, without the header and empty lines."""
        offsets = ends[1 : len(rows) + 1]
        after = [self._at_line + count for count in counts]
        if not all(rows):
            kept = [place for place, row in enumerate(rows) if row]
            rows = [rows[place] for place in kept]
            offsets = [offsets[place] for place in kept]
            after = [after[place] for place in kept]
        if self._columns is None and rows:
            self._columns = names_of(rows[0], self.bounds.columns)
            rows, offsets, after = rows[1:], offsets[1:], after[1:]
        self._pending += rows
        self._ends += offsets
        self._lines += after

    def _chunk(self, rows: list[list[str]]) -> Chunk:
        width = len(self.columns)
        if {len(row) for row in rows} == {width}:
            values: list[tuple[Json, ...]] = list(map(tuple, rows))
        else:
            values = list(self._fitted(rows, width))
        return Chunk(self._n, self.rows, self.columns, values)

    def _fitted(self, rows: list[list[str]], width: int) -> Iterator[tuple[Json, ...]]:
        found: list[Problem] = []
        for place, row in enumerate(rows):
            if len(row) > width:
                found.append(self._surplus(place, row, width))
            yield tuple(row[:width]) if len(row) >= width else (*row, *[None] * (width - len(row)))
        for each in found:  # all of them at once: where bad rows end the reading none is counted
            self.problems.add(each)

    def _surplus(self, place: int, row: list[str], width: int) -> Problem:
        line = self._lines[place] - 1 - sum(breaks_in(cell) for cell in row)
        problem = Problem(line, f"It has {len(row):,} fields for {width:,} columns.")
        if self.reading.on_bad_row == "fail":
            raise bad_row(problem.line, problem.message)
        return problem

    def _too_long(self, line: int, *, is_broken: bool) -> TooLargeError:
        hint = f" A quote that opens in line {line:,} may never close." if is_broken else ""
        return TooLargeError(
            f"The row at line {line:,} is longer than {self.bounds.row_bytes:,} bytes.{hint}",
            code="dataset_row_too_long",
            line=line,
            offset=self._at,
        )

    def _open(self, text: str, size: int) -> InvalidError | TooLargeError:
        """The error for a row at the end whose last quote is open."""
        breaks = breaks_in(text)
        if size > self.bounds.row_bytes:
            return self._too_long(self._at_line, is_broken=breaks > 0)
        if text.endswith(BREAKS):
            breaks -= 1
        (*_, row), _, _ = rows_of(text, self.delimiter)
        opened = self._at_line + breaks - breaks_in(row[-1].removesuffix("\n" + END))
        return InvalidError(
            f"The quote that opens in line {opened:,} never closes. Close it, or double each "
            'quote that is part of a text: "".',
            code="dataset_quote_open",
            line=opened,
        )

    def _state(self) -> dict[str, Json]:
        names = None if self._columns is None else list(self._columns)
        return {**self.text.state(), "delimiter": self.delimiter, "columns": names}

    def _restore(self, state: dict[str, Any]) -> None:
        self._head = None
        self.text.restore(state, self.offset)
        self.delimiter = state["delimiter"]
        self._columns = None if state["columns"] is None else tuple(state["columns"])
        self._at, self._at_line = self.offset, self.line
