"""Functions that make one value of many. ``null`` among them does not count, as in SQL."""

import math
from typing import Any

from hub.expr import operators
from hub.expr.compare import greater, less
from hub.expr.context import Context
from hub.expr.functions.parameters import Each, Items, as_name
from hub.expr.functions.registry import function
from hub.expr.functions.rows import of_each
from hub.expr.kinds import Number, bounded, number_of
from hub.expr.walk import getter


@function("sum")
def total(context: Context, items: Items, field: Each = None) -> Number:
    """The numbers added up, or a field or an expression of every item.

    sum([1, 2, 3]) → 6
    sum([{amount: 1.5}, {amount: 2}, {}], 'amount') → 3.5
    sum([{price: 2, pieces: 3}, {price: 5, pieces: 1}], item.price * item.pieces) → 11
    sum(null) → 0
    """
    return _sum([number_of(value) for value in of_each(context, items, field)])


@function("avg", "average")
def mean(context: Context, items: Items, field: Each = None) -> Any:
    """The mean of the numbers, or of a field or an expression of every item; of nothing 0.

    avg([1, 2, 3]) → 2
    avg([{amount: 1}, {amount: null}, {amount: 2}], 'amount') → 1.5
    avg([]) → 0
    """
    values = of_each(context, items, field)
    numbers = [number_of(value) for value in values if value is not None]
    return operators.divide(_sum(numbers), len(numbers)) if numbers else 0


@function("product")
def product(context: Context, items: Items, field: Each = None) -> Number:
    """The numbers multiplied, or a field or an expression of every item; of nothing 1.

    product([1, 2, 3, 4]) → 24
    product([{n: 2}, {n: null}, {n: 5}], 'n') → 10
    """
    result: Number = 1
    for value in of_each(context, items, field):
        if value is not None:
            result = operators.multiply(result, value)
    return result


@function("min", "array_min")
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


@function("max", "array_max")
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
        found = _fields(values[0], as_name(values[1]) if len(values) == 2 else None)
    return [value for value in found if value is not None]


def _fields(items: list[Any], name: str | None) -> list[Any]:
    return items if name is None else list(map(getter(name), items))


def _sum(numbers: list[Number]) -> Number:
    """Integers exactly; floats as if added exactly and rounded once: ten times 0.1 is 1."""
    whole = sum(number for number in numbers if isinstance(number, int))
    fractions = [number for number in numbers if isinstance(number, float)]
    if not fractions:
        return bounded(whole)
    return bounded(operators.add(whole, math.fsum(fractions)))
