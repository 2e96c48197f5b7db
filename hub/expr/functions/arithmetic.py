"""Arithmetic by name, as pipes want it; the operators do the same."""

import math
from typing import cast

from hub.errors import ExpressionError
from hub.expr import operators
from hub.expr.functions.parameters import Num
from hub.expr.functions.registry import function
from hub.expr.kinds import Number, bounded, out_of_range
from hub.expr.limits import MAX_INTEGER_BITS, over


@function("add", light=True)
def add(number: Num, other: Num) -> Number:
    """The sum of two numbers; text counts as its number.

    add(2, 3) → 5
    add('2', 3) → 5
    """
    return cast("Number", operators.add(number, other))


@function("subtract", light=True)
def subtract(number: Num, other: Num) -> Number:
    """The first number less the second.

    subtract(10, 3) → 7
    """
    return operators.subtract(number, other)


@function("multiply", light=True)
def multiply(number: Num, other: Num) -> Number:
    """The product of two numbers.

    multiply(10, 2) → 20
    """
    return operators.multiply(number, other)


@function("divide", light=True)
def divide(number: Num, other: Num) -> Number:
    """The first number by the second.

    divide(10, 4) → 2.5
    """
    return operators.divide(number, other)


@function("mod", "modulus", light=True)
def remainder(number: Num, other: Num) -> Number:
    """What a division leaves, with the sign of the first number.

    mod(10, 3) → 1
    mod(-7, 3) → -1
    """
    return operators.remainder(number, other)


@function("sqrt", light=True)
def square_root(number: Num) -> Number:
    """The square root; of a square number whole and exact.

    sqrt(9) → 3
    sqrt(2.25) → 1.5
    """
    if number < 0:
        raise out_of_range()
    if isinstance(number, int):
        root = math.isqrt(number)
        if root * root == number:
            return root
    return math.sqrt(number)


@function("math_pow", "pow", light=True)
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
