"""The first and the last instant of a column of dates."""

import re
from collections import deque
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Final

from hub.datasets.kinds import moment_of
from hub.datasets.tokens import (
    Key,
    text_ids,
)
from hub.datasets.totals import key_id
from hub.model.json import Json

_SHAPE: Final = {ord(digit): "0" for digit in "123456789"}
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_DAY: Final = 10


class Moments:
    """The first and the last instant."""

    mode = "date"
    refuses_empty = True

    def __init__(self) -> None:
        """None yet."""
        self.n = 0
        self.timed = 0
        self.padded = 0
        self.first: tuple[str, str] | None = None
        self.last: tuple[str, str] | None = None

    def take(self, values: Sequence[Json], types: Set[type], below: int) -> list[int] | None:
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
