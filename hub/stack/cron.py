"""Cron lines: five fields, in a time zone, right on the days when the clocks change.

Where an hour is skipped, what falls into it fires right behind it; where one comes twice, it
fires once (``cronsim`` does it as Debian's cron does).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from hub.model.time import US_PER_S

_FIELDS = 5
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@lru_cache(maxsize=1024)
def check_cron(line: str) -> str:
    """The line, as five fields.

    Raises:
        ValueError: it is none, or never fires.
    """
    plain = _NICKNAMES.get(line.strip().lower(), line)
    fields = plain.split()
    if len(fields) != _FIELDS:
        raise ValueError(
            f"A cron line has five fields (minute, hour, day, month, weekday), not {len(fields)}"
        )
    plain = " ".join(fields)
    try:
        next(CronSim(plain, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(
            f"{plain[:60]!r} is no cron line ({str(error).lower()}): write minute, hour, day, "
            "month and weekday, such as '0 6 * * 1-5'"
        ) from None
    except StopIteration:
        raise ValueError("This cron line never fires: no such day exists") from None
    return plain


def fires_after(line: str, us: int, zone: str) -> Iterator[int]:
    """The times after ``us`` at which a checked line fires, in microseconds since the epoch."""
    begin = datetime.fromtimestamp(us // US_PER_S, ZoneInfo(zone))
    for moment in CronSim(line, begin):
        yield int(moment.timestamp()) * US_PER_S


def last_fire_until(line: str, us: int, zone: str) -> int:
    """The newest time at which a checked line has fired until ``us``."""
    begin = datetime.fromtimestamp(us // US_PER_S + 1, ZoneInfo(zone))
    return int(next(CronSim(line, begin, reverse=True)).timestamp()) * US_PER_S
