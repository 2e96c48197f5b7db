"""What a text may stand for: a number, a date, an address. Data sets in CSV know texts only."""

import re
from datetime import UTC, datetime
from typing import Final, TypeAlias

Number: TypeAlias = int | float

FAMILIES: Final = {
    "integer": "number",
    "number": "number",
    "date": "date",
    "datetime": "date",
    "email": "text",
    "url": "text",
    "text": "text",
    "boolean": "boolean",
    "list": "list",
    "object": "object",
}
"""Kinds of one family stand in one column without being odd there."""
PLACEHOLDERS: Final = frozenset(
    {"-", "--", "?", "n/a", "#n/a", "na", "nan", "nil", "none", "null", "undefined", "unknown"}
)
"""What people write, in small letters, where a value is missing."""
LARGE: Final = 10**40
"""Integers from here on are reckoned as fractions are."""
BOOLEANS: Final = frozenset({"true", "false", "yes", "no"})
_NUMBER = re.compile(r"[+-]?(?!0\d)(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\".]+")
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_DAY = 10


def number_of(text: str) -> Number | None:
    """The number that a text is, with spaces around it or not.

    ``007`` is none: who writes it so means the digits. Neither is ``1,000`` or ``1_000``.
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    digits = text.lstrip("+-")
    if digits.isdigit() and len(digits) <= 40:
        return int(text)
    number = float(text)
    return number if abs(number) != float("inf") else None


def moment_of(text: str) -> datetime | None:
    """The instant that an ISO date or date and time is; UTC where no offset is written."""
    text = text.strip()
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the 30th of February, a year before the first
        return None


def kind_of(text: str) -> str:
    """What a text stands for, by name: a key of ``FAMILIES``."""
    if text.lower() in BOOLEANS:
        return "boolean"
    number = number_of(text)
    if number is not None:
        return "integer" if isinstance(number, int) else "number"
    if moment_of(text) is not None:
        return "date" if len(text.strip()) == _DAY else "datetime"
    if _EMAIL.fullmatch(text):
        return "email"
    return "url" if _URL.fullmatch(text) else "text"
