"""What readers of JSON lines and of JSON arrays share: rows are objects."""

from itertools import repeat
from operator import eq
from typing import Any

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.chunk import Chunk
from hub.datasets.dialect import check_head, check_width
from hub.datasets.reader import Reader
from hub.datasets.reading import Reading
from hub.errors import InvalidError
from hub.model.json import MAX_DEPTH, Json

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 64
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}\n")


class ObjectReader(Reader):
    """Rows are objects. Columns are the names that were met, in the order they were met in: a
    later chunk may have more."""

    def __init__(self, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> None:
        super().__init__(reading, bounds)
        self._columns: tuple[str, ...] = ()
        self._at = 0
        """The offset behind what was made rows of."""
        self._head: bytes | None = b""

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def _without_mark(self, data: bytes) -> bytes:
        """The next bytes: the first ones are looked at when there are enough of them."""
        if self._head is None:
            return data
        self._head += data
        return self._short_head() if len(self._head) >= _HEAD_BYTES else b""

    def _short_head(self) -> bytes:
        """What waits for being looked at."""
        head, self._head = self._head or b"", None
        if head.startswith(_WIDE_MARKS):
            raise InvalidError(
                "The data set is JSON in UTF-16; JSON is written in UTF-8.",
                code="dataset_encoding",
                offset=0,
            )
        check_head(head[:_HEAD_BYTES].decode("utf-8", "replace"))
        if head.startswith(_BYTE_ORDER_MARK):
            self._at += len(_BYTE_ORDER_MARK)
        return head.removeprefix(_BYTE_ORDER_MARK)

    def _chunk(self, rows: list[dict[str, Json]]) -> Chunk:
        columns = self._columns
        if all(map(eq, map(tuple, rows), repeat(columns))):
            return Chunk(self._n, self.rows, columns, [tuple(row.values()) for row in rows])
        known = dict.fromkeys(columns)
        for row in rows:
            known.update(row)  # what they are set to is not looked at
        check_width(len(known), self.bounds.columns)
        self._columns = columns = tuple(known)
        values = [tuple(map(row.get, columns)) for row in rows]
        return Chunk(self._n, self.rows, columns, values)

    def _state(self) -> dict[str, Json]:
        return {"columns": list(self._columns)}

    def _restore(self, state: dict[str, Any]) -> None:
        self._head = None
        self._columns = tuple(state["columns"])
        self._at = self.offset


def are_plain(block: bytes, parts: list[bytes]) -> bool:
    """Whether values can be left to orjson: no integer that it would round, no deep nesting."""
    if has_long_integers(block):
        return False
    if max(map(len, parts)) <= 2 * MAX_DEPTH:
        return True
    brackets = block.translate(None, _NOT_BRACKETS).split(b"\n")
    return max(map(len, brackets)) <= 2 * MAX_DEPTH


def has_long_integers(raw: bytes) -> bool:
    """Whether there are digits that may be an integer beyond 64 bits."""
    return _MANY_DIGITS in raw.translate(_DIGITS_ALIKE)
