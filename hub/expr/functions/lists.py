"""Functions on lists. None changes its argument."""

import json
from itertools import chain
from typing import Any

from hub.errors import ExpressionError
from hub.expr.compare import equal
from hub.expr.functions.parameters import FieldName, Items, Place, Text, Whole, values_of
from hub.expr.functions.registry import function
from hub.expr.kinds import NUMBERS, fits, text_of, unfit
from hub.expr.limits import MAX_LIST_ITEMS, over
from hub.expr.walk import field


@function("length", light=True)
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


@function("count_unique")
def count_unique(items: Items, name: FieldName = None) -> int:
    """How many different values, ``null`` not counted.

    count_unique([{user: 1}, {user: 2}, {user: 1}], 'user') → 2
    """
    return len({identity(value) for value in values_of(items, name) if value is not None})


@function("group_count")
def group_count(items: Items, name: FieldName = None, most: Place = None) -> list[dict[str, Any]]:
    """How often each value occurs, the most frequent first, equal counts by value.

    group_count([{page: 'b'}, {page: 'a'}, {page: 'b'}], 'page', 1) → [{value: 'b', count: 2}]
    group_count(['b', 'a']) → [{value: 'a', count: 1}, {value: 'b', count: 1}]
    """
    firsts: dict[tuple[int, Any], Any] = {}
    counts: dict[tuple[int, Any], int] = {}
    for value in values_of(items, name):
        key = identity(value)
        firsts.setdefault(key, value)
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts, key=lambda key: (-counts[key], key))
    kept = ranked if most is None else ranked[: max(most, 0)]
    return [{"value": firsts[key], "count": counts[key]} for key in kept]


@function("unique")
def unique(items: Items, name: FieldName = None) -> list[Any]:
    """The first item of each value, or of each value of a field.

    unique([3, 1, 3, '3']) → [3, 1, '3']
    unique([{id: 1, n: 'a'}, {id: 1, n: 'b'}], 'id') → [{id: 1, n: 'a'}]
    """
    firsts: dict[tuple[int, Any], Any] = {}
    for item in items:
        firsts.setdefault(identity(item if name is None else field(item, name)), item)
    return list(firsts.values())


@function("pluck")
def pluck(items: Items, name: FieldName) -> list[Any]:
    """One field of every item.

    pluck([{id: 1}, {id: 2}], 'id') → [1, 2]
    """
    return values_of(items, name)


@function("first", light=True)
def first(items: Items) -> Any:
    """The first item; of nothing ``null``.

    first([7, 8]) → 7
    first([]) → null
    """
    return items[0] if items else None


@function("last", light=True)
def last(items: Items) -> Any:
    """The last item; of nothing ``null``.

    last([7, 8]) → 8
    """
    return items[-1] if items else None


@function("slice")
def cut(value: Any, start: Whole, end: Place = None) -> list[Any] | str:
    """From one place up to another; negative places count from the end.

    slice([1, 2, 3, 4], 1, 3) → [2, 3]
    slice([1, 2, 3, 4], -2) → [3, 4]
    slice('webhook', 3) → 'hook'
    """
    return _sequence(value)[start:end]


@function("reverse")
def backwards(value: Any) -> list[Any] | str:
    """The other way round.

    reverse([1, 2, 3]) → [3, 2, 1]
    reverse('abc') → 'cba'
    """
    return _sequence(value)[::-1]


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


@function("append")
def append(items: Items, *values: Any) -> list[Any]:
    """The list with further items at its end.

    append([1], 2, 3) → [1, 2, 3]
    append(null, 'a') → ['a']
    """
    return [*items, *values]


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


@function("in_array")
def in_array(value: Any, items: Any) -> bool:
    """Whether a value is in a list, in either order of the two.

    in_array('b', ['a', 'b']) → true
    ['a', 'b'] | in_array: 'c' → false
    in_array(1, null) → false
    """
    if isinstance(value, list) and not isinstance(items, list):
        value, items = items, value
    if items is None:
        return False
    if not isinstance(items, list):
        raise unfit("a list", items)
    return any(equal(item, value) for item in items)


def identity(value: Any) -> tuple[int, Any]:
    """A key that equal values share, and that sorts: null, booleans, numbers, texts, the rest."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if value.__class__ in NUMBERS:
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    return (4, json.dumps(value, sort_keys=True))


def _sequence(value: Any) -> list[Any] | str:
    if value is None:
        return []
    if isinstance(value, list | str):
        return value
    raise unfit("a list or a text", value)


def check_room(items: int) -> None:
    """Refuse a list of so many items before it is made."""
    if items > MAX_LIST_ITEMS:
        raise over("items of a list", MAX_LIST_ITEMS, "work on fewer at a time")
