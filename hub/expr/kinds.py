"""What a value is, whether it counts as true, and how it reads as text or as a number.

No message here or elsewhere in this package quotes a value: it may be a secret from ``env``.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from hub.errors import ExpressionError, InvalidError
from hub.expr.limits import MAX_INTEGER_BITS, MAX_NUMBER_CHARS, MAX_TEXT_CHARS, over
from hub.expr.sizes import chars_of
from hub.model.json import dumps

Number: TypeAlias = int | float

NUMBERS: frozenset[Any] = frozenset({int, float})
"""Exact classes: ``bool`` is an ``int`` to Python, and not here."""
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_EXACT_FLOAT = 1e16
_QUICK = 1 << 62
"""Results below need no closer look."""


def kind_of(value: Any) -> str:
    """What a person calls it."""
    if value is None:
        return "null"
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    return "a foreign value"


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (Mapping, "an object"),
)


def unfit(expected: str, value: Any, hint: str = "") -> ExpressionError:
    """The error for a value of the wrong kind."""
    advice = f" {hint}" if hint else ""
    return ExpressionError(
        f"Needs {expected}, but this is {kind_of(value)}.{advice}", code="expression_type"
    )


def truthy(value: Any) -> bool:
    """False for ``null``, ``false``, 0, ``''`` and NaN; empty lists and objects are true."""
    kind = value.__class__
    if kind is bool:
        return bool(value)
    if kind is float:
        return bool(value == value and value != 0)
    if kind is list or kind is dict:
        return True
    return value is not None and value != 0 and value != ""


def is_blank(value: Any) -> bool:
    """Whether Xano calls it empty: what counts as false, and also ``'0'``, ``[]`` and ``{}``."""
    return not value or value == "0" or not truthy(value)


def text_of(value: Any) -> str:
    """The value as it joins with text: ``null`` is nothing, lists and objects are compact JSON.

    A float without a fraction reads as people write it: 5, not 5.0.
    """
    kind = value.__class__
    if kind is str:
        return str(value)
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        bounded(value)
        if abs(value) < _EXACT_FLOAT and value.is_integer():
            return str(int(value))
    return json_of(value)


def json_of(value: Any) -> str:
    """The value as compact JSON.

    Raises:
        ExpressionError: ``expression_limit`` where it is too long, ``expression_type`` where it
            is no JSON value.
    """
    fits(chars_of(value, MAX_TEXT_CHARS))
    return fitting(_json_text(value))


def _json_text(value: Any) -> str:
    try:
        return dumps(value).decode()
    except InvalidError as error:
        raise ExpressionError(
            f"This cannot be written as JSON: {kind_of(value)}.", code="expression_type"
        ) from error


def fitting(text: str) -> str:
    """The text itself, unless it is too long."""
    fits(len(text))
    return text


def fits(chars: int) -> None:
    """Refuse a text of so many characters before it is made."""
    if chars > MAX_TEXT_CHARS:
        raise over("characters of text", MAX_TEXT_CHARS, "shorten or split the text")


def decimal_of(text: str) -> Number | None:
    """The number that the text is the decimal form of, else ``None``."""
    if len(text) > MAX_NUMBER_CHARS or not _DECIMAL.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return number if math.isfinite(number) else None


def number_of(value: Any) -> Number:
    """The value in arithmetic: ``null`` is 0, ``true`` is 1, decimal text is its number."""
    kind = value.__class__
    if kind in NUMBERS:
        return bounded(value)
    if value is None:
        return 0
    if kind is bool:
        return int(value)
    number = decimal_of(value) if isinstance(value, str) else None
    if number is None:
        raise unfit("a number", value, "Convert it first, or give a default.")
    return bounded(number)


def bounded(number: Number) -> Number:
    """The number itself, if JSON can hold it and it is no giant."""
    if -_QUICK < number < _QUICK:
        return number
    if isinstance(number, float):
        if not math.isfinite(number):
            raise out_of_range()
    elif number.bit_length() > MAX_INTEGER_BITS:
        raise over("bits of an integer", MAX_INTEGER_BITS, "use smaller numbers")
    return number


def out_of_range() -> ExpressionError:
    """The error for what would be infinite, or no number at all."""
    return ExpressionError(
        "The result is beyond the range of numbers: use smaller ones.", code="expression_range"
    )
