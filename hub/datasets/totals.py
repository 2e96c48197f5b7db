"""What is added up over a column with more values than are kept.

Each kind of totals gives the same for the same values in any order. ``take`` is the quick way for
a block of values that are all as expected, and refuses any other; ``absorb`` takes one at a time.
"""

import re
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import compress
from operator import mul, ne
from typing import Final, Protocol

from hub.datasets.exact import fixed, fixed_sum
from hub.datasets.kinds import BOOLEANS, LARGE, Number, moment_of, number_of
from hub.datasets.tokens import (
    MODULUS,
    Key,
    Token,
    number_id,
    number_ids,
    small_ids,
    text_id,
    text_ids,
)
from hub.model.json import Json

_SHAPE: Final = {ord(digit): "0" for digit in "123456789"}
_NOT_PLAIN: Final = ("_", " ", "n", "N", ",0", ",-0", ",+0")
_ZEROS = re.compile(r",[+-]?0\d")
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_DAY: Final = 10
_GREATEST: Final = sys.float_info.max


class Totals(Protocol):
    """What all kinds of totals can do."""

    mode: str
    n: int
    """So many values were taken."""

    def take(self, values: Sequence[Json], types: set[type], below: int) -> list[int] | None:
        """Take a block without missing values.

        The ids of its values that are less than ``below``; None if nothing was taken, because
        the block is not plain.
        """
        ...

    def absorb(self, key: Key, n: int) -> bool:
        """Take a value that occurs ``n`` times; False if it is of another kind."""
        ...

    def id_of(self, key: Key) -> int:
        """The id of a value."""
        ...

    def state(self) -> list[Json]:
        """What ``restore`` takes."""
        ...

    def restore(self, state: list[Json]) -> None:
        """Go on from there."""
        ...


def key_id(key: Key) -> int:
    """The id of a value that is not looked at further."""
    if isinstance(key, Token):
        return key.id
    return text_id(key) if isinstance(key, str) else number_id(key or 0)


def numeric(key: Key) -> Number | None:
    """The number that a value is."""
    number = number_of(key) if isinstance(key, str) else key
    if isinstance(number, Token):
        number = number.number
    if type(number) is int and abs(number) >= LARGE:
        number = float(number) if abs(number) < 1 << 1023 else None
    return number if type(number) is int or type(number) is float else None


