"""Functions on objects, and on paths into values."""

from typing import Any

from hub.expr.functions.lists import concat
from hub.expr.functions.registry import function
from hub.expr.kinds import unfit
from hub.expr.walk import field, holds, item


@function("keys")
def keys(value: Any) -> list[str]:
    """The keys of an object.

    keys({b: 1, a: 2}) → ['b', 'a']
    keys(null) → []
    """
    return list(_object(value))


@function("values")
def values(value: Any) -> list[Any]:
    """The values of an object.

    values({b: 1, a: 2}) → [1, 2]
    """
    return list(_object(value).values())


@function("get", light=True)
def get(value: Any, path: Any, fallback: Any = None) -> Any:
    """What stands at a key, an index or a dotted path; the fallback where that is ``null``.

    get({user: {id: 7}}, 'user.id') → 7
    get([5, 6], 1) → 6
    get({}, 'name', 'unknown') → 'unknown'
    """
    found = field(value, path) if isinstance(path, str) else item(value, path)
    return fallback if found is None else found


@function("has", light=True)
def has(value: Any, path: Any) -> bool:
    """Whether there is anything, even ``null``, at a key, an index or a dotted path.

    has({user: {id: null}}, 'user.id') → true
    has([5, 6], 2) → false
    """
    if holds(value, path):
        return True
    if not isinstance(path, str) or "." not in path:
        return False
    way, _, key = path.rpartition(".")
    return holds(field(value, way), key)


@function("merge")
def merge(*values: Any) -> Any:
    """Objects made one, the later key counts; or lists made one.

    merge({a: 1, b: 1}, {b: 2}) → {a: 1, b: 2}
    merge(null, {a: 1}) → {a: 1}
    merge([1], [2]) → [1, 2]
    """
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, list) for value in given):
        return concat(*given)
    merged: dict[str, Any] = {}
    for value in given:
        merged.update(_object(value))
    return merged


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise unfit("an object", value)
