"""Kinds of parameters: an annotation, and what an argument is converted by.

``null`` is the empty value of each: '', 0, no items, no date.
"""

from typing import Annotated, Any, TypeAlias

from hub.expr.kinds import number_of, text_of, unfit
from hub.expr.moments import moment_of
from hub.expr.walk import field


def as_list(value: Any) -> list[Any]:
    """A list; ``null`` is an empty one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise unfit("a list", value, "Put a single value in brackets: [value].")


def as_whole(value: Any) -> int:
    """A number without its fraction."""
    return int(number_of(value))


def as_place(value: Any) -> int | None:
    """A whole number, or ``None`` for "not given"."""
    return None if value is None else as_whole(value)


def as_name(value: Any) -> str | None:
    """The name of a field, or ``None`` for the items themselves."""
    if value is None or isinstance(value, str):
        return value
    raise unfit("the name of a field", value, "Quote it: sum(sales, 'amount').")


Text: TypeAlias = Annotated[str, text_of]
Num: TypeAlias = Annotated[int | float, number_of]
Whole: TypeAlias = Annotated[int, as_whole]
Place: TypeAlias = Annotated[int | None, as_place]
Items: TypeAlias = Annotated[list[Any], as_list]
FieldName: TypeAlias = Annotated[str | None, as_name]
Moment: TypeAlias = Annotated[int | None, moment_of]


def values_of(items: list[Any], name: str | None) -> list[Any]:
    """The items, or one field of each."""
    return items if name is None else [field(row, name) for row in items]
