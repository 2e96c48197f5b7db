"""Kinds of parameters: an annotation, and what an argument is converted by.

``null`` is the empty value of each: '', 0, no items, no date.
"""

from typing import Annotated, Any, TypeAlias

from hub.expr.functions.registry import LAZY
from hub.expr.kinds import number_of, text_of, unfit
from hub.expr.lazy import Lazy
from hub.expr.moments import moment_of
from hub.expr.patterns import Pattern, literal_of, pattern_of


def as_list(value: Any) -> list[Any]:
    """A list; ``null`` is an empty one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise unfit("a list", value, "Put a single value in brackets: [value].")


def as_sequence(value: Any) -> list[Any] | str:
    """A list or a text; ``null`` is an empty list."""
    if value is None:
        return []
    if isinstance(value, list | str):
        return value
    raise unfit("a list or a text", value)


def as_object(value: Any) -> dict[str, Any]:
    """An object; ``null`` is an empty one."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise unfit("an object", value)


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


def as_word(value: Any) -> str:
    """Text that chooses among words: without white space around it, in small letters."""
    return text_of(value).strip().lower()


def as_zone(value: Any) -> str | None:
    """The name of a time zone, or ``None`` for the hub's."""
    return text_of(value).strip() or None


def as_pattern(value: Any) -> Pattern:
    """A regular expression, with or without slashes and flags around it."""
    return pattern_of(text_of(value))


def as_slashed(value: Any) -> Pattern:
    """A regular expression between slashes, as Xano writes them."""
    return literal_of(text_of(value))


CHECKED_EARLY = (as_pattern, as_slashed)
"""What refuses an argument that is written out when the expression is compiled."""
Text: TypeAlias = Annotated[str, text_of]
Regex: TypeAlias = Annotated[Pattern, as_pattern]
XanoRegex: TypeAlias = Annotated[Pattern, as_slashed]
Word: TypeAlias = Annotated[str, as_word]
Num: TypeAlias = Annotated[int | float, number_of]
Whole: TypeAlias = Annotated[int, as_whole]
Place: TypeAlias = Annotated[int | None, as_place]
Items: TypeAlias = Annotated[list[Any], as_list]
Object: TypeAlias = Annotated[dict[str, Any], as_object]
FieldName: TypeAlias = Annotated[str | None, as_name]
Moment: TypeAlias = Annotated[int | None, moment_of]
ZoneName: TypeAlias = Annotated[str | None, as_zone]
Each: TypeAlias = Annotated[Lazy | None, LAZY]
