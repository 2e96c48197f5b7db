"""Time: integer microseconds since the epoch inside, ISO 8601 UTC text at the edges."""

import time
from datetime import UTC, datetime

US_PER_S = 1_000_000


def now_us() -> int:
    """This machine's wall clock. Leases and due times use the database's clock instead."""
    return time.time_ns() // 1000


def to_iso(us: int) -> str:
    """For example ``2026-11-23T20:15:00.123456Z``: time order is text order."""
    seconds, micros = divmod(us, US_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{micros:06d}Z"


def from_iso(text: str) -> int:
    """Microseconds of an ISO 8601 date-time; without an offset it counts as UTC.

    Raises:
        ValueError: the text is no date-time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * US_PER_S + moment.microsecond
