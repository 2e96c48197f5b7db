"""How numbers and moments are spread: quantiles and histograms of values with their counts."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from itertools import accumulate
from typing import Final

from hub.datasets.kinds import Number
from hub.model.json import Json

BINS: Final = 20
QUANTILES: Final = (5, 25, 50, 75, 95)
_STEPS: Final = (1, 2, Fraction(5, 2), 5, 10)
_LONG: Final = 10**21
_MANY_DAYS: Final = 62
_MANY_MONTHS: Final = 72
_MANY_YEARS: Final = 60

Weighted = list[tuple[Number, int]]
"""Numbers, each once, in order, with how often each occurs."""


def plain(number: Number | Fraction) -> Number:
    """A number as JSON should show it: 12 and not 12.0, and equal numbers alike."""
    if isinstance(number, int) and abs(number) < _LONG:
        return number
    try:
        number = float(number)
    except OverflowError:  # a sum of very large ones
        return int(number)
    return int(number) if number.is_integer() and abs(number) < _LONG else number


def quantiles(values: Weighted) -> dict[str, Number]:
    """The quantiles by percent, with straight lines between neighbours."""
    ends = list(accumulate(n for _, n in values))
    found: dict[str, Number] = {}
    for percent in QUANTILES:
        at, rest = divmod(percent * (ends[-1] - 1), 100)
        low = values[bisect_right(ends, at)][0]
        if rest:
            high = values[bisect_right(ends, at + 1)][0]
            low = low if low == high else low * (1 - rest / 100) + high * (rest / 100)
        found[str(percent)] = plain(low)
    return found


def histogram(values: Weighted, low: Number, high: Number, scale: float = 1) -> list[Json]:
    """About twenty bins with round edges, as ``[from, to, count]``; the upper edge is outside.

    Counts are multiplied by ``scale``. Empty if the numbers are too far apart for floats.
    """
    if not math.isfinite(float(high) - float(low)):
        return []
    whole = all(isinstance(number, int) for number, _ in values)
    step = _step(Fraction(high) - Fraction(low), whole=whole)
    start = Fraction(low) // step
    count = int(Fraction(high) // step - start) + 1
    edges = [plain((start + each) * step) for each in range(count + 1)]
    bins = [0] * count
    for number, n in values:
        bins[min(max(bisect_right(edges, number) - 1, 0), count - 1)] += n
    return [[edges[at], edges[at + 1], round(n * scale)] for at, n in enumerate(bins)]


def _step(width: Fraction, *, whole: bool) -> Fraction:
    if not width:
        return Fraction(1)
    least = width / BINS
    power = Fraction(10) ** math.floor(math.log10(least))
    step = next(each for factor in (*_STEPS, 20) if (each := factor * power) >= least)
    if whole and step.denominator > 1:
        return Fraction(math.ceil(step))
    return step


def by_time(moments: Iterable[tuple[datetime, int]], scale: float = 1) -> dict[str, Json]:
    """Counts by day, month, year or decades, whatever gives a readable number of bars.

    ``{"per", "bins": [[from, count], …]}``; what lies between and has no values has bins too.
    """
    days: Counter[int] = Counter()
    for moment, n in moments:
        days[moment.toordinal()] += n
    if max(days) - min(days) < _MANY_DAYS:
        names = range(min(days), max(days) + 1)
        bins = [[_day(each), round(days[each] * scale)] for each in names]
        return {"per": "day", "bins": bins}
    months: Counter[int] = Counter()
    for day, n in days.items():
        date = datetime.fromordinal(day)  # noqa: DTZ - only a date
        months[date.year * 12 + date.month - 1] += n
    return _by_month(months, scale)


def _day(ordinal: int) -> str:
    return datetime.fromordinal(ordinal).date().isoformat()


def _by_month(months: Counter[int], scale: float) -> dict[str, Json]:
    low, high = min(months), max(months)
    if high - low < _MANY_MONTHS:
        return {
            "per": "month",
            "bins": [
                [f"{each // 12:04}-{each % 12 + 1:02}", round(months[each] * scale)]
                for each in range(low, high + 1)
            ],
        }
    size = next(each for each in (1, 10, 100, 1000) if (high - low) // 12 < _MANY_YEARS * each)
    years: Counter[int] = Counter()
    for month, n in months.items():
        years[month // 12 // size] += n
    return {
        "per": "year" if size == 1 else f"{size} years",
        "bins": [
            [f"{each * size:04}", round(years[each] * scale)]
            for each in range(min(years), max(years) + 1)
        ],
    }
