"""Functions on numbers."""

import decimal
import math
from typing import TypeAlias

from hub.errors import ExpressionError
from hub.expr.functions.parameters import Num, Whole
from hub.expr.functions.registry import function
from hub.expr.kinds import bounded, out_of_range
from hub.expr.limits import MAX_INTEGER_BITS, over

Number: TypeAlias = int | float

_EXACT = decimal.Context(prec=4_000)
_FLOAT_DIGITS = 17
_MOST_DIGITS = 2_000


@function("math_pow", light=True)
def math_pow(number: Num, exponent: Num) -> Number:
    """A number to a power; whole numbers stay exact.

    math_pow(2, 10) → 1024
    math_pow(2, 3) * 60 → 480
    math_pow(4, 0.5) → 2.0
    """
    if number == 0 and exponent < 0:
        raise ExpressionError("Division by zero: 0 has no negative power.", code="division_by_zero")
    if isinstance(number, int) and isinstance(exponent, int) and exponent >= 0:
        if abs(number) > 1 and number.bit_length() * exponent > MAX_INTEGER_BITS * 2:
            raise over("bits of an integer", MAX_INTEGER_BITS, "use a smaller power")
        return bounded(int(number**exponent))
    try:
        return bounded(math.pow(number, exponent))
    except (OverflowError, ValueError) as error:  # too big, or the root of a negative number
        raise out_of_range() from error


@function("round", light=True)
def to_nearest(number: Num, digits: Whole = 0) -> Number:
    """Rounded to so many digits after the point, halves away from zero.

    round(2.5) → 3
    round(-2.5) → -3
    round(1.005, 2) → 1.01
    round(1234, -2) → 1200
    """
    if digits >= _FLOAT_DIGITS or (digits >= 0 and isinstance(number, int)):
        return number
    if digits < -_MOST_DIGITS:
        return 0
    exact = decimal.Decimal(repr(number))
    step = decimal.Decimal(1).scaleb(-digits, _EXACT)
    rounded = exact.quantize(step, decimal.ROUND_HALF_UP, _EXACT)
    return bounded(int(rounded) if digits <= 0 else float(rounded))


@function("floor", light=True)
def floor(number: Num) -> int:
    """The next whole number below.

    floor(2.9) → 2
    floor(-2.1) → -3
    """
    return math.floor(number)


@function("ceil", light=True)
def ceil(number: Num) -> int:
    """The next whole number above.

    ceil(2.1) → 3
    """
    return math.ceil(number)


@function("abs", light=True)
def magnitude(number: Num) -> Number:
    """The number without its sign.

    abs(-5) → 5
    """
    return abs(number)
