"""Comparison of JSON values.

``==`` compares by value, lists and objects too. A number equals its decimal text, two full ISO
date-times are equal when they name the same instant, and nothing else is converted: ``null``
is not 0, ``true`` is not 1. ``===`` knows neither numeric text nor instants.

``<`` and its kind order numbers (with decimal text, and ``null`` as 0), texts by code point
(date-times by instant) and ``false`` before ``true``. Any other pair is in no order: false.
"""

import operator
from collections.abc import Callable
from typing import Any

from hub.expr.kinds import NUMBERS, Number, decimal_of
from hub.expr.moments import SHORTEST, instant


def equal(left: Any, right: Any) -> bool:
    """``==``"""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is str:
            return left == right or _at_one_instant(left, right)
        if kind is list or kind is dict:
            return _alike(equal, left, right)
        return bool(left == right)
    if kind is str and other in NUMBERS:
        return _is_decimal_of(left, right)
    if other is str and kind in NUMBERS:
        return _is_decimal_of(right, left)
    return kind in NUMBERS and other in NUMBERS and bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """``!=``"""
    return not equal(left, right)


def identical(left: Any, right: Any) -> bool:
    """``===``: equal by value and kind; 1 and 1.0 are one number."""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is list or kind is dict:
            return _alike(identical, left, right)
        return bool(left == right)
    return kind in NUMBERS and other in NUMBERS and bool(left == right)


def different(left: Any, right: Any) -> bool:
    """``!==``"""
    return not identical(left, right)


def less(left: Any, right: Any) -> bool:
    """``<``"""
    if left.__class__ in NUMBERS and right.__class__ in NUMBERS:
        return bool(left < right)
    return _ordered(operator.lt, left, right)


def at_most(left: Any, right: Any) -> bool:
    """``<=``"""
    if left.__class__ in NUMBERS and right.__class__ in NUMBERS:
        return bool(left <= right)
    return _ordered(operator.le, left, right)


def greater(left: Any, right: Any) -> bool:
    """``>``"""
    return less(right, left)


def at_least(left: Any, right: Any) -> bool:
    """``>=``"""
    return at_most(right, left)


def _alike(same: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if left is right:
        return True
    if len(left) != len(right):
        return False
    if isinstance(left, list):
        return all(map(same, left, right))
    return all(key in right and same(value, right[key]) for key, value in left.items())


def _is_decimal_of(text: str, number: Number) -> bool:
    return decimal_of(text) == number


def _at_one_instant(left: str, right: str) -> bool:
    if not _may_be_instants(left, right):
        return False
    moment = instant(left)
    return moment is not None and moment == instant(right)


def _may_be_instants(left: str, right: str) -> bool:
    """A cheap look that plain text hardly ever passes."""
    return (
        len(left) >= SHORTEST
        and len(right) >= SHORTEST
        and left[10] == "T" == right[10]
        and not (len(left) == len(right) and left[-1] == "Z" == right[-1])  # text order is right
    )


def _ordered(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return _texts_ordered(compare, left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left.__class__ is right.__class__ and compare(left, right)
    low, high = _rank(left), _rank(right)
    if low is None or high is None or (left is None and isinstance(right, str)):
        return False
    return not (right is None and isinstance(left, str)) and compare(low, high)


def _texts_ordered(compare: Callable[[Any, Any], bool], left: str, right: str) -> bool:
    if _may_be_instants(left, right):
        low, high = instant(left), instant(right)
        if low is not None and high is not None:
            return compare(low, high)
    return compare(left, right)


def _rank(value: Any) -> Number | None:
    if value is None:
        return 0
    if isinstance(value, str):
        return decimal_of(value)
    return value if value.__class__ in NUMBERS else None
