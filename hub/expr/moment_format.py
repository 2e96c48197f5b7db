"""Dates as text by moment's words, as Make has them: ``YYYY-MM-DD`` is 2026-03-05. Text in square
brackets is shown as it is."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from hub.expr.limits import MAX_FORMAT_CHARS, over
from hub.expr.php_format import (
    MONTHS,
    WEEKDAYS,
    fixed,
    offset,
    ordinal,
    seconds_of,
    twelve,
    zone_name,
)

Piece: TypeAlias = Callable[[datetime], str]

_MOST_DIGITS = 9


def moment_text(moment: datetime, pattern: str) -> str:
    """The moment by a pattern of words.

    Raises:
        ExpressionError: ``expression_limit`` for a pattern that is too long.
    """
    return "".join([piece(moment) for piece in _pieces(pattern)])


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[Piece, ...]:
    if len(pattern) > MAX_FORMAT_CHARS:
        raise over("characters of a date format", MAX_FORMAT_CHARS, "shorten it")
    return tuple(_piece(match[0]) for match in _WORD.finditer(pattern))


def _piece(word: str) -> Piece:
    if word in _WORDS:
        return _WORDS[word]
    if word.startswith("[") and word.endswith("]"):
        return fixed(word[1:-1])
    if word.startswith("S"):
        digits = len(word)
        return lambda at: f"{at.microsecond:06d}".ljust(digits, "0")[:digits]
    return fixed(word)


def _saturday(at: datetime) -> date:
    """The end of the week that begins on Sunday; it says which week of which year that is."""
    return at.date() + timedelta(days=6 - at.isoweekday() % 7)


def _week(at: datetime) -> int:
    return (_saturday(at).timetuple().tm_yday - 1) // 7 + 1


def _quarter(at: datetime) -> int:
    return (at.month + 2) // 3


def _year_day(at: datetime) -> int:
    return at.timetuple().tm_yday


_WORDS: dict[str, Piece] = {
    "YYYY": lambda at: f"{at.year:04d}",
    "YY": lambda at: f"{at.year % 100:02d}",
    "Y": lambda at: str(at.year),
    "GGGG": lambda at: f"{at.isocalendar().year:04d}",
    "GG": lambda at: f"{at.isocalendar().year % 100:02d}",
    "gggg": lambda at: f"{_saturday(at).year:04d}",
    "gg": lambda at: f"{_saturday(at).year % 100:02d}",
    "Q": lambda at: str(_quarter(at)),
    "Qo": lambda at: ordinal(_quarter(at)),
    "MMMM": lambda at: MONTHS[at.month - 1],
    "MMM": lambda at: MONTHS[at.month - 1][:3],
    "MM": lambda at: f"{at.month:02d}",
    "Mo": lambda at: ordinal(at.month),
    "M": lambda at: str(at.month),
    "WW": lambda at: f"{at.isocalendar().week:02d}",
    "Wo": lambda at: ordinal(at.isocalendar().week),
    "W": lambda at: str(at.isocalendar().week),
    "ww": lambda at: f"{_week(at):02d}",
    "wo": lambda at: ordinal(_week(at)),
    "w": lambda at: str(_week(at)),
    "DDDD": lambda at: f"{_year_day(at):03d}",
    "DDDo": lambda at: ordinal(_year_day(at)),
    "DDD": lambda at: str(_year_day(at)),
    "DD": lambda at: f"{at.day:02d}",
    "Do": lambda at: ordinal(at.day),
    "D": lambda at: str(at.day),
    "dddd": lambda at: WEEKDAYS[at.weekday()],
    "ddd": lambda at: WEEKDAYS[at.weekday()][:3],
    "dd": lambda at: WEEKDAYS[at.weekday()][:2],
    "do": lambda at: ordinal(at.isoweekday() % 7),
    "d": lambda at: str(at.isoweekday() % 7),
    "e": lambda at: str(at.isoweekday() % 7),
    "E": lambda at: str(at.isoweekday()),
    "HH": lambda at: f"{at.hour:02d}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{twelve(at):02d}",
    "h": lambda at: str(twelve(at)),
    "kk": lambda at: f"{at.hour or 24:02d}",
    "k": lambda at: str(at.hour or 24),
    "mm": lambda at: f"{at.minute:02d}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02d}",
    "s": lambda at: str(at.second),
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "ZZ": lambda at: offset(at, ""),
    "Z": lambda at: offset(at, ":"),
    "zz": lambda at: at.tzname() or zone_name(at),
    "z": lambda at: at.tzname() or zone_name(at),
    "X": lambda at: str(seconds_of(at)),
    "x": lambda at: str(seconds_of(at) * 1000 + at.microsecond // 1000),
    "LTS": lambda at: moment_text(at, "h:mm:ss A"),
    "LT": lambda at: moment_text(at, "h:mm A"),
    "LLLL": lambda at: moment_text(at, "dddd, MMMM D, YYYY h:mm A"),
    "LLL": lambda at: moment_text(at, "MMMM D, YYYY h:mm A"),
    "LL": lambda at: moment_text(at, "MMMM D, YYYY"),
    "L": lambda at: moment_text(at, "MM/DD/YYYY"),
    "llll": lambda at: moment_text(at, "ddd, MMM D, YYYY h:mm A"),
    "lll": lambda at: moment_text(at, "MMM D, YYYY h:mm A"),
    "ll": lambda at: moment_text(at, "MMM D, YYYY"),
    "l": lambda at: moment_text(at, "M/D/YYYY"),
}
_LONGEST_FIRST = sorted(_WORDS, key=len, reverse=True)
_WORD = re.compile(rf"\[[^\[\]]*\]|{'|'.join(_LONGEST_FIRST)}|S{{1,{_MOST_DIGITS}}}|.", re.DOTALL)
