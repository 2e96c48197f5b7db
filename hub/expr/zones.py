"""Instants on the clocks and calendars of time zones, right where clocks are put on or back.

A time that a clock skips counts as so much later; of a time that comes twice the first counts,
unless an instant of the second time is moved and keeps its time of day.
Instants are microseconds since the epoch.
"""

import math
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.errors import ExpressionError
from hub.model.time import US_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400 * US_PER_S
_MOST_DAYS = 9_999 * 366
_MOST_MONTHS = 9_999 * 12
_LONGEST_NAME = 64


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        ExpressionError: ``expression_type``.
    """
    try:
        if len(name) <= _LONGEST_NAME:
            return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        pass
    raise ExpressionError(
        "There is no such time zone: give an IANA name like Europe/Berlin.", code="expression_type"
    )


def local(us: int, zone: ZoneInfo) -> datetime:
    """What clock and calendar show at an instant.

    Raises:
        ExpressionError: ``expression_range`` outside the years 1 to 9999.
    """
    try:
        return (_EPOCH + timedelta(microseconds=us)).astimezone(zone)
    except OverflowError as error:
        raise outside() from error


def instant_of(moment: datetime) -> int:
    """The instant at which clock and calendar show this."""
    return (moment - _EPOCH) // _MICROSECOND


def day_start(moment: datetime) -> datetime:
    """The first moment of its day: midnight, or when a skipped midnight would have been."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def day_end(moment: datetime) -> datetime:
    """The last microsecond of its day, the second one where that hour comes twice."""
    return moment.replace(hour=23, minute=59, second=59, microsecond=999_999, fold=1)


def days_later(moment: datetime, days: int) -> datetime:
    """The same time of day so many days later.

    Raises:
        ExpressionError: ``expression_range`` outside the years 1 to 9999.
    """
    try:
        return (moment + timedelta(days=days)).replace(fold=moment.fold)
    except OverflowError as error:
        raise outside() from error


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and time so many months later; a day that the month lacks becomes its last.

    Raises:
        ExpressionError: ``expression_range`` outside the years 1 to 9999.
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9_999:
        raise outside()
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def shift_days(us: int, days: float, zone: ZoneInfo) -> int:
    """So many days later by the calendar; a fraction of a day by the clock."""
    if not abs(days) <= _MOST_DAYS:
        raise outside()
    if zone.key == "UTC":
        return us + round(days * _DAY_US)
    whole = math.trunc(days)
    return instant_of(days_later(local(us, zone), whole)) + round((days - whole) * _DAY_US)


def shift_months(us: int, months: float, zone: ZoneInfo) -> int:
    """So many months later by the calendar, without a fraction."""
    if not abs(months) <= _MOST_MONTHS:
        raise outside()
    return instant_of(months_later(local(us, zone), int(months)))


def outside() -> ExpressionError:
    """The error for a date that cannot be told."""
    return ExpressionError("The date lies outside the years 1 to 9999.", code="expression_range")
