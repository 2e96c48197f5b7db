"""Sample: some rows of a data set, chosen by a fixed hash of their numbers.

Every row has a key of 32 bits. Rows with a key under a bound are kept; when there are too many,
the bound is halved. So the choice depends on how many rows there are, and on nothing else.
"""

import sys
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import shake_128
from typing import Final

from hub.datasets.column import restored
from hub.datasets.tokens import LONG, Key, key_of
from hub.model.json import Json

BLOCK: Final = 1024
"""So many rows have their keys from one hash."""


class Sample:
    """The rows that are kept."""

    def __init__(self) -> None:
        """No row yet."""
        self.level = 0
        self.keys: list[int] = []
        self.rows: list[tuple[Key, ...]] = []

    def add(
        self,
        first: int,
        values: Sequence[tuple[Json, ...]],
        place: Callable[[tuple[Json, ...]], tuple[Json, ...]] | None,
        most: int,
    ) -> None:
        """Look at the rows from number ``first`` on.

        ``place`` puts a row's values where their columns are; ``most``: so many rows are kept.
        """
        done = 0
        while done < len(values):
            number, offset = divmod(first + done, BLOCK)
            end = min(done + BLOCK - offset, len(values))
            keys = _keys(number)[offset : offset + end - done]
            below = (1 << 32) >> self.level
            chosen = [at for at, key in enumerate(keys) if key < below]
            rows = [values[done + at] for at in chosen]
            self.keys += [keys[at] for at in chosen]
            self.rows += _short(list(map(place, rows)) if place else rows)
            self.keep(most)
            done = end

    def keep(self, most: int) -> None:
        """Keep no more than ``most`` rows."""
        while len(self.keys) > most:
            self.level += 1
            below = (1 << 32) >> self.level
            kept = [at for at, key in enumerate(self.keys) if key < below]
            self.keys = [self.keys[at] for at in kept]
            self.rows = [self.rows[at] for at in kept]

    def column(self, at: int) -> list[Key]:
        """A column's values in these rows."""
        return [row[at] if at < len(row) else None for row in self.rows]

    def state(self) -> list[Json]:
        """What ``from_state`` takes."""
        return [self.level, self.keys, self.rows]

    @classmethod
    def from_state(cls, state: list[Json]) -> "Sample":
        """The sample that gave this state."""
        self = cls()
        self.level, self.keys, rows = state
        self.rows = [tuple(map(restored, row)) for row in rows]
        return self


def _short(rows: list[tuple[Json, ...]]) -> list[tuple[Key, ...]]:
    """The rows with what is long, or no plain value, as tokens."""
    columns = [
        cells
        if set(map(type, cells)) == {str} and max(map(len, cells)) <= LONG
        else tuple(map(key_of, cells))
        for cells in zip(*rows, strict=True)
    ]
    return list(zip(*columns, strict=True))


@lru_cache(maxsize=4)
def _keys(block: int) -> Sequence[int]:
    keys = array("I", shake_128(b"rows %d" % block).digest(4 * BLOCK))
    if sys.byteorder == "big":
        keys.byteswap()
    return keys
