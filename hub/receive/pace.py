"""How many requests are taken in a time: of a source, of an address; by each server process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import ceil

from hub.errors import AccessError
from hub.model.source import Limit

_MOST = 50_000
"""So many are told apart: whoever was quiet the longest is forgotten, and may begin anew."""


@dataclass(slots=True)
class _Bucket:
    """Holds what may still be taken; it fills up steadily."""

    left: float
    at: float


class Pace:
    """Counts requests, each by what it is counted for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable, limit: Limit) -> None:
        """Count one request; a burst of as many as the limit says is taken at once.

        Raises:
            AccessError: ``too_many_requests`` with ``retry_after_s``; it was not counted.
        """
        now = self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(limit.requests, now)
        self._buckets[key] = bucket  # as the one that was seen last
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        _fill(bucket, limit, now)
        bucket.left -= 1

    def check(self, key: Hashable, limit: Limit) -> None:
        """See whether one more would be taken, and count nothing; raises as :meth:`take`."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            _fill(bucket, limit, self._clock())


def _fill(bucket: _Bucket, limit: Limit, now: float) -> None:
    """Give back what time gives back; raise AccessError where that is less than one request."""
    per_s = limit.requests / limit.per_s
    bucket.left = min(limit.requests, bucket.left + (now - bucket.at) * per_s)
    bucket.at = now
    if bucket.left < 1:
        wait_s = max(1, ceil((1 - bucket.left) / per_s))
        raise AccessError(
            f"More than {limit.requests:,} requests in {limit.per_s:g} s: try again in {wait_s} s.",
            code="too_many_requests",
            retry_after_s=wait_s,
        )
