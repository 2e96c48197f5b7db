"""Sum, mean and standard deviation from exact totals; rounded once, at the end."""

import math
from fractions import Fraction

from hub.datasets.exact import unfixed
from hub.datasets.kinds import Number
from hub.datasets.numbers import Numbers


def sum_of(numbers: Numbers) -> Number | Fraction:
    """The exact sum."""
    if not numbers.floats:
        return numbers.total
    return numbers.total + unfixed(numbers.fixed_total)


def mean_of(numbers: Numbers) -> Fraction:
    """The exact mean."""
    return Fraction(sum_of(numbers)) / numbers.n


def deviation(numbers: Numbers) -> float | None:
    """The standard deviation of a sample (divided by n - 1); None for fewer than two numbers."""
    if numbers.n < 2:
        return None
    pivot = Fraction(numbers.pivot)
    integers = numbers.n - numbers.floats
    squares = numbers.squares - 2 * pivot * numbers.total + integers * pivot**2
    squares += unfixed(numbers.fixed_squares)
    variance = (squares - numbers.n * (mean_of(numbers) - pivot) ** 2) / (numbers.n - 1)
    try:
        return math.sqrt(max(variance, Fraction(0)))
    except OverflowError:
        return None
