"""Column: what is kept of one column, in bounded room.

Up to a number of different values all of them are kept, with their counts. Beyond it they are
folded into totals, and of the different values those with the smallest ids stay, with their
counts: half of them, a quarter, and so on (``level``), as many as there is room for.
What is kept depends on the values and the order of their first appearance in the data set alone.
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from itertools import islice
from types import NoneType
from typing import Any, Final

from hub.datasets.expected import totals_for
from hub.datasets.kinds import FAMILIES, kind_of
from hub.datasets.numbers import numeric
from hub.datasets.tokens import ALL, FLAGS, LONG, Key, Token, key_of
from hub.datasets.totals import Totals
from hub.model.json import Json

ODD_KEPT: Final = 5
"""So many values that are not like the others are told."""
_FIRST: Final = 16
"""So many different values decide what a column is expected to hold."""
_RARE: Final = 8
"""Values that are met so often or less are folded many at a time."""
_KINDS: Final = {int: "integer", float: "number", NoneType: "null"}
_PLAIN: Final = frozenset({str, int, float, NoneType})
_FLAGS: Final[dict[Any, Key]] = {**FLAGS, None: None}


class Column:
    """One column's counts and totals."""

    __slots__ = (
        *("counts", "empties", "ids", "is_full", "level", "nulls", "odd", "odd_count", "rows"),
        "totals",
    )

    def __init__(self) -> None:
        """No row yet."""
        self.rows = self.nulls = self.empties = self.level = self.odd_count = 0
        self.counts: Counter[Key] = Counter()
        """All values; empty from level 1 on."""
        self.ids: Counter[int] = Counter()
        """From level 1 on: the ids that are small enough, and how often each occurs."""
        self.totals: Totals | None = None
        self.odd: dict[str, int] = {}
        self.is_full = True
        """Whether no value was missing since it has totals: then the quick way is tried at once."""

    def add(self, values: Sequence[Json]) -> None:
        """The column's values in the next rows."""
        self.rows += len(values)
        types = _types(values)
        if self.totals is not None:
            self._total(values, types, self.totals)
            return
        before = len(self.counts)
        self.counts.update(_keys(values, types))
        if fresh := len(self.counts) - before:
            self._shorten(fresh)

    def _shorten(self, fresh: int) -> None:
        """Put short keys in the place of new ones that are not, in the order they came."""
        keys = list(islice(reversed(self.counts), fresh))
        if all(key_of(key) is key for key in keys if not isinstance(key, Token)):
            return
        for key in reversed(keys):
            n = self.counts.pop(key)
            self.counts[key if isinstance(key, Token) else key_of(key)] += n

    def _total(self, values: Sequence[Json], types: Set[type], totals: Totals) -> None:
        if totals.refuses_empty and self.is_full:
            ids = totals.take(values, types, self.below)
            if ids is not None:
                self.ids.update(ids)
                return
        nulls = values.count(None) if NoneType in types else 0
        empties = values.count("") if str in types else 0
        if nulls or empties:
            self.nulls += nulls
            self.empties += empties
            self.is_full = False
            values = [value for value in values if value is not None and value != ""]
            types = types - {NoneType}
        if not values:
            return
        ids = totals.take(values, types, self.below)
        if ids is not None:
            self.ids.update(ids)
            return
        for key, n in Counter(_keys(values, types, key_of)).items():
            self._absorb(key, n, totals)

    def _absorb(self, key: Key, n: int, totals: Totals) -> None:
        if key is None:
            self.nulls += n
        elif key == "":
            self.empties += n
        else:
            each = totals.id_of(key)
            if each < self.below:
                self.ids[each] += n
            if not totals.absorb(key, n):
                self.odd_count += n
                label = label_of(key)
                if label in self.odd or len(self.odd) < ODD_KEPT:
                    self.odd[label] = self.odd.get(label, 0) + n

    @property
    def below(self) -> int:
        """Ids are kept that are less than this."""
        return (ALL + 1) >> self.level

    def keep(self, most: int) -> None:
        """Keep no more than ``most`` different values."""
        if self.totals is None and len(self.counts) > most:
            self._fold()
        while len(self.ids) > most:
            self.level += 1
            below = self.below
            self.ids = Counter({each: n for each, n in self.ids.items() if each < below})

    def _fold(self) -> None:
        counts, self.counts = self.counts, Counter()
        self.totals = expected(counts)
        self.level = 1
        rare = [key for key, n in counts.items() if n <= _RARE and isinstance(key, str) and key]
        repeated = [key for key in rare for _ in range(counts[key])]
        ids = self.totals.take(repeated, {str}, self.below) if rare else None
        if ids is not None:
            self.ids.update(ids)
            for key in rare:
                del counts[key]
        for each, n in counts.items():
            self._absorb(each, n, self.totals)

    def state(self) -> list[Json]:
        """What ``from_state`` takes. The order of the counts is part of it."""
        totals = self.totals and [self.totals.mode, self.totals.state()]
        return [
            *(self.rows, self.nulls, self.empties, self.level, self.odd_count),
            *(list(self.counts), list(self.counts.values())),
            *(list(self.ids), list(self.ids.values()), totals, list(self.odd.items())),
        ]

    @classmethod
    def from_state(cls, state: list[Json]) -> "Column":
        """The column that gave this state."""
        self = cls()
        self.rows, self.nulls, self.empties, self.level, self.odd_count = state[:5]
        keys, counts, ids, occurrences, totals, odd = state[5:]
        self.counts.update(dict(zip(map(restored, keys), counts, strict=True)))
        self.ids.update(dict(zip(ids, occurrences, strict=True)))
        self.odd = dict(odd)
        if totals:
            self.totals = totals_for(totals[0], [])
            self.totals.restore(totals[1])
        return self


def restored(key: Json) -> Key:
    """A key that went through JSON."""
    return Token(*key) if isinstance(key, list) else key


def kind_of_key(key: Key) -> str:
    """The kind of a value: a key of ``FAMILIES``."""
    if isinstance(key, Token):
        return key.kind if key.number is None else "number"
    if isinstance(key, str):
        return kind_of(key)
    return "integer" if isinstance(key, float) and key.is_integer() else _KINDS[type(key)]


def label_of(key: Key) -> str:
    """How a value is shown."""
    if isinstance(key, Token):
        return key.head if key.size <= LONG and len(key.head) < 60 else f"{key.head}…"
    if isinstance(key, float) and key.is_integer() and abs(key) < 1e15:
        return str(int(key))
    return str(key)


def expected(counts: Counter[Key]) -> Totals:
    """Empty totals for what most of the first values are."""
    first = list(islice((key for key in counts if key is not None and key != ""), _FIRST))
    families = Counter(FAMILIES[kind_of_key(key)] for key in first)
    mode = families.most_common(1)[0][0] if families else "text"
    numbers = [number for key in first if (number := numeric(key)) is not None]
    return totals_for(mode, numbers)


def _types(values: Sequence[Json]) -> set[type]:
    try:
        "".join(values)  # the quickest way to see that all are texts
    except TypeError:
        return set(map(type, values))
    return {str} if values else set()


def _keys(
    values: Sequence[Json], types: Set[type], plain: Callable[[Json], Key] | None = None
) -> Sequence[Json]:
    """The values as they are counted; short and plain ones are so already."""
    if types <= {bool, NoneType}:
        return list(map(_FLAGS.__getitem__, values))
    return list(map(plain or key_of, values)) if plain or not types <= _PLAIN else values
