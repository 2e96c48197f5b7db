"""A JSON array of objects, read element by element."""

from typing import Any, ClassVar

import orjson

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.json_rows import ObjectReader, has_long_integers
from hub.datasets.json_scan import alike, array_start, broken, skip_space, value_end
from hub.datasets.reading import Format, Reading
from hub.errors import InvalidError, TooLargeError
from hub.model.json import Json, loads

_FRAME_BYTES = 64 << 10
"""What may stand before the array."""
_TAIL_BYTES = 1 << 20
"""And behind it."""

_CLOSING = ord("]")
_MISPLACED = (b",", b"]", b"}", b":")


class JsonReader(ObjectReader):
    """The array is the document, or stands in it at ``path``. An element that is no object is a
    bad row."""

    format: ClassVar[Format] = "json"

    def __init__(self, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> None:
        super().__init__(reading, bounds)
        self._parts: list[bytes] = []
        self._waiting = 0
        self._enough = 0
        self._at_line = 1
        self._frame: bytes | None = None
        """What stands before the array, with its bracket."""
        self._closed_at: int | None = None
        """The offset behind the array."""
        self._is_first = True
        self._braces = 1
        """How many braces the last element closed."""

    def _read(self, data: bytes) -> None:
        data = self._without_mark(data)
        self._parts.append(data)
        self._waiting += len(data)
        if self._waiting >= self._enough:
            self._work()

    def _finish(self) -> None:
        if self._head is not None:
            self._parts.append(self._short_head())
        self._work()
        if self._frame is None:
            raise self._unopened()
        if self._closed_at is None:
            raise broken(self._size, "the data set ends within its array")
        self._check_frame()

    def _work(self) -> None:
        raw = b"".join(self._parts)
        if self._frame is None:
            raw = self._open(raw)
        if self._frame is not None and self._closed_at is None:
            raw = self._rows(raw)
        most = self.bounds.row_bytes if self._frame is not None else _FRAME_BYTES
        if self._closed_at is not None:
            self._check_tail(raw)
        elif len(raw) > most:
            raise self._too_long(self._at) if self._frame is not None else self._unopened()
        self._parts, self._waiting = [raw], len(raw)
        self._enough = 0 if self._closed_at is not None else min(2 * len(raw), most + 1)

    def _open(self, raw: bytes) -> bytes:
        path = self.reading.path.split(".") if self.reading.path else []
        start = array_start(raw[:_FRAME_BYTES], path)
        if start is None:
            return raw
        self._frame = raw[:start]
        self._at += start
        self._at_line += self._frame.count(b"\n")
        return raw[start:]

    def _rows(self, raw: bytes) -> bytes:
        """Make rows of complete elements; gives what is left."""
        parse = loads if has_long_integers(raw) else orjson.loads
        at = 0
        while self._closed_at is None:
            values, ends = alike(raw, at, self._braces, self.bounds.row_bytes, parse)
            self._keep(raw, at, values, ends)
            at = ends[-1] if ends else at
            end = self._next(raw, at)
            if end is None:
                break
            at = end
        self._at += at
        return raw[at:]

    def _next(self, raw: bytes, at: int) -> int | None:
        """Take up an element that is not like the one before; gives the place behind the comma or
        bracket that follows it, None where it is cut short."""
        start = skip_space(raw, at)
        if self._is_first and raw[start : start + 1] == b"]":
            self._closed_at = self._at + start + 1
            return start + 1
        if raw[start : start + 1] in _MISPLACED:
            raise broken(self._at + start, "an element should begin here")
        stop = value_end(raw, start, self._at)
        end = None if stop is None else skip_space(raw, stop) + 1
        if stop is None or end is None or end > len(raw):
            return None
        if raw[end - 1] not in b",]":
            raise broken(self._at + end - 1, "a comma or ] should follow an element")
        if end - at > self.bounds.row_bytes:
            raise self._too_long(self._at + at)
        element = raw[start:stop]
        self._braces = element.count(b"}")
        self._keep(raw, at, [self._value(element, start)], [end])
        if raw[end - 1] == _CLOSING:
            self._closed_at = self._at + end
        return end

    def _keep(self, raw: bytes, before: int, values: list[Json], ends: list[int]) -> None:
        """Take elements up: each with the place behind what follows it."""
        has_lines = b"\n" in raw
        for value, end in zip(values, ends, strict=True):
            line = self._at_line
            if has_lines:
                self._at_line += raw.count(b"\n", before, end)
                before = end
            if type(value) is dict:
                self._pending.append(value)
                self._ends.append(self._at + end)
                self._lines.append(self._at_line)
            else:
                self._leave_out(line, "Each element must be a JSON object.")
        self._is_first = self._is_first and not ends

    def _value(self, element: bytes, start: int) -> Json:
        try:
            return loads(element)
        except InvalidError as error:
            what = f"the element that begins there: {error.message}".rstrip(".")
            raise broken(self._at + start, what) from error

    def _check_tail(self, raw: bytes) -> None:
        if self.reading.path is None:
            at = skip_space(raw, 0)
            if at < len(raw):
                raise broken(self._at + at, "nothing may follow the array")
        elif len(raw) > _TAIL_BYTES:
            raise broken(self._at, f"more than {_TAIL_BYTES:,} bytes follow the array")

    def _check_frame(self) -> None:
        """Whether all is JSON that stands around the array."""
        try:
            loads((self._frame or b"") + b"]" + b"".join(self._parts))
        except InvalidError as error:
            raise broken(self._at, "what stands around the array is not JSON") from error

    def _unopened(self) -> InvalidError:
        if not self._size:
            return InvalidError(
                "The data set is empty: it should be a JSON array of objects.",
                code="dataset_empty",
            )
        return broken(
            min(self._size, _FRAME_BYTES), "up to here no array of rows has begun; see path"
        )

    def _too_long(self, offset: int) -> TooLargeError:
        return TooLargeError(
            f"The element at byte {offset:,} is longer than {self.bounds.row_bytes:,} bytes.",
            code="dataset_row_too_long",
            offset=offset,
        )

    def _state(self) -> dict[str, Json]:
        frame = (self._frame or b"").decode("utf-8", "replace")
        is_closed = self.offset == self._closed_at
        return {**super()._state(), "frame": frame, "is_closed": is_closed}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._at_line, self._is_first = self.line, False
        self._frame = state["frame"].encode()
        self._closed_at = self.offset if state["is_closed"] else None
