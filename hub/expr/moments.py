"""Instants: which values name one, and their one form as text."""

import re
from typing import Any

from hub.errors import ExpressionError
from hub.expr.kinds import decimal_of, unfit
from hub.model.time import US_PER_S, from_iso, to_iso

FIRST_US = -62_135_596_800 * US_PER_S
"""The start of year 1."""
LAST_US = 253_402_300_800 * US_PER_S - 1
"""The last microsecond of year 9999."""
_FROM_HERE_MS = 100_000_000_000
"""Epoch numbers from here on are milliseconds: as seconds they would lie past year 5000."""
_ISO_CHARS = 27
_DATE_DIGITS = 8
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)
SHORTEST = len("2026-01-01T00:00")


def instant(text: str) -> int | None:
    """Microseconds of a full ISO 8601 date-time (UTC unless it says), else ``None``.

    A date without a time is plain text here: its text order is right as it stands.
    """
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return from_iso(text)
    except ValueError:
        return None


def moment_of(value: Any) -> int | None:
    """Microseconds of ISO text, epoch seconds or milliseconds; ``null`` stays ``None``."""
    if value is None:
        return None
    if isinstance(value, str):
        return _read(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unfit("a date", value)
    return _from_epoch(value)


def iso_of(us: int) -> str:
    """ISO 8601 UTC text with microseconds and ``Z``; years below 1000 keep their zeros."""
    if not FIRST_US <= us <= LAST_US:
        raise ExpressionError("The date lies outside the years 1 to 9999.", code="expression_range")
    return to_iso(us).zfill(_ISO_CHARS)


def _read(text: str) -> int:
    number = decimal_of(text)
    if number is not None and not (len(text) == _DATE_DIGITS and text.isdigit()):
        return _from_epoch(number)
    try:
        us = from_iso(text)
    except ValueError as error:
        raise ExpressionError(
            "This text is no date: give ISO 8601 like 2026-01-31T12:00:00Z, "
            "epoch seconds or milliseconds.",
            code="expression_type",
        ) from error
    return us


def _from_epoch(number: float) -> int:
    if not abs(number) <= LAST_US:
        raise ExpressionError("The date lies outside the years 1 to 9999.", code="expression_range")
    scale = US_PER_S if abs(number) < _FROM_HERE_MS else 1000
    return round(number * scale)
