"""Functions that weigh or convert a single value."""

from typing import Any

from hub.expr.functions.parameters import Text
from hub.expr.functions.registry import function
from hub.expr.kinds import Number, is_blank, number_of, truthy
from hub.expr.limits import MAX_NUMBER_CHARS

_NO = frozenset({"", "0", "false", "no", "off", "null"})
_MOST_CHARS = 1_000
"""Longer text says neither yes nor no, so it is true as any text."""


@function("default", light=True)
def default(value: Any, fallback: Any) -> Any:
    """The value, or the fallback where it is ``null`` or ``''``; 0 and ``false`` stay.

    default(null, 'normal') → 'normal'
    '' | default: 'none' → 'none'
    default(0, 5) → 0
    """
    return fallback if value is None or value == "" else value


@function("first_notnull", light=True)
def first_not_null(*values: Any) -> Any:
    """The first value that is not ``null``.

    first_notnull(null, 0, 1) → 0
    null | first_notnull: 'none' → 'none'
    """
    return next((value for value in values if value is not None), None)


@function("first_notempty", light=True)
def first_not_blank(*values: Any) -> Any:
    """The first value that is not empty as Xano counts it (``null false 0 '0' '' [] {}``); if all
    are, the last.

    first_notempty('', 0, 'a') → 'a'
    first_notempty(null, '') → ''
    """
    return next((value for value in values if not is_blank(value)), values[-1] if values else None)


@function("is_null", light=True)
def is_null(value: Any) -> bool:
    """Whether this is ``null``, or missing.

    is_null({}.name) → true
    is_null('') → false
    """
    return value is None


@function("is_empty", light=True)
def is_empty(value: Any) -> bool:
    """Whether this is ``null``, ``''``, ``[]`` or ``{}``.

    is_empty([]) → true
    is_empty(0) → false
    """
    return value is None or (isinstance(value, str | list | dict) and not value)


@function("to_int", light=True)
def to_int(value: Any) -> int:
    """A whole number, the fraction cut off; ``null`` and empty text are 0.

    to_int('12.7') → 12
    to_int(-1.5) → -1
    to_int(' 3 ') → 3
    to_int(null) → 0
    """
    return int(_number(value))


@function("to_float", "to_decimal", light=True)
def to_float(value: Any) -> float:
    """A number with a fraction; ``null`` and empty text are 0.

    to_float('2.50') → 2.5
    to_float(3) → 3.0
    """
    return float(_number(value))


@function("to_text")
def to_text(text: Text) -> str:
    """The value as it joins with text: ``null`` is '', lists and objects are JSON.

    to_text(5) → '5'
    to_text([1, true]) → '[1,true]'
    to_text(null) → ''
    """
    return text


@function("to_bool")
def to_bool(value: Any) -> bool:
    """True or false; the texts false, no, off, null and 0 are false, whatever their case.

    to_bool('False') → false
    to_bool('yes') → true
    to_bool(0) → false
    """
    if isinstance(value, str) and len(value) <= _MOST_CHARS:
        return value.strip().lower() not in _NO
    return truthy(value)


@function("is_text", light=True)
def is_text(value: Any) -> bool:
    """Whether this is text.

    is_text('5') → true
    """
    return isinstance(value, str)


@function("is_int", light=True)
def is_int(value: Any) -> bool:
    """Whether this is a number without a fraction.

    is_int(5) → true
    is_int('5') → false
    """
    return value.__class__ is int or (value.__class__ is float and value.is_integer())


@function("is_decimal", light=True)
def is_decimal(value: Any) -> bool:
    """Whether this is a number with a fraction.

    is_decimal(5.5) → true
    is_decimal(5) → false
    """
    return value.__class__ is float and not value.is_integer()


@function("is_bool", light=True)
def is_bool(value: Any) -> bool:
    """Whether this is ``true`` or ``false``.

    is_bool(false) → true
    """
    return isinstance(value, bool)


@function("is_array", light=True)
def is_array(value: Any) -> bool:
    """Whether this is a list.

    is_array([]) → true
    """
    return isinstance(value, list)


@function("is_object", light=True)
def is_object(value: Any) -> bool:
    """Whether this is an object.

    is_object({}) → true
    is_object([]) → false
    """
    return isinstance(value, dict)


def _number(value: Any) -> Number:
    if not isinstance(value, str) or len(value) > MAX_NUMBER_CHARS:
        return number_of(value)
    text = value.strip()
    return number_of(text) if text else 0
