"""What makes two values the same one where values are counted, grouped or sorted."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import orjson

from hub.expr.compare import equal
from hub.expr.context import Context, charge_deep
from hub.expr.kinds import NUMBERS
from hub.expr.sizes import NESTED

Identity: TypeAlias = tuple[int, Any]
"""Equal for equal values, and in an order: null, booleans, numbers, texts, the rest as JSON."""


def identity(value: Any) -> Identity:
    """The identity of one value: here 5 and '5' are two values, 1 and 1.0 are one."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if value.__class__ in NUMBERS:
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    return (4, _sorted_json(value))


def identities(context: Context, values: Iterable[Any]) -> Iterator[Identity]:
    """The identity of each value; the work on lists and objects is counted."""
    for value in values:
        if value.__class__ in NESTED:
            charge_deep(context, value)
        yield identity(value)


def is_among(context: Context, value: Any, items: list[Any]) -> bool:
    """Whether one of the items equals the value, as ``==`` has it; the work is counted."""
    if value.__class__ in NESTED:
        charge_deep(context, value, len(items))
    return any(equal(item, value) for item in items)


def _sorted_json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # integers beyond 64 bits, which orjson does not know
        return json.dumps(value, sort_keys=True)
