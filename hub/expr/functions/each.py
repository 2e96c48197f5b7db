"""Functions that work out an expression for every item of a list: ``item`` is the item, ``index``
its place from 0; all other names are those around. ``$this`` and ``$$`` mean ``item`` too.
"""

from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context, charge_deep
from hub.expr.functions.parameters import Each, Items
from hub.expr.functions.registry import function
from hub.expr.functions.rows import of_each
from hub.expr.kinds import truthy
from hub.expr.lazy import RESULT_NAMES, carried
from hub.expr.sizes import NESTED


@function("map", "pluck")
def each_mapped(context: Context, items: Items, value: Each) -> list[Any]:
    """What an expression gives for every item, or one field of every item.

    map([1, 2], item * 10) → [10, 20]
    map([{id: 1}, {id: 2}], 'id') → [1, 2]
    map(['a', 'b'], {place: index + 1, name: item}) → [{place: 1, name: 'a'}, {place: 2, name: 'b'}]
    [{v: 1}, {v: 2}] | map: $$.v * 2 → [2, 4]
    """
    values = []
    for each in of_each(context, items, value):
        if each.__class__ in NESTED:
            charge_deep(context, each)
        values.append(each)
    return values


@function("filter")
def filtered(context: Context, items: Items, condition: Each = None) -> list[Any]:
    """The items for which a condition or a field counts as true.

    filter([{total: 5}, {total: 20}], item.total > 10) → [{total: 20}]
    filter([{id: 1, paid: true}, {id: 2}], 'paid') → [{id: 1, paid: true}]
    filter([0, 1, '', 'a', null]) → [1, 'a']
    """
    marks = of_each(context, items, condition)
    return [item for item, mark in zip(items, marks, strict=True) if truthy(mark)]


@function("find")
def found(context: Context, items: Items, condition: Each = None) -> Any:
    """The first item for which a condition or a field counts as true; ``null`` if there is none.

    find([{id: 1}, {id: 2}], item.id == 2) → {id: 2}
    find([1, 2], item > 5) → null
    """
    marks = of_each(context, items, condition)
    return next((item for item, mark in zip(items, marks, strict=True) if truthy(mark)), None)


@function("find_index", "findIndex")
def found_place(context: Context, items: Items, condition: Each = None) -> int:
    """The place of the first item for which a condition counts as true, from 0; -1 without one.

    find_index([{id: 1}, {id: 2}], item.id == 2) → 1
    find_index([], item) → -1
    """
    marks = of_each(context, items, condition)
    return next((place for place, mark in enumerate(marks) if truthy(mark)), -1)


@function("some")
def some(context: Context, items: Items, condition: Each = None) -> bool:
    """Whether a condition or a field counts as true for at least one item.

    some([1, 2, 3], item > 2) → true
    some([], item) → false
    """
    return any(truthy(mark) for mark in of_each(context, items, condition))


@function("every")
def every(context: Context, items: Items, condition: Each = None) -> bool:
    """Whether a condition or a field counts as true for all items; for no items it does.

    every([2, 4], item % 2 == 0) → true
    every([{paid: true}, {}], 'paid') → false
    """
    return all(truthy(mark) for mark in of_each(context, items, condition))


@function("reduce", binds=RESULT_NAMES)
def reduced(context: Context, items: Items, expression: Each, initial: Any = 0) -> Any:
    """One value, made by an expression of every item and of the ``result`` so far.

    The expression comes first, the value to begin with last, as in Xano; without it that is 0.

    reduce([1, 2, 3, 4], result + item) → 10
    reduce(['a', 'b'], item + result, '') → 'ba'
    reduce([1, 2, 3], $$ + $result, 10) → 16
    """
    if expression is None or not expression.of_item:
        raise ExpressionError(
            "Give an expression of the item and the result so far, like result + item.",
            code="expression_type",
        )
    result = initial
    for result in carried(context, items, expression, initial):
        if result.__class__ in NESTED:
            charge_deep(context, result)
    return result
