"""Functions that read instants, tell them and say when it is now; ``null`` stays ``null``.

An instant is ISO 8601 UTC text with microseconds; functions also take epoch seconds and
milliseconds. Days and longer go by the calendar of a time zone: the hub's unless one is named.
"""

from datetime import datetime
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, Text, ZoneName
from hub.expr.functions.registry import function
from hub.expr.moments import iso_of, moment_of
from hub.expr.relative import moved
from hub.expr.zones import day_start, instant_of, local, zone_of
from hub.model.time import US_PER_S


@function("now", clock=True, light=True)
def now(context: Context) -> str:
    """This instant; the same within one step.

    now() == now() → true
    """
    return iso_of(context.now_us())


@function("today", clock=True, zone=True, light=True)
def today(context: Context, zone: ZoneName = None) -> str:
    """The instant at which today began.

    today() == start_of_day(now()) → true
    """
    here = local(context.now_us(), zone_of(zone or context.zone))
    return iso_of(instant_of(day_start(here)))


@function("parse_date", light=True)
def parse_date(value: Any, zone: ZoneName = None) -> str | None:
    """ISO 8601 text, epoch seconds or milliseconds as an instant in UTC.

    Text without an offset counts as UTC, or as the time in a zone that is named.

    parse_date('2026-01-31') → '2026-01-31T00:00:00.000000Z'
    parse_date('2026-01-31T12:00:00+02:00') → '2026-01-31T10:00:00.000000Z'
    parse_date('2026-07-01 12:00', 'Europe/Berlin') → '2026-07-01T10:00:00.000000Z'
    parse_date(1767225600) → '2026-01-01T00:00:00.000000Z'
    parse_date(1767225600500) → '2026-01-01T00:00:00.500000Z'
    """
    moment = moment_of(value)
    if moment is None:
        return None
    if zone is not None and isinstance(value, str):
        moment = _as_in_zone(value.strip(), moment, zone)
    return iso_of(moment)


@function("transform_timestamp", zone=True, light=True)
def transform(context: Context, moment: Moment, change: Text, zone: ZoneName = None) -> str | None:
    """The instant that words lead to from another one: ``-7 days``, ``tomorrow 09:00``,
    ``last monday``, ``monday next week``, ``first day of next month``, several in a row.

    transform_timestamp('2026-03-05T17:20:00Z', '-7 days') → '2026-02-26T17:20:00.000000Z'
    transform_timestamp('2026-03-05T17:20:00Z', 'monday next week') → '2026-03-09T00:00:00.000000Z'
    """
    return None if moment is None else iso_of(moved(moment, change, zone_of(zone or context.zone)))


@function("to_timestamp", "to_ms", clock=True, zone=True, light=True)
def to_timestamp(context: Context, value: Any, zone: ZoneName = None) -> int | None:
    """Milliseconds since 1970, of a date or of a moment in words counted from now.

    to_timestamp('2026-01-01T00:00:00Z') → 1767225600000
    to_timestamp(1767225600) → 1767225600000
    to_timestamp('now') == to_timestamp(now()) → true
    """
    moment = _moment_in_words(context, value, zone)
    return None if moment is None else moment // 1_000


@function("to_seconds", clock=True, zone=True, light=True)
def to_seconds(context: Context, value: Any, zone: ZoneName = None) -> int | None:
    """Seconds since 1970, of a date or of a moment in words counted from now.

    to_seconds('2026-01-01T00:00:00Z') → 1767225600
    to_seconds('tomorrow') - to_seconds('today') → 86400
    """
    moment = _moment_in_words(context, value, zone)
    return None if moment is None else moment // US_PER_S


def _as_in_zone(text: str, moment: int, zone: str) -> int:
    """The instant of a text without an offset, which was read as UTC so far."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:  # an epoch number as text
        return moment
    return moment if read.tzinfo else instant_of(read.replace(tzinfo=zone_of(zone)))


def _moment_in_words(context: Context, value: Any, zone: str | None) -> int | None:
    try:
        return moment_of(value)
    except ExpressionError:
        if not isinstance(value, str):
            raise
    return moved(context.now_us(), value, zone_of(zone or context.zone))
