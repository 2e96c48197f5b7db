"""Sample: some rows of a data set, chosen by a fixed hash of their numbers.

Every row has a key of 32 bits. Rows with a key under a bound are kept; when there are too many,
the bound is halved. So the choice depends on how many rows there are, and on nothing else.
"""

import re
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
            chosen = _chosen(number, self.level)
            if offset or end - done < BLOCK:
                chosen = [each for each in chosen if offset <= each[0] < offset + end - done]
            rows = [values[done + at - offset] for at, _ in chosen]
            self.keys += [key for _, key in chosen]
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
def _chosen(block: int, level: int) -> list[tuple[int, int]]:
    """A block's rows with keys under the level's bound: place and key.

    Most are left out by the first of a key's four bytes.
    """
    keys = shake_128(b"rows %d" % block).digest(4 * BLOCK)
    below = (1 << 32) >> level
    first = b"[\x00-\\x%02x]" % max((256 >> level) - 1, 0)
    places = [each.start() for each in re.finditer(first, keys[::4], re.DOTALL)]
    found = [(at, int.from_bytes(keys[4 * at : 4 * at + 4])) for at in places]
    return [each for each in found if each[1] < below]
