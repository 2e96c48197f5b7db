"""Functions that weigh or convert a single value."""

from typing import Any

from hub.expr.functions.parameters import Text
from hub.expr.functions.registry import function
from hub.expr.kinds import Number, number_of, truthy

_NO = frozenset({"", "0", "false", "no", "off", "null"})


@function("default", light=True)
def default(value: Any, fallback: Any) -> Any:
    """The value, or the fallback where it is ``null`` or ``''``; 0 and ``false`` stay.

    default(null, 'normal') → 'normal'
    '' | default: 'none' → 'none'
    default(0, 5) → 0
    """
    return fallback if value is None or value == "" else value


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


@function("to_float", light=True)
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
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    return truthy(value)


def _number(value: Any) -> Number:
    if not isinstance(value, str):
        return number_of(value)
    text = value.strip()
    return number_of(text) if text else 0
