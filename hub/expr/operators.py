"""Arithmetic on JSON values.

``null`` is 0, ``true`` is 1, decimal text is its number; ``+`` joins as soon as one side is
text. Integers are exact at any size up to the limit; a division of integers that leaves no rest
is an integer. Dividing by zero is an error (``division_by_zero``), as Xano does: JavaScript's
Infinity has no place in JSON. The remainder takes the sign of its left side, as in JavaScript.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from hub.errors import ExpressionError
from hub.expr.kinds import NUMBERS, Number, bounded, fits, number_of, out_of_range, text_of

_QUICK = 1 << 62


def add(left: Any, right: Any) -> Any:
    """The sum, or both joined when one is text."""
    if left.__class__ in NUMBERS and right.__class__ in NUMBERS:
        return _reckon(operator.add, left, right)
    if isinstance(left, str) or isinstance(right, str):
        start, end = text_of(left), text_of(right)
        fits(len(start) + len(end))
        return start + end
    return _reckon(operator.add, number_of(left), number_of(right))


def subtract(left: Any, right: Any) -> Number:
    """The difference."""
    return _reckon(operator.sub, number_of(left), number_of(right))


def multiply(left: Any, right: Any) -> Number:
    """The product."""
    return _reckon(operator.mul, number_of(left), number_of(right))


def divide(left: Any, right: Any) -> Number:
    """The quotient: an integer where both are integers and nothing is left over."""
    dividend, divisor = number_of(left), _divisor(right)
    if isinstance(dividend, int) and isinstance(divisor, int):
        quotient, rest = divmod(dividend, divisor)
        if rest == 0:
            return quotient
    return _reckon(operator.truediv, dividend, divisor)


def remainder(left: Any, right: Any) -> Number:
    """What a division leaves, with the sign of the left side."""
    dividend, divisor = number_of(left), _divisor(right)
    if isinstance(dividend, int) and isinstance(divisor, int):
        rest = abs(dividend) % abs(divisor)
        return -rest if dividend < 0 else rest
    return _reckon(math.fmod, dividend, divisor)


def negate(value: Any) -> Number:
    """The number with the other sign."""
    return -number_of(value)


def _divisor(value: Any) -> Number:
    number = number_of(value)
    if number == 0:
        raise ExpressionError(
            "Division by zero: check the divisor first (`b ? a / b : 0`).",
            code="division_by_zero",
        )
    return number


def _reckon(apply: Callable[[Any, Any], Number], left: Number, right: Number) -> Number:
    try:
        result = apply(left, right)
    except OverflowError as error:  # an integer that no float can hold
        raise out_of_range() from error
    if -_QUICK < result < _QUICK:
        return result
    return bounded(result)
