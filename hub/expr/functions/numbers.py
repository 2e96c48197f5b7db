"""Functions that round, write and draw numbers."""

import decimal
import math
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.functions.parameters import Num, Text, Whole
from hub.expr.functions.registry import function
from hub.expr.kinds import Number, bounded, fits, number_of
from hub.expr.limits import over

_EXACT = decimal.Context(prec=4_000)
_FLOAT_DIGITS = 17
_MOST_DIGITS = 2_000
_MOST_DECIMALS = 100
_GROUP_DIGITS = 3


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


@function("number_format")
def number_format(
    number: Num, decimals: Whole = 0, point: Text = ".", separator: Text = ","
) -> str:
    """The number as text with so many decimals and its thousands apart.

    number_format(1234567.891) → '1,234,568'
    number_format(1234.5, 2) → '1,234.50'
    number_format(1234.5, 2, ',', '.') → '1.234,50'
    """
    if decimals > _MOST_DECIMALS:
        raise over("decimals of a number", _MOST_DECIMALS, "show fewer")
    places = max(decimals, 0)
    step = decimal.Decimal(1).scaleb(-places, _EXACT)
    rounded = decimal.Decimal(repr(number)).quantize(step, decimal.ROUND_HALF_UP, _EXACT)
    whole, _, fraction = f"{abs(rounded):,f}".partition(".")
    fits(len(separator) * whole.count(",") + len(point))
    sign = "-" if rounded < 0 else ""
    return sign + whole.replace(",", separator) + (point + fraction if fraction else "")


@function("random_number", random=True, light=True)
def random_number(context: Context, lowest: Any = None, highest: Any = None) -> Number:
    """A number of chance between two, both included: whole where both are whole.

    Without arguments it has a fraction and lies between 0 and 1. A resumed run draws the same.

    random_number(7, 7) → 7
    random_number() < 1 → true
    """
    low = number_of(lowest)
    high = 1.0 if highest is None and lowest is None else number_of(highest)
    if high < low:
        raise ExpressionError(
            "The highest number is below the lowest: random_number(1, 6).", code="expression_range"
        )
    source = context.random()
    if isinstance(low, int) and isinstance(high, int):
        return source.randint(low, high)
    return bounded(source.uniform(low, high))
