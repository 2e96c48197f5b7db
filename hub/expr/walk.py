"""Ways into a value: only mappings, lists and text have any, and none leads to Python."""

from collections.abc import Callable, Mapping
from typing import Any

from hub.expr.kinds import decimal_of, text_of
from hub.expr.limits import MAX_PATH_KEYS, over

_INDEX_DIGITS = 15


def member(value: Any, key: str) -> Any:
    """``value.key``: what is not there is ``None``; lists and texts know ``length`` and digits."""
    if isinstance(value, Mapping):
        return value.get(key)
    if not isinstance(value, list | str):
        return None
    if key == "length":
        return len(value)
    if len(key) <= _INDEX_DIGITS and key.isascii() and key.isdigit():
        return _at(value, int(key))
    return None


def item(value: Any, index: Any) -> Any:
    """``value[index]``: keys of objects are text, places in lists and texts count from 0."""
    if isinstance(index, str):
        return member(value, index)
    if index is None or not isinstance(index, int | float):
        return None
    if isinstance(value, Mapping):
        return value.get(text_of(index))
    if isinstance(value, list | str) and not isinstance(index, bool) and index == index // 1:
        return _at(value, int(index))
    return None


def field(row: Any, path: str) -> Any:
    """A field of a row: the key itself, else the dotted path."""
    if row.__class__ is dict and path in row:
        return row[path]
    value = row
    for key in keys_of(path):
        value = member(value, key)
    return value


def getter(path: str) -> Callable[[Any], Any]:
    """What reads one field of a row; made once for many rows."""
    if "." not in path:
        return lambda row: row.get(path) if row.__class__ is dict else member(row, path)
    keys = keys_of(path)

    def read(row: Any) -> Any:
        if row.__class__ is dict and path in row:
            return row[path]
        value = row
        for key in keys:
            value = value.get(key) if value.__class__ is dict else member(value, key)
        return value

    return read


def keys_of(path: str) -> list[str]:
    """The keys of a dotted path.

    Raises:
        ExpressionError: ``expression_limit`` for too many.
    """
    if path.count(".") >= MAX_PATH_KEYS:
        raise over("keys of a path", MAX_PATH_KEYS, "shorten the path")
    return path.split(".")


def holds(value: Any, key: Any) -> bool:
    """Whether there is something under this key or index, be it ``null``."""
    if isinstance(value, Mapping):
        return key in value if isinstance(key, str) else text_of(key) in value
    place = decimal_of(key) if isinstance(key, str) else key
    if not isinstance(value, list | str) or isinstance(place, bool):
        return False
    return isinstance(place, int) and 0 <= place < len(value)


def _at(value: list[Any] | str, place: int) -> Any:
    return value[place] if 0 <= place < len(value) else None
