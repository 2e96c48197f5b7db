"""Changed copies of values: only what lies on the way to the change is copied."""

from typing import Any

from hub.errors import ExpressionError
from hub.expr.kinds import decimal_of, unfit
from hub.expr.walk import keys_of, member


def with_value(value: Any, path: str, put: Any) -> Any:
    """The value with ``put`` at a key or a dotted path; objects are made where there are none.

    Raises:
        ExpressionError: ``expression_type`` where something else than an object or a list is in
            the way, ``expression_range`` for a place beyond the end of a list.
    """
    keys = _way(value, path)
    copies = _copies(value, keys)
    _put(copies[-1], keys[-1], put)
    return _joined(copies, keys)


def without(value: Any, path: str) -> Any:
    """The value without what stands at a key or a dotted path; itself where nothing does."""
    keys = _way(value, path)
    holder = value
    for key in keys[:-1]:
        holder = member(holder, key)
    if not isinstance(holder, list | dict) or _is_missing(holder, keys[-1]):
        return value
    copies = _copies(value, keys)
    last, key = copies[-1], keys[-1]
    del last[_place(last, key) if isinstance(last, list) else key]
    return _joined(copies, keys)


def _way(value: Any, path: str) -> list[str]:
    """The keys to go by; a key that holds dots itself comes before the path."""
    return [path] if isinstance(value, dict) and path in value else keys_of(path)


def _copies(value: Any, keys: list[str]) -> list[Any]:
    """A copy of each object or list on the way."""
    copies: list[Any] = []
    for key in keys:
        if value is None:
            copies.append({})
        elif isinstance(value, list | dict):
            copies.append(value.copy())
        else:
            raise unfit("an object or a list on the way", value)
        value = _at(value, key)
    return copies


def _joined(copies: list[Any], keys: list[str]) -> Any:
    """The copies put into each other again."""
    for outer, inner, key in zip(copies, copies[1:], keys, strict=False):
        _put(outer, key, inner)
    return copies[0]


def _put(holder: list[Any] | dict[str, Any], key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
        return
    place = _place(holder, key)
    holder[place : place + 1] = [value]


def _at(value: Any, key: str) -> Any:
    if isinstance(value, list):
        place = _place(value, key)
        return value[place] if place < len(value) else None
    return None if value is None else value.get(key)


def _is_missing(holder: list[Any] | dict[str, Any], key: str) -> bool:
    if isinstance(holder, dict):
        return key not in holder
    place = decimal_of(key)
    return not isinstance(place, int) or not 0 <= place < len(holder)


def _place(items: list[Any], key: str) -> int:
    place = decimal_of(key)
    if isinstance(place, int) and 0 <= place <= len(items):
        return place
    raise ExpressionError(
        f"The list has {len(items):,} items: name a place from 0 to its end.",
        code="expression_range",
    )
