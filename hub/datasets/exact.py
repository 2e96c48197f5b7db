"""Sums of floats that do not depend on the order of the summands, because nothing is rounded."""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

_BITS: Final = 1074
"""The smallest float is 2 to the minus 1074: every float is a whole number of these."""


def fixed(value: float) -> int:
    """A finite float, counted in the smallest float."""
    numerator, denominator = value.as_integer_ratio()
    return numerator << (_BITS + 1 - denominator.bit_length())


def fixed_sum(values: Iterable[float]) -> int | None:
    """The exact sum, counted in the smallest float; None if a value is infinite or none.

    ``fsum`` gives the float next to the sum; what is left of it is summed again.
    """
    parts = list(values)
    total = 0
    try:
        while part := math.fsum(parts):
            total += fixed(part)
            parts.append(-part)
    except (OverflowError, ValueError):
        return None
    return total


def unfixed(value: int) -> Fraction:
    """What a fixed sum stands for."""
    return Fraction(value, 1 << _BITS)