class Numbers:
    """Count, sum, sum of squares, least and greatest.

    Integers are summed as such where integers are expected (``whole``); else all are floats,
    whose squares are taken of their distance to the column's first number.
    """

    mode = "number"

    def __init__(self, pivot: float = 0.0, *, whole: bool = False) -> None:
        """``pivot`` is near the column's numbers."""
        self.whole = whole
        self.pivot = pivot
        self.n = self.total = self.squares = 0
        self.floats = self.fixed_total = self.fixed_squares = 0
        self.low: Number = float("inf")
        self.high: Number = float("-inf")
        self.padded = 0

    def take(self, values: Sequence[Json], types: set[type], below: int) -> list[int] | None:
        """See ``Totals``."""
        if types == {str}:
            if not _plain(values):
                return None
        elif not types <= {int, float} or (self.whole and float in types):
            return None
        try:
            return self._integers(values, below) if self.whole else self._floats(values, below)
        except (ValueError, OverflowError):
            return self._both(values, below) if self.whole and types == {str} else None

    def _both(self, values: Sequence[str], below: int) -> list[int] | None:
        """Integers among which some are none."""
        digits = [value.lstrip("+-").isdigit() for value in values]
        others = [value for value, whole in zip(values, digits, strict=True) if not whole]
        integers = list(map(int, compress(values, digits)))
        if not integers or min(integers) <= -LARGE or max(integers) >= LARGE:
            return None
        try:
            ids = self._floats(others, below)
        except (ValueError, OverflowError):
            return None
        return None if ids is None else ids + (self._integers(integers, below) or [])

    def _integers(self, values: Sequence[Json], below: int) -> list[int] | None:
        numbers = list(map(int, values))
        low, high = min(numbers), max(numbers)
        if low <= -LARGE or high >= LARGE:
            return None
        self.n += len(numbers)
        self.total += sum(numbers)
        self.squares += sum(map(mul, numbers, numbers))
        self._between(low, high)
        small = low >= 0 and high < MODULUS
        return small_ids(numbers, below) if small else number_ids(numbers, below)

    def _floats(self, values: Sequence[Json], below: int) -> list[int] | None:
        numbers = list(map(float, values))
        pivot = self.pivot
        distances = [number - pivot for number in numbers]
        total = fixed_sum(numbers)
        squares = fixed_sum(map(mul, distances, distances))
        if total is None or squares is None:
            return None
        self.n += len(numbers)
        self.floats += len(numbers)
        self.fixed_total += total
        self.fixed_squares += squares
        self._between(min(numbers), max(numbers))
        return number_ids(numbers, below)

    def _between(self, low: Number, high: Number) -> None:
        if low < self.low:
            self.low = low
        if high > self.high:
            self.high = high

    def absorb(self, key: Key, n: int) -> bool:
        """See ``Totals``."""
        number = numeric(key)
        if number is None:
            return False
        self.n += n
        self.padded += n * (isinstance(key, str) and key != key.strip())
        self._between(number, number)
        if self.whole and (type(number) is int or _integral(key)):
            self.total += n * int(number)
            self.squares += n * int(number) ** 2
        else:
            self._absorb_float(float(number), n)
        return True

    def _absorb_float(self, number: float, n: int) -> None:
        self.floats += n
        self.fixed_total += n * fixed(number)
        square = (number - self.pivot) * (number - self.pivot)
        self.fixed_squares += n * fixed(square if square < float("inf") else _GREATEST)

    def id_of(self, key: Key) -> int:
        """See ``Totals``: equal numbers are the same, however they are written."""
        number = numeric(key)
        if number is None:
            return key_id(key)
        return number_id(number if self.whole else float(number))

    def state(self) -> list[Json]:
        """See ``Totals``."""
        return [
            *(self.whole, self.pivot, self.n, self.total, self.squares, self.floats),
            *(self.fixed_total, self.fixed_squares, self.low, self.high, self.padded),
        ]

    def restore(self, state: list[Json]) -> None:
        """See ``Totals``."""
        self.whole, self.pivot, self.n, self.total, self.squares, self.floats = state[:6]
        self.fixed_total, self.fixed_squares, self.low, self.high, self.padded = state[6:]


def _integral(key: Key) -> bool:
    return type(key) is float and key.is_integer() and abs(key) < LARGE


def _plain(values: Sequence[str]) -> bool:
    """Whether ``int`` and ``float`` read these as ``number_of`` does."""
    joined = "," + ",".join(values)
    if not joined.isascii() or not joined.isprintable():
        return False
    odd = [each for each in _NOT_PLAIN if each in joined]
    if not odd:
        return True
    return all(each[0] == "," for each in odd) and not _ZEROS.search(joined)


class Moments:
    """The first and the last instant."""

    mode = "date"

    def __init__(self) -> None:
        """None yet."""
        self.n = 0
        self.timed = 0
        self.padded = 0
        self.first: tuple[str, str] | None = None
        self.last: tuple[str, str] | None = None

    def take(self, values: Sequence[Json], types: set[type], below: int) -> list[int] | None:
        """See ``Totals``. Of texts of one shape and offset, the least is the first in time."""
        if types != {str} or not _alike(values):
            return None
        try:
            deque(map(datetime.fromisoformat, values), maxlen=0)
        except ValueError:
            return None
        low, high = min(values), max(values)
        first, last = moment_of(low), moment_of(high)
        if first is None or last is None:
            return None
        self.n += len(values)
        self.timed += len(values) * (len(low) > _DAY)
        self._between((first.isoformat(), low), (last.isoformat(), high))
        return text_ids(values, below)

    def _between(self, low: tuple[str, str], high: tuple[str, str]) -> None:
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def absorb(self, key: Key, n: int) -> bool:
        """See ``Totals``."""
        moment = moment_of(key) if isinstance(key, str) else None
        if moment is None or not isinstance(key, str):
            return False
        self.n += n
        self.padded += n * (key != key.strip())
        self.timed += n * (len(key.strip()) > _DAY)
        self._between((moment.isoformat(), key), (moment.isoformat(), key))
        return True

    def id_of(self, key: Key) -> int:
        """See ``Totals``."""
        return key_id(key)

    def state(self) -> list[Json]:
        """See ``Totals``."""
        return [self.n, self.timed, self.padded, self.first, self.last]

    def restore(self, state: list[Json]) -> None:
        """See ``Totals``."""
        self.n, self.timed, self.padded, first, last = state
        self.first, self.last = first and tuple(first), last and tuple(last)


