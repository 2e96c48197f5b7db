"""How long texts are, and how many members lists and objects have."""

from collections.abc import Sequence, Set
from operator import ne

from hub.datasets.kinds import BOOLEANS
from hub.datasets.tokens import (
    Key,
    Token,
    text_ids,
)
from hub.datasets.totals import key_id
from hub.model.json import Json


class Texts:
    """How long texts are, and how many begin or end with a space."""

    mode = "text"
    refuses_empty = False

    def __init__(self) -> None:
        """None yet."""
        self.n = self.length = self.high = self.padded = 0
        self.low: int | None = None

    def take(self, values: Sequence[Json], types: Set[type], below: int) -> list[int] | None:
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

    refuses_empty = False

    def __init__(self, mode: str) -> None:
        """``mode``: the kind that is expected."""
        self.mode = mode
        self.n = self.length = self.high = self.padded = 0
        self.low: int | None = None

    def take(self, values: Sequence[Json], types: Set[type], below: int) -> list[int] | None:
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
