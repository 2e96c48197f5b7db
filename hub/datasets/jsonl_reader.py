"""JSON lines: an object in each line."""

from itertools import accumulate
from typing import Any, ClassVar

import orjson

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.json_rows import ObjectReader, are_plain
from hub.datasets.reading import Format, Reading
from hub.errors import InvalidError, TooLargeError
from hub.model.json import Json, loads


class JsonLinesReader(ObjectReader):
    """A line that is no object is a bad row. Empty lines are no rows."""

    format: ClassVar[Format] = "jsonl"

    def __init__(self, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> None:
        super().__init__(reading, bounds)
        self._parts: list[bytes] = []
        self._waiting = 0
        self._at_line = 1

    def _read(self, data: bytes) -> None:
        data = self._without_mark(data)
        self._parts.append(data)
        self._waiting += len(data)
        if b"\n" in data:
            block, _, rest = b"".join(self._parts).rpartition(b"\n")
            self._parts, self._waiting = [rest], len(rest)
            self._parse(block, extra=1)
        self._check_size(self._waiting, self._at_line)

    def _finish(self) -> None:
        self._read(self._short_head())
        self._parse(b"".join(self._parts), extra=0)

    def _parse(self, block: bytes, *, extra: int) -> None:
        """Make rows of complete lines; the last one has ``extra`` bytes behind it."""
        lines = block.split(b"\n")
        sizes = map((1).__add__, map(len, lines))  # with the line break
        ends = list(accumulate(sizes, initial=self._at))
        ends[-1] += extra - 1
        values = _all_objects(lines, block)
        if values is not None and max(map(len, lines)) <= self.bounds.row_bytes:
            self._pending += values
            self._ends += ends[1:]
            self._lines += range(self._at_line + 1, self._at_line + len(lines) + 1)
        else:
            self._parse_each(lines, ends[1:])
        self._at = ends[-1]
        self._at_line += len(lines)

    def _parse_each(self, lines: list[bytes], ends: list[int]) -> None:
        for place, line in enumerate(lines):
            number = self._at_line + place
            self._check_size(len(line), number)
            if not line.strip():
                continue
            try:
                value = loads(line)
            except InvalidError as error:
                self._leave_out(number, error.message)
                continue
            if isinstance(value, dict):
                self._pending.append(value)
                self._ends.append(ends[place])
                self._lines.append(number + 1)
            else:
                self._leave_out(number, "Each line must be a JSON object.")

    def _check_size(self, size: int, line: int) -> None:
        if size > self.bounds.row_bytes:
            raise TooLargeError(
                f"Line {line:,} is longer than {self.bounds.row_bytes:,} bytes. Where the data "
                "set is one JSON array, set its format to 'json'.",
                code="dataset_row_too_long",
                line=line,
            )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._at_line = self.line


def _all_objects(lines: list[bytes], block: bytes) -> list[Json] | None:
    """The lines' values if all are objects that nothing is unusual about."""
    if not are_plain(block, lines):
        return None
    try:
        values = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    return values if {type(value) for value in values} <= {dict} else None
