"""Functions that make one value of many. ``null`` among them does not count, as in SQL."""

import math
from typing import Any

from hub.expr import operators
from hub.expr.compare import greater, less
from hub.expr.functions.parameters import FieldName, Items, as_name, values_of
from hub.expr.functions.registry import function
from hub.expr.kinds import Number, bounded, number_of


@function("sum")
def total(items: Items, name: FieldName = None) -> Number:
    """The numbers added up, or a field of every item.

    sum([1, 2, 3]) → 6
    sum([{amount: 1.5}, {amount: 2}, {}], 'amount') → 3.5
    sum(null) → 0
    """
    return _sum([number_of(value) for value in values_of(items, name)])


@function("avg")
def average(items: Items, name: FieldName = None) -> Any:
    """The mean of the numbers; of nothing 0.

    avg([1, 2, 3]) → 2
    avg([{amount: 1}, {amount: null}, {amount: 2}], 'amount') → 1.5
    avg([]) → 0
    """
    numbers = [number_of(value) for value in values_of(items, name) if value is not None]
    return operators.divide(_sum(numbers), len(numbers)) if numbers else 0


@function("min")
def smallest(*values: Any) -> Any:
    """The smallest of a list, of a field of its items, or of the arguments; of nothing ``null``.

    min([3, 1, 2]) → 1
    min([{price: 3}, {price: 2}], 'price') → 2
    min(4, 3) → 3
    min([]) → null
    """
    best = None
    for value in _candidates(values):
        if best is None or less(value, best):
            best = value
    return best


@function("max")
def largest(*values: Any) -> Any:
    """The largest of a list, of a field of its items, or of the arguments; of nothing ``null``.

    max([3, 1, 2]) → 3
    max('2026-01-01', '2026-02-01') → '2026-02-01'
    """
    best = None
    for value in _candidates(values):
        if best is None or greater(value, best):
            best = value
    return best


def _candidates(values: tuple[Any, ...]) -> list[Any]:
    found = list(values)
    if values and isinstance(values[0], list) and len(values) <= 2:
        found = values_of(values[0], as_name(values[1]) if len(values) == 2 else None)
    return [value for value in found if value is not None]


def _sum(numbers: list[Number]) -> Number:
    """Integers exactly; floats as if added exactly and rounded once: ten times 0.1 is 1."""
    whole = sum(number for number in numbers if isinstance(number, int))
    fractions = [number for number in numbers if isinstance(number, float)]
    if not fractions:
        return bounded(whole)
    return bounded(operators.add(whole, math.fsum(fractions)))
