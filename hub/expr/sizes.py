"""How big a value is with all that it holds, counted before work is done that grows with it.

One list may stand in a value a thousand times over without being copied, so a value can be far
bigger as text, and take far longer to compare, than the memory it needs.
"""

from typing import Any

from hub.expr.limits import CHARS_PER_STEP

NESTED = frozenset({list, dict})
_CHARS_PER_ITEM = 2
"""A digit and a comma: no JSON of an item is shorter."""
_DEEP_CHARS_PER_STEP = 4


def chars_of(value: Any, most: int) -> int:
    """At least how many characters its JSON has; counting ends soon after ``most``."""
    if value.__class__ not in NESTED:
        return len(value) if value.__class__ is str else _CHARS_PER_ITEM
    chars = 0
    open_values = [value]
    while open_values and chars <= most:
        each = open_values.pop()
        if each.__class__ is dict:
            chars += sum(len(key) for key in each if key.__class__ is str)
            each = each.values()
        chars += _CHARS_PER_ITEM * len(each)
        for inner in each:
            if inner.__class__ is str:
                chars += len(inner)
            elif inner.__class__ in NESTED:
                open_values.append(inner)
    return chars


def steps_of(value: Any) -> int:
    """Steps for a value at its surface: a list or an object counts its items, text its length."""
    if isinstance(value, str):
        return len(value) // CHARS_PER_STEP
    return len(value) if isinstance(value, list | dict) else 1


def deep_steps_of(value: Any, most: int) -> int:
    """Steps for a value with all that it holds; counting ends soon after ``most``."""
    if value.__class__ not in NESTED:
        return steps_of(value)
    return chars_of(value, most * _DEEP_CHARS_PER_STEP) // _DEEP_CHARS_PER_STEP
