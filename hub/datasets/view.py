"""View: one column at the end, whether all its values were kept or some rows of it."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from hub.datasets.column import ODD_KEPT, Column, kind_of_key, label_of
from hub.datasets.expected import totals_for
from hub.datasets.kinds import FAMILIES
from hub.datasets.numbers import Numbers, numeric
from hub.datasets.sample import Sample
from hub.datasets.tokens import Key
from hub.datasets.totals import Totals

MOSTLY = 0.9
"""A column is of a type if so much of it is."""


@dataclass(frozen=True)
class View:
    """What a report is written from."""

    name: str
    rows: int
    nulls: int
    """Rows without a value, those before the column appeared among them."""
    empties: int
    items: Counter[Key]
    """Values with their counts: all, or those of the rows that were kept."""
    exact: bool
    """Whether ``items`` are all."""
    totals: Totals
    odd: dict[str, int]
    """The first values that are not of the kind of ``totals``."""
    odd_count: int
    ids: Counter[int]
    level: int

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls - self.empties

    @cached_property
    def seen(self) -> int:
        """Values that ``items`` count."""
        return self.items.total()

    @property
    def scale(self) -> float:
        """What counts of ``items`` are multiplied by."""
        return 1 if self.exact or not self.seen else self.present / self.seen

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many of ``items`` are of which kind."""
        kinds: Counter[str] = Counter()
        for key, n in self.items.items():
            kinds[kind_of_key(key)] += n
        return kinds

    @property
    def type(self) -> str:
        """The kind of nearly all values, ``mixed``, or ``empty``."""
        if not self.present:
            return "empty"
        alike, of = self.totals.n, self.present
        if self.totals.mode == "text":  # which takes what would be a number elsewhere
            alike = sum(n for kind, n in self.kinds.items() if FAMILIES[kind] == "text")
            of = self.seen
        return "mixed" if alike < MOSTLY * of else self._kind()

    def _kind(self) -> str:
        match self.totals.mode:
            case "number":
                assert isinstance(self.totals, Numbers)  # noqa: S101 - the mode says so
                return "number" if self.totals.floats else "integer"
            case "date":
                return "datetime" if self.totals.timed else "date"  # type: ignore[attr-defined]
            case "text":
                often = [kind for kind, n in self.kinds.items() if n >= MOSTLY * self.seen]
                return often[0] if often and FAMILIES[often[0]] == "text" else "text"
            case mode:
                return mode

    @property
    def distinct(self) -> int:
        """How many different values there are, or the estimate."""
        if self.exact:
            return len(self.items)
        return self.present if not self.repeats else min(len(self.ids) << self.level, self.present)

    @property
    def repeats(self) -> bool:
        """Whether a value was met twice."""
        if self.exact:
            return len(self.items) < self.present
        return self.ids.total() > len(self.ids)


def view_of(name: str, at: int, column: Column, sample: Sample, rows: int) -> View:
    """A column, ``at`` its place among all columns."""
    nulls = column.nulls + rows - column.rows
    if column.totals is not None:
        items: Counter[Key] = Counter(
            key for key in sample.column(at) if key is not None and key != ""
        )
        return View(
            *(name, rows, nulls, column.empties, items, sample.level == 0, column.totals),
            *(column.odd, column.odd_count, column.ids, column.level),
        )
    items = column.counts.copy()
    nulls += items.pop(None, 0)
    empties = items.pop("", 0)
    totals, odd = _added(items)
    first = dict(list(odd.items())[:ODD_KEPT])
    return View(
        *(name, rows, nulls, empties, items, True, totals),
        *(first, sum(odd.values()), Counter(), 0),
    )


def _added(items: Counter[Key]) -> tuple[Totals, Counter[str]]:
    """The totals of the family that most values are of, and what is not of it."""
    families: Counter[str] = Counter()
    for key, n in items.items():
        families[FAMILIES[kind_of_key(key)]] += n
    mode = max(families, key=lambda each: (families[each], each)) if families else "text"
    numbers = [number for key in items if (number := numeric(key)) is not None]
    totals = totals_for(mode, numbers)
    odd: Counter[str] = Counter()
    for key, n in items.items():
        if not totals.absorb(key, n):
            odd[label_of(key)] += n
    return totals, odd
