"""Functions on lists. None changes its argument."""

from itertools import chain
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context, charge, charge_deep
from hub.expr.functions.parameters import Each, Items, Place, Text, Whole, as_sequence
from hub.expr.functions.registry import function
from hub.expr.functions.rows import of_each
from hub.expr.kinds import fits, is_blank, text_of, unfit
from hub.expr.limits import MAX_LIST_ITEMS, over


@function("length", "count", "strlen", light=True)
def length(value: Any) -> int:
    """How many items, characters or keys; of ``null`` 0.

    length([1, 2, 3]) → 3
    length('hook') → 4
    length(null) → 0
    """
    if value is None:
        return 0
    if isinstance(value, list | str | dict):
        return len(value)
    raise unfit("a list, a text or an object", value)


@function("first", "shift", light=True)
def first(items: Items) -> Any:
    """The first item; of nothing ``null``.

    first([7, 8]) → 7
    first([]) → null
    """
    return items[0] if items else None


@function("last", "pop", light=True)
def last(items: Items) -> Any:
    """The last item; of nothing ``null``. The list stays as it is.

    last([7, 8]) → 8
    """
    return items[-1] if items else None


@function("slice")
def cut(value: Any, start: Whole = 0, end: Place = None) -> list[Any] | str:
    """From one place up to another, as in JavaScript; negative places count from the end.

    slice([1, 2, 3, 4], 1, 3) → [2, 3]
    slice([1, 2, 3, 4], -2) → [3, 4]
    slice('webhook', 3) → 'hook'
    """
    return as_sequence(value)[start:end]


@function("join")
def join(items: Items, separator: Text = ",") -> str:
    """The items as one text with a separator between them.

    join(['a', 'b'], ' and ') → 'a and b'
    join([1, null, true]) → '1,,true'
    """
    texts: list[str] = []
    room = len(separator) * max(len(items) - 1, 0)
    for item in items:
        text = text_of(item)
        room += len(text)
        fits(room)
        texts.append(text)
    return separator.join(texts)


@function("concat")
def concat(*values: Any) -> list[Any] | str:
    """Texts joined to one; with a list among them, lists and single values to one list.

    concat('a', 1, null, 'b') → 'a1b'
    concat([1], [2, 3], 4) → [1, 2, 3, 4]
    concat(null, [1]) → [1]
    """
    if not any(isinstance(value, list) for value in values):
        return join(list(values), "")
    parts = [value if isinstance(value, list) else [value] for value in values if value is not None]
    check_room(sum(map(len, parts)))
    return list(chain.from_iterable(parts))


@function("append", "push")
def append(items: Items, *values: Any) -> list[Any]:
    """The list with further items at its end.

    append([1], 2, 3) → [1, 2, 3]
    append(null, 'a') → ['a']
    """
    return [*items, *values]


@function("prepend", "unshift")
def prepend(items: Items, *values: Any) -> list[Any]:
    """The list with further items at its beginning.

    prepend([3], 1, 2) → [1, 2, 3]
    """
    return [*values, *items]


@function("range")
def numbers_between(start: Whole, end: Whole, step: Whole = 1) -> list[int]:
    """The whole numbers from start to end, both included, as in Xano; downwards if need be.

    range(1, 4) → [1, 2, 3, 4]
    range(3, 1) → [3, 2, 1]
    range(0, 10, 5) → [0, 5, 10]
    """
    if step == 0:
        raise ExpressionError("The step of a range cannot be 0.", code="expression_range")
    check_room(abs(end - start) // abs(step) + 1)
    if end >= start:
        return list(range(start, end + 1, abs(step)))
    return list(range(start, end - 1, -abs(step)))


@function("fill")
def fill(context: Context, value: Any, start: Whole, count: Place = None) -> list[Any]:
    """So many items of one value; ``fill(value, 0, 3)`` is Xano's way to write it.

    fill('x', 3) → ['x', 'x', 'x']
    fill(0, 0, 2) → [0, 0]
    """
    if count is not None and start != 0:
        raise ExpressionError("A list begins at 0: fill(value, count).", code="expression_range")
    wanted = max(start if count is None else count, 0)
    check_room(wanted)
    charge_deep(context, value, wanted)
    return [value] * wanted


@function("flatten")
def flatten(context: Context, items: Items, levels: Place = None) -> list[Any]:
    """Lists inside the list become its items: of all levels, or of so many.

    flatten([1, [2, [3, []]]]) → [1, 2, 3]
    flatten([1, [2, [3]]], 1) → [1, 2, [3]]
    """
    flat: list[Any] = []
    open_lists = [iter(items)]
    while open_lists:
        for item in open_lists[-1]:
            if isinstance(item, list) and (levels is None or len(open_lists) <= levels):
                charge(context, item)
                open_lists.append(iter(item))
                break
            flat.append(item)
        else:
            open_lists.pop()
        check_room(len(flat))
    return flat


@function("filter_empty")
def without_empty(context: Context, items: Items, field: Each = None) -> list[Any]:
    """Without the items that are, or whose field is, empty as Xano counts it:
    ``null``, ``false``, 0, ``'0'``, ``''``, ``[]`` and ``{}``.

    filter_empty([1, null, '', 0, 'a', false, []]) → [1, 'a']
    filter_empty([{a: 1}, {a: 0}], 'a') → [{a: 1}]
    """
    values = of_each(context, items, field)
    return [item for item, value in zip(items, values, strict=True) if not is_blank(value)]


@function("filter_null")
def without_null(context: Context, items: Items, field: Each = None) -> list[Any]:
    """Without the items that are, or whose field is, ``null``.

    filter_null([1, null, 0]) → [1, 0]
    """
    values = of_each(context, items, field)
    return [item for item, value in zip(items, values, strict=True) if value is not None]


def check_room(items: int) -> None:
    """Refuse a list of so many items before it is made."""
    if items > MAX_LIST_ITEMS:
        raise over("items of a list", MAX_LIST_ITEMS, "work on fewer at a time")
