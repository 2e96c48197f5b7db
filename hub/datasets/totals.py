"""What is added up over a column with more values than are kept.

Each kind of totals gives the same for the same values in any order. ``take`` is the quick way for
a block of values that are all as expected, and refuses any other; ``absorb`` takes one at a time.
"""

from collections.abc import Sequence, Set
from typing import Protocol

from hub.datasets.tokens import Key, Token, number_id, text_id
from hub.model.json import Json


class Totals(Protocol):
    """What all kinds of totals can do."""

    mode: str
    refuses_empty: bool
    """Whether ``take`` refuses a block in which values are missing."""
    n: int
    """So many values were taken."""

    def take(self, values: Sequence[Json], types: Set[type], below: int) -> list[int] | None:
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
