"""Functions that tell values apart: what is in a list, what is twice in it, how often."""

from typing import Any

from hub.expr.context import Context
from hub.expr.functions.parameters import Each, Items, Place
from hub.expr.functions.registry import function
from hub.expr.functions.rows import of_each
from hub.expr.identity import Identity, identities, is_among
from hub.expr.kinds import text_of, unfit


@function("in_array")
def in_array(context: Context, value: Any, items: Any) -> bool:
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
    return is_among(context, value, items)


@function("unique")
def unique(context: Context, items: Items, field: Each = None) -> list[Any]:
    """The first item of each value, or of each value of a field or an expression.

    unique([3, 1, 3, '3']) → [3, 1, '3']
    unique([{id: 1, n: 'a'}, {id: 1, n: 'b'}], 'id') → [{id: 1, n: 'a'}]
    """
    firsts: dict[Identity, Any] = {}
    keys = identities(context, of_each(context, items, field))
    for item, key in zip(items, keys, strict=True):
        firsts.setdefault(key, item)
    return list(firsts.values())


@function("count_unique")
def count_unique(context: Context, items: Items, field: Each = None) -> int:
    """How many different values, ``null`` not counted.

    count_unique([{user: 1}, {user: 2}, {user: 1}], 'user') → 2
    """
    values = (value for value in of_each(context, items, field) if value is not None)
    return len(set(identities(context, values)))


@function("group_count")
def group_count(
    context: Context, items: Items, field: Each = None, most: Place = None
) -> list[dict[str, Any]]:
    """How often each value occurs, the most frequent first, equal counts by value.

    group_count([{page: 'b'}, {page: 'a'}, {page: 'b'}], 'page', 1) → [{value: 'b', count: 2}]
    group_count(['b', 'a']) → [{value: 'a', count: 1}, {value: 'b', count: 1}]
    """
    values = list(of_each(context, items, field))
    firsts: dict[Identity, Any] = {}
    counts: dict[Identity, int] = {}
    for value, key in zip(values, identities(context, values), strict=True):
        firsts.setdefault(key, value)
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts, key=lambda key: (-counts[key], key))
    kept = ranked if most is None else ranked[: max(most, 0)]
    return [{"value": firsts[key], "count": counts[key]} for key in kept]


@function("group_by", "index_by")
def group_by(context: Context, items: Items, field: Each) -> dict[str, list[Any]]:
    """An object with the items of each value of a field or an expression, in their order.

    group_by([{g: 'a', v: 1}, {g: 'b'}], 'g') → {a: [{g: 'a', v: 1}], b: [{g: 'b'}]}
    group_by([1, 2, 3], item % 2 ? 'odd' : 'even') → {odd: [1, 3], even: [2]}
    """
    groups: dict[str, list[Any]] = {}
    for item, value in zip(items, of_each(context, items, field), strict=True):
        groups.setdefault(text_of(value), []).append(item)
    return groups


@function("diff")
def diff(context: Context, items: Items, others: Items) -> list[Any]:
    """The items that are not in another list.

    diff([1, 2, 3, 4], [3, 2]) → [1, 4]
    """
    unwanted = set(identities(context, others))
    keys = identities(context, items)
    return [item for item, key in zip(items, keys, strict=True) if key not in unwanted]


@function("intersect")
def intersect(context: Context, items: Items, others: Items) -> list[Any]:
    """The items that are in another list too.

    intersect([1, 2, 3, 4], [3, 2]) → [2, 3]
    """
    wanted = set(identities(context, others))
    keys = identities(context, items)
    return [item for item, key in zip(items, keys, strict=True) if key in wanted]
