"""Functions that give the first instant and the last microsecond of a day, week, month or year.

They go by the calendar of a time zone, the hub's unless one is named; weeks begin on Monday.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import datetime

from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, ZoneName
from hub.expr.functions.registry import function
from hub.expr.moments import iso_of
from hub.expr.zones import day_end, day_start, days_later, instant_of, local, zone_of


@function("start_of_day", zone=True, light=True)
def start_of_day(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The instant at which that day began.

    start_of_day('2026-03-05T17:20:00Z') → '2026-03-05T00:00:00.000000Z'
    start_of_day('2026-03-05T23:30:00Z', 'Europe/Berlin') → '2026-03-05T23:00:00.000000Z'
    """
    return _bound(context, moment, zone, day_start)


@function("end_of_day", zone=True, light=True)
def end_of_day(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The last microsecond of that day.

    end_of_day('2026-03-05T17:20:00Z') → '2026-03-05T23:59:59.999999Z'
    """
    return _bound(context, moment, zone, day_end)


@function("start_of_week", zone=True, light=True)
def start_of_week(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The instant at which the Monday of that week began.

    start_of_week('2026-03-05T17:20:00Z') → '2026-03-02T00:00:00.000000Z'
    """
    return _bound(context, moment, zone, lambda here: day_start(_monday(here)))


@function("end_of_week", zone=True, light=True)
def end_of_week(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The last microsecond of the Sunday of that week.

    end_of_week('2026-03-05T17:20:00Z') → '2026-03-08T23:59:59.999999Z'
    """
    return _bound(context, moment, zone, lambda here: day_end(days_later(_monday(here), 6)))


@function("start_of_month", zone=True, light=True)
def start_of_month(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The instant at which that month began.

    start_of_month('2026-03-05T17:20:00Z') → '2026-03-01T00:00:00.000000Z'
    """
    return _bound(context, moment, zone, lambda here: day_start(here.replace(day=1)))


@function("end_of_month", zone=True, light=True)
def end_of_month(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The last microsecond of that month.

    end_of_month('2028-02-05T17:20:00Z') → '2028-02-29T23:59:59.999999Z'
    """
    return _bound(context, moment, zone, lambda here: day_end(_month_end(here)))


@function("start_of_year", zone=True, light=True)
def start_of_year(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The instant at which that year began.

    start_of_year('2026-03-05T17:20:00Z') → '2026-01-01T00:00:00.000000Z'
    """
    return _bound(context, moment, zone, lambda here: day_start(here.replace(month=1, day=1)))


@function("end_of_year", zone=True, light=True)
def end_of_year(context: Context, moment: Moment, zone: ZoneName = None) -> str | None:
    """The last microsecond of that year.

    end_of_year('2026-03-05T17:20:00Z') → '2026-12-31T23:59:59.999999Z'
    """
    return _bound(context, moment, zone, lambda here: day_end(here.replace(month=12, day=31)))


def _bound(
    context: Context,
    moment: int | None,
    zone: str | None,
    bound: Callable[[datetime], datetime],
) -> str | None:
    if moment is None:
        return None
    return iso_of(instant_of(bound(local(moment, zone_of(zone or context.zone)))))


def _monday(here: datetime) -> datetime:
    return days_later(here, -here.weekday())


def _month_end(here: datetime) -> datetime:
    return here.replace(day=monthrange(here.year, here.month)[1])
