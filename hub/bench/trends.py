"""Whether something grows: a straight line through what was seen of it again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_HOUR_S = 3600.0
_NOISES = 3.0
"""What grew by no more than so many times its own scatter has not been seen to grow."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A fit over ``span_s`` seconds; everything else is in the unit of what was seen."""

    per_hour: float
    grown: float
    """By how much the line rises from its beginning to its end."""
    scatter: float
    """The standard deviation around the line."""
    span_s: float

    def is_flat(self, most_per_hour: float, least: float) -> bool:
        """Whether it grows no faster than that; a growth below ``least`` in all is not counted,
        nor one that is lost in its scatter."""
        seen = self.grown > max(least, _NOISES * self.scatter)
        return not (seen and self.per_hour > most_per_hour)


def trend_of(points: Sequence[tuple[float, float]]) -> Trend:
    """The line of least squares through pairs of seconds and values; flat for fewer than two."""
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return Trend(0.0, 0.0, 0.0, 0.0)
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    span_s = points[-1][0] - points[0][0]
    return Trend(slope * _HOUR_S, slope * span_s, sqrt(left / count), span_s)
