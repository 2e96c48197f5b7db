"""Functions on objects, and on paths into values. None changes its argument."""

from typing import Any

from hub.expr.functions.lists import check_room, concat
from hub.expr.functions.parameters import Object, Text, as_object
from hub.expr.functions.registry import function
from hub.expr.kinds import is_blank, text_of
from hub.expr.paths import with_value, without
from hub.expr.walk import field, holds, item


@function("keys", "object_keys")
def keys(value: Object) -> list[str]:
    """The keys of an object.

    keys({b: 1, a: 2}) → ['b', 'a']
    keys(null) → []
    """
    return list(value)


@function("values", "object_values")
def values(value: Object) -> list[Any]:
    """The values of an object.

    values({b: 1, a: 2}) → [1, 2]
    """
    return list(value.values())


@function("entries", "object_entries")
def entries(value: Object) -> list[dict[str, Any]]:
    """The keys of an object with their values.

    entries({a: 1, b: 2}) → [{key: 'a', value: 1}, {key: 'b', value: 2}]
    """
    return [{"key": key, "value": held} for key, held in value.items()]


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
    has([5], 1) → false
    """
    if holds(value, path):
        return True
    if not isinstance(path, str) or "." not in path:
        return False
    way, _, key = path.rpartition(".")
    return holds(field(value, way), key)


@function("set")
def set_(value: Any, path: Text, put: Any) -> Any:
    """With a value at a key or a dotted path, which is made where it is missing.

    set({a: 1}, 'b', 2) → {a: 1, b: 2}
    set({}, 'user.name', 'Ada') → {user: {name: 'Ada'}}
    set([1, 2], 0, 5) → [5, 2]
    """
    return with_value(value, path, put)


@function("set_ifnotnull")
def set_unless_null(value: Any, path: Text, put: Any) -> Any:
    """With a value at a key or a dotted path, unless the value is ``null``.

    set_ifnotnull({a: 1}, 'b', null) → {a: 1}
    set_ifnotnull({a: 1}, 'b', 0) → {a: 1, b: 0}
    """
    return value if put is None else with_value(value, path, put)


@function("set_ifnotempty")
def set_unless_blank(value: Any, path: Text, put: Any) -> Any:
    """With a value at a key or a dotted path, unless the value is empty as Xano counts it.

    set_ifnotempty({a: 1}, 'b', '') → {a: 1}
    set_ifnotempty({a: 1}, 'b', 'x') → {a: 1, b: 'x'}
    """
    return value if is_blank(put) else with_value(value, path, put)


@function("unset")
def unset(value: Any, path: Text) -> Any:
    """Without what stands at a key or a dotted path.

    unset({a: 1, b: 2}, 'b') → {a: 1}
    unset({user: {id: 7, name: 'Ada'}}, 'user.name') → {user: {id: 7}}
    """
    return without(value, path)


@function("pick")
def pick(value: Object, *wanted: Any) -> dict[str, Any]:
    """An object of these keys only: given one by one, as a list, or as text with commas.

    pick({a: 1, b: 2, c: 3}, ['a', 'c']) → {a: 1, c: 3}
    pick({a: 1, b: 2, c: 3}, 'a', 'x') → {a: 1}
    """
    names = _names(wanted)
    return {key: held for key, held in value.items() if key in names}


@function("unpick")
def unpick(value: Object, *unwanted: Any) -> dict[str, Any]:
    """An object without these keys: given one by one, as a list, or as text with commas.

    unpick({a: 1, b: 2, c: 3}, 'a,c') → {b: 2}
    """
    names = _names(unwanted)
    return {key: held for key, held in value.items() if key not in names}


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
        merged.update(as_object(value))
    return merged


def _names(given: tuple[Any, ...]) -> frozenset[str]:
    names: list[str] = []
    for each in given:
        if isinstance(each, list):
            names += map(text_of, each)
        else:
            text = text_of(each)
            check_room(text.count(","))
            names += (name.strip() for name in text.split(","))
    return frozenset(names)
