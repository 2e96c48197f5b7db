"""Moments in words, counted from an instant: ``-7 days``, ``tomorrow 09:00``, ``last monday``.

The words are PHP's, as Xano takes them. Phrases are applied from left to right, on the clock and
calendar of a time zone. A weekday alone is today where it fits, and begins at midnight.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from typing import TypeAlias
from zoneinfo import ZoneInfo

from hub.errors import ExpressionError
from hub.expr.limits import MAX_FORMAT_CHARS, over
from hub.expr.zones import (
    day_start,
    days_later,
    instant_of,
    local,
    months_later,
    shift_days,
    shift_months,
)
from hub.model.time import US_PER_S

Match: TypeAlias = re.Match[str]
Move: TypeAlias = Callable[[int, Match, ZoneInfo], int]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WAYS = {"next": 1, "last": -1, "previous": -1, "this": 0}
_EXACT_US = {
    "ms": 1_000, "msec": 1_000, "millisecond": 1_000,
    "sec": US_PER_S, "second": US_PER_S,
    "min": 60 * US_PER_S, "minute": 60 * US_PER_S,
    "hour": 3_600 * US_PER_S,
}  # fmt: skip
_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS = {"month": 1, "year": 12}
_WORDS = {"yesterday": -1, "today": 0, "midnight": 0, "tomorrow": 1}
"""Days whose beginning is meant."""


def moved(us: int, words: str, zone: ZoneInfo) -> int:
    """The instant that the words lead to.

    Raises:
        ExpressionError: ``expression_type`` for words that are not understood,
            ``expression_range`` outside the years 1 to 9999.
    """
    if len(words) > MAX_FORMAT_CHARS:
        raise over("characters of a moment in words", MAX_FORMAT_CHARS, "shorten it")
    left = " ".join(words.lower().split())
    while True:
        move, match = _phrase(left)
        us = move(us, match, zone)
        left = left[match.end() :]
        if not left:
            return us


def _phrase(words: str) -> tuple[Move, Match]:
    for pattern, move in _PHRASES:
        match = pattern.match(words)
        if match:
            return move, match
    raise ExpressionError(
        "This moment in words is not understood: write -7 days, tomorrow 09:00, next monday, "
        "monday next week or first day of next month.",
        code="expression_type",
    )


def _stay(us: int, _: Match, __: ZoneInfo) -> int:
    return us


def _amount(us: int, match: Match, zone: ZoneInfo) -> int:
    count = int(match["amount"].replace(" ", ""))
    return _by(us, -count if match["ago"] else count, match["unit"], zone)


def _way(us: int, match: Match, zone: ZoneInfo) -> int:
    return _by(us, _WAYS[match["way"]], match["unit"], zone)


def _by(us: int, count: int, unit: str, zone: ZoneInfo) -> int:
    if unit in _EXACT_US:
        return us + count * _EXACT_US[unit]
    if unit in _DAYS:
        return shift_days(us, count * _DAYS[unit], zone)
    return shift_months(us, count * _MONTHS[unit], zone)


def _day(us: int, match: Match, zone: ZoneInfo) -> int:
    return instant_of(day_start(days_later(local(us, zone), _WORDS[match["word"]])))


def _clock(us: int, match: Match, zone: ZoneInfo) -> int:
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    start = day_start(local(us, zone))
    return instant_of(start.replace(hour=hour, minute=minute, second=second))


def _noon(us: int, _: Match, zone: ZoneInfo) -> int:
    return instant_of(day_start(local(us, zone)).replace(hour=12))


def _month_edge(us: int, match: Match, zone: ZoneInfo) -> int:
    here = months_later(local(us, zone), _WAYS[match["way"] or "this"])
    last = monthrange(here.year, here.month)[1]
    return instant_of(here.replace(day=1 if match["edge"] == "first" else last))


def _weekday(us: int, match: Match, zone: ZoneInfo) -> int:
    here = local(us, zone)
    ahead = (_WEEKDAYS.index(match["weekday"][:3]) - here.weekday()) % 7
    way = _WAYS[match["way"] or "this"]
    if way > 0:
        ahead = ahead or 7
    elif way < 0:
        ahead -= 7
    return instant_of(day_start(days_later(here, ahead)))


def _weekday_of_week(us: int, match: Match, zone: ZoneInfo) -> int:
    here = local(us, zone)
    ahead = _WEEKDAYS.index(match["weekday"][:3]) - here.weekday() + 7 * _WAYS[match["way"]]
    return instant_of(day_start(days_later(here, ahead)))


def _any_of(group: str, words: Iterable[str]) -> str:
    return f"(?P<{group}>{'|'.join(words)})"


_UNIT = _any_of("unit", [*_EXACT_US, *_DAYS, *_MONTHS]) + "s?"
_WAY = _any_of("way", _WAYS)
_WEEKDAY = _any_of("weekday", [*_LONG_WEEKDAYS, *_WEEKDAYS])
_PHRASES: list[tuple[re.Pattern[str], Move]] = [
    (re.compile(rf"{pattern}(?:[\s,]+|$|(?=[+-]))", re.ASCII), move)
    for pattern, move in [
        ("now", _stay),
        (_any_of("word", _WORDS), _day),
        ("noon", _noon),
        (r"(?:at )?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?", _clock),
        (rf"(?P<amount>[+-]? ?\d{{1,9}}) ?{_UNIT}(?P<ago> ago)?", _amount),
        (rf"(?P<edge>first|last) day of(?: {_WAY} month)?", _month_edge),
        (rf"{_WEEKDAY} {_WAY} week", _weekday_of_week),
        (rf"(?:{_WAY} )?{_WEEKDAY}", _weekday),
        (rf"{_WAY} {_UNIT}", _way),
    ]
]
