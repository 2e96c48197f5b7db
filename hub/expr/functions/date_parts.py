"""Functions that give numbers of dates: parts of one, and what lies between two.

They go by the calendar of a time zone, the hub's unless one is named.
"""

from collections.abc import Callable
from datetime import datetime

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, Word, ZoneName
from hub.expr.functions.registry import function
from hub.expr.zones import local, shift_days, shift_months, zone_of
from hub.model.time import US_PER_S

_EXACT_US = {
    "millisecond": 1_000,
    "second": US_PER_S,
    "minute": 60 * US_PER_S,
    "hour": 3_600 * US_PER_S,
}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UNITS = [f"{unit}s" for unit in (*_EXACT_US, *_DAYS, *_MONTHS)]


@function("date_diff", zone=True, light=True)
def date_diff(
    context: Context, start: Moment, end: Moment, unit: Word = "days", zone: ZoneName = None
) -> int | None:
    """How many whole units lie between two dates, below 0 where the second one is earlier.

    Units are milliseconds, seconds, minutes, hours, days, weeks, months, quarters and years. From
    days on they go by the calendar: from noon to noon is one day, however long it was.

    date_diff('2026-01-01', '2026-03-05') → 63
    date_diff('2026-01-31', '2026-02-28', 'months') → 1
    date_diff('2026-01-01T12:00:00Z', '2026-01-01T10:30:00Z', 'hours') → -1
    date_diff('2026-03-28T11:00Z', '2026-03-29T10:00Z', 'days', 'Europe/Berlin') → 1
    """
    if start is None or end is None:
        return None
    if start > end:
        return -_between(end, start, unit, zone or context.zone)
    return _between(start, end, unit, zone or context.zone)


@function("timestamp_year", zone=True, light=True)
def year(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The year.

    timestamp_year('2026-03-05T17:20:30Z') → 2026
    """
    return _part(context, moment, zone, lambda here: here.year)


@function("timestamp_month", zone=True, light=True)
def month(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The month, from 1.

    timestamp_month('2026-03-05T17:20:30Z') → 3
    """
    return _part(context, moment, zone, lambda here: here.month)


@function("timestamp_week", zone=True, light=True)
def week(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The number of the week as ISO 8601 counts, from 1; weeks begin on Monday.

    timestamp_week('2026-03-05T17:20:30Z') → 10
    """
    return _part(context, moment, zone, lambda here: here.isocalendar().week)


@function("timestamp_day_of_month", zone=True, light=True)
def day_of_month(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The day of the month, from 1.

    timestamp_day_of_month('2026-03-05T17:20:30Z') → 5
    timestamp_day_of_month('2026-03-05T23:20:30Z', 'Asia/Tokyo') → 6
    """
    return _part(context, moment, zone, lambda here: here.day)


@function("timestamp_day_of_week", zone=True, light=True)
def day_of_week(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The day of the week, from 0 for Sunday to 6.

    timestamp_day_of_week('2026-03-05T17:20:30Z') → 4
    timestamp_day_of_week('2026-03-08T00:00:00Z') → 0
    """
    return _part(context, moment, zone, lambda here: here.isoweekday() % 7)


@function("timestamp_day_of_year", zone=True, light=True)
def day_of_year(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The day of the year, from 1.

    timestamp_day_of_year('2026-03-05T17:20:30Z') → 64
    """
    return _part(context, moment, zone, lambda here: here.timetuple().tm_yday)


@function("timestamp_hour", zone=True, light=True)
def hour(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The hour, from 0.

    timestamp_hour('2026-03-05T17:20:30Z') → 17
    """
    return _part(context, moment, zone, lambda here: here.hour)


@function("timestamp_minute", zone=True, light=True)
def minute(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The minute, from 0.

    timestamp_minute('2026-03-05T17:20:30Z') → 20
    """
    return _part(context, moment, zone, lambda here: here.minute)


@function("timestamp_second", zone=True, light=True)
def second(context: Context, moment: Moment, zone: ZoneName = None) -> int | None:
    """The second, from 0.

    timestamp_second('2026-03-05T17:20:30Z') → 30
    """
    return _part(context, moment, zone, lambda here: here.second)


def _part(
    context: Context, moment: int | None, zone: str | None, read: Callable[[datetime], int]
) -> int | None:
    return None if moment is None else read(local(moment, zone_of(zone or context.zone)))


def _between(start: int, end: int, unit: str, zone_name: str) -> int:
    unit = unit.removesuffix("s")
    if unit in _EXACT_US:
        return (end - start) // _EXACT_US[unit]
    zone = zone_of(zone_name)
    first, last = local(start, zone), local(end, zone)
    if unit in _DAYS:
        size = _DAYS[unit]
        count = (last.date() - first.date()).days // size
        reached = shift_days(start, count * size, zone)
    elif unit in _MONTHS:
        size = _MONTHS[unit]
        count = ((last.year - first.year) * 12 + last.month - first.month) // size
        reached = shift_months(start, count * size, zone)
    else:
        raise ExpressionError(f"There is no such unit of time: use one of {', '.join(_UNITS)}.")
    return count - 1 if reached > end else count
