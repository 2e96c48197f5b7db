"""Dates as text by PHP's letters: ``Y-m-d`` is 2026-03-05. A backslash before a letter shows it.

That holds for ``\\t`` and its like too, which the text of an expression has made a tab by then:
``\\a\\t`` shows "at".
"""

from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from hub.expr.limits import MAX_FORMAT_CHARS, over

Piece: TypeAlias = Callable[[datetime], str]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ESCAPED = {"\t": "t", "\n": "n", "\r": "r", "\f": "f", "\b": "b"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_BIEL_OFFSET_S = 3_600
_BEAT_S = 86.4


def php_text(moment: datetime, pattern: str) -> str:
    """The moment by a pattern of letters.

    Raises:
        ExpressionError: ``expression_limit`` for a pattern that is too long.
    """
    return "".join([piece(moment) for piece in _pieces(pattern)])


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[Piece, ...]:
    if len(pattern) > MAX_FORMAT_CHARS:
        raise over("characters of a date format", MAX_FORMAT_CHARS, "shorten it")
    pieces: list[Piece] = []
    letters = iter(pattern)
    for letter in letters:
        if letter == "\\":
            pieces.append(fixed(next(letters, "\\")))
        else:
            pieces.append(_LETTERS.get(letter) or fixed(_ESCAPED.get(letter, letter)))
    return tuple(pieces)


def fixed(text: str) -> Piece:
    """A piece that is the same for every moment."""
    return lambda _: text


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th; 11th, 12th, 13th."""
    return f"{number}{_ending(number)}"


def offset(moment: datetime, colon: str) -> str:
    """The distance to UTC: +02:00, +0200."""
    seconds = offset_s(moment)
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}{colon}{minutes:02d}"


def offset_s(moment: datetime) -> int:
    """The distance to UTC in seconds."""
    return round((moment.utcoffset() or timedelta()).total_seconds())


def twelve(moment: datetime) -> int:
    """The hour from 1 to 12."""
    return moment.hour % 12 or 12


def seconds_of(moment: datetime) -> int:
    """Whole seconds since the epoch."""
    return (moment - _EPOCH) // _SECOND


def zone_name(moment: datetime) -> str:
    """The IANA name of the moment's time zone."""
    return str(moment.tzinfo)


def _ending(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _swatch_beat(moment: datetime) -> str:
    second = (seconds_of(moment) + _BIEL_OFFSET_S) % 86_400
    return f"{int(second / _BEAT_S):03d}"


def _iso_zulu(moment: datetime) -> str:
    return "Z" if not moment.utcoffset() else offset(moment, ":")


_LETTERS: dict[str, Piece] = {
    "d": lambda at: f"{at.day:02d}",
    "D": lambda at: WEEKDAYS[at.weekday()][:3],
    "j": lambda at: str(at.day),
    "l": lambda at: WEEKDAYS[at.weekday()],
    "N": lambda at: str(at.isoweekday()),
    "S": lambda at: _ending(at.day),
    "w": lambda at: str(at.isoweekday() % 7),
    "z": lambda at: str(at.timetuple().tm_yday - 1),
    "W": lambda at: f"{at.isocalendar().week:02d}",
    "F": lambda at: MONTHS[at.month - 1],
    "m": lambda at: f"{at.month:02d}",
    "M": lambda at: MONTHS[at.month - 1][:3],
    "n": lambda at: str(at.month),
    "t": lambda at: str(monthrange(at.year, at.month)[1]),
    "L": lambda at: str(int(isleap(at.year))),
    "o": lambda at: f"{at.isocalendar().year:04d}",
    "Y": lambda at: f"{at.year:04d}",
    "y": lambda at: f"{at.year % 100:02d}",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "B": _swatch_beat,
    "g": lambda at: str(twelve(at)),
    "G": lambda at: str(at.hour),
    "h": lambda at: f"{twelve(at):02d}",
    "H": lambda at: f"{at.hour:02d}",
    "i": lambda at: f"{at.minute:02d}",
    "s": lambda at: f"{at.second:02d}",
    "u": lambda at: f"{at.microsecond:06d}",
    "v": lambda at: f"{at.microsecond // 1000:03d}",
    "e": zone_name,
    "I": lambda at: str(int(bool(at.dst()))),
    "O": lambda at: offset(at, ""),
    "P": lambda at: offset(at, ":"),
    "p": _iso_zulu,
    "T": lambda at: at.tzname() or offset(at, ":"),
    "Z": lambda at: str(offset_s(at)),
    "c": lambda at: php_text(at, "Y-m-d\\TH:i:sP"),
    "r": lambda at: php_text(at, "D, d M Y H:i:s O"),
    "U": lambda at: str(seconds_of(at)),
}
