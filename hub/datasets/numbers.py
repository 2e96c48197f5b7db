"""What is added up over a column of numbers."""

import re
import sys
from collections.abc import Sequence, Set
from itertools import compress
from operator import mul
from typing import Final

from hub.datasets.exact import fixed, fixed_sum
from hub.datasets.kinds import LARGE, Number, number_of
from hub.datasets.tokens import (
    MODULUS,
    Key,
    Token,
    number_id,
    number_ids,
    small_ids,
)
from hub.datasets.totals import key_id
from hub.model.json import Json

_NOT_PLAIN: Final = ("_", " ", "n", "N", ",0", ",-0", ",+0")
_USUAL: Final = b",.-0123456789"
_ZEROS = re.compile(r",[+-]?0\d")
_GREATEST: Final = sys.float_info.max


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
    refuses_empty = True

    def __init__(self, pivot: float = 0.0, *, whole: bool = False) -> None:
        """``pivot`` is near the column's numbers."""
        self.whole = whole
        self.pivot = pivot
        self.n = self.total = self.squares = 0
        self.floats = self.fixed_total = self.fixed_squares = 0
        self.low: Number = float("inf")
        self.high: Number = float("-inf")
        self.padded = 0

    def take(self, values: Sequence[Json], types: Set[type], below: int) -> list[int] | None:
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
    if not joined.isascii():
        return False
    if not joined.encode().translate(None, _USUAL):
        return (",0" not in joined and ",-0" not in joined) or not _ZEROS.search(joined)
    if not joined.isprintable():
        return False
    odd = [each for each in _NOT_PLAIN if each in joined]
    if not odd:
        return True
    return all(each[0] == "," for each in odd) and not _ZEROS.search(joined)