def _alike(values: Sequence[str]) -> bool:
    """Whether all texts have one shape, digits aside, and end in one offset."""
    one = values[0] + ","
    joined = ",".join(values) + ","
    if len(joined) != len(one) * len(values):
        return False
    if joined.translate(_SHAPE) != one.translate(_SHAPE) * len(values):
        return False
    offset = _OFFSET.search(values[0][_DAY:])
    return offset is None or joined.count(offset[0] + ",") == len(values)


class Texts:
    """How long texts are, and how many begin or end with a space."""

    mode = "text"

    def __init__(self) -> None:
        """None yet."""
        self.n = self.length = self.high = self.padded = 0
        self.low: int | None = None

    def take(self, values: Sequence[Json], types: set[type], below: int) -> list[int] | None:
        """See ``Totals``."""
        if types != {str}:
            return None
        lengths = list(map(len, values))
        length = sum(lengths)
        if len("".join(map(str.strip, values))) != length:
            self.padded += sum(map(ne, values, map(str.strip, values)))
        self.n += len(values)
        self.length += length
        self._between(min(lengths), max(lengths))
        return text_ids(values, below)

    def _between(self, low: int, high: int) -> None:
        self.low = low if self.low is None or low < self.low else self.low
        self.high = max(self.high, high)

    def absorb(self, key: Key, n: int) -> bool:
        """See ``Totals``."""
        padded, size = False, 0
        if isinstance(key, str):
            padded, size = key != key.strip(), len(key)
        elif isinstance(key, Token) and key.kind == "text":
            padded, size = key.padded, key.size
        else:
            return False
        self.n += n
        self.length += n * size
        self.padded += n * padded
        self._between(size, size)
        return True

    def id_of(self, key: Key) -> int:
        """See ``Totals``."""
        return key_id(key)

    def state(self) -> list[Json]:
        """See ``Totals``."""
        return [self.n, self.length, self.low, self.high, self.padded]

    def restore(self, state: list[Json]) -> None:
        """See ``Totals``."""
        self.n, self.length, self.low, self.high, self.padded = state


class Members:
    """How many members lists or objects have; booleans are taken too."""

    def __init__(self, mode: str) -> None:
        """``mode``: the kind that is expected."""
        self.mode = mode
        self.n = self.length = self.high = self.padded = 0
        self.low: int | None = None

    def take(self, values: Sequence[Json], types: set[type], below: int) -> list[int] | None:
        """See ``Totals``: there is no quick way."""
        return None

    def absorb(self, key: Key, n: int) -> bool:
        """See ``Totals``."""
        if isinstance(key, Token) and key.kind == self.mode:
            size = key.size
        elif self.mode == "boolean" and isinstance(key, str) and key.lower() in BOOLEANS:
            size = 1
        else:
            return False
        self.n += n
        self.length += n * size
        self.low = size if self.low is None or size < self.low else self.low
        self.high = max(self.high, size)
        return True

    def id_of(self, key: Key) -> int:
        """See ``Totals``."""
        return key_id(key)

    def state(self) -> list[Json]:
        """See ``Totals``."""
        return [self.n, self.length, self.low, self.high]

    def restore(self, state: list[Json]) -> None:
        """See ``Totals``."""
        self.n, self.length, self.low, self.high = state


def totals_for(mode: str, first: list[Number]) -> Totals:
    """Empty totals for a family of kinds; ``first``: the first numbers among the values."""
    if mode == "number":
        whole = all(isinstance(each, int) or each.is_integer() for each in first)
        return Numbers(float(first[0]) if first else 0.0, whole=whole)
    if mode == "date":
        return Moments()
    return Texts() if mode == "text" else Members(mode)
