"""How long things took: percentiles of a measurement."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds; all 0 where nothing was measured."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def latency(durations_ms: Iterable[float]) -> Latency:
    """The percentiles of some durations, in any order."""
    ordered = sorted(durations_ms)
    p50, p95, p99, longest = (percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0))
    return Latency(p50, p95, p99, longest)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that ``share`` of all values do not exceed."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
