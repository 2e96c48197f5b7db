"""Functions that put lists in another order."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.functions.parameters import Each, Items, Word, as_sequence
from hub.expr.functions.registry import function
from hub.expr.functions.rows import of_each
from hub.expr.identity import identities
from hub.expr.kinds import NUMBERS, Number, decimal_of, text_of
from hub.expr.moments import instant

Keys: TypeAlias = list[Any]
"""What items are sorted by, one for each; ``None`` sorts last whatever the direction."""

_DIRECTIONS = {"": False, "asc": False, "desc": True, "true": False, "false": True}
_DIGITS = re.compile(r"(\d{1,300})", re.ASCII)


@function("sort_by")
def sorted_by(
    context: Context, items: Items, field: Each = None, direction: Word = "asc"
) -> list[Any]:
    """The items in the order of a field or an expression, or of the items themselves.

    Numbers come before text, text goes by code point, date-times by instant, ``null`` comes last
    in both directions (``'asc'``, ``'desc'``); items that are equal there keep their order.

    sort_by([{n: 2}, {n: null}, {n: 1}], 'n') → [{n: 1}, {n: 2}, {n: null}]
    sort_by([{n: 2}, {n: 3}], item.n, 'desc') → [{n: 3}, {n: 2}]
    sort_by([3, 1, 2]) → [1, 2, 3]
    """
    values = list(of_each(context, items, field))
    return _ordered(items, _plain_keys(context, values), _is_downwards(direction))


@function("sort")
def sorted_as(
    context: Context,
    items: Items,
    field: Each = None,
    kind: Word = "",
    ascending: Word = "asc",
) -> list[Any]:
    """The items in order, as Xano's ``sort``: by a field, as what kind, ascending or not.

    Kinds are ``number``, ``text``, ``itext`` (case does not count), ``natural`` and ``inatural``
    (numbers inside text count as numbers); without one it sorts as ``sort_by`` does.

    sort(['b', 'C', 'a']) → ['C', 'a', 'b']
    sort(['b', 'C', 'a'], null, 'itext') → ['a', 'b', 'C']
    sort([{v: 'file10'}, {v: 'file9'}], 'v', 'natural') → [{v: 'file9'}, {v: 'file10'}]
    sort([{v: '9'}, {v: '10'}], 'v', 'number', false) → [{v: '10'}, {v: '9'}]
    """
    if kind in _DIRECTIONS:
        kind, ascending = "", kind or ascending
    values = list(of_each(context, items, field))
    if not kind:
        return _ordered(items, _plain_keys(context, values), _is_downwards(ascending))
    key = _KINDS.get(kind)
    if key is None:
        raise _unknown("kind of order", _KINDS)
    keys = [None if value is None else key(value) for value in values]
    return _ordered(items, keys, _is_downwards(ascending))


@function("reverse")
def backwards(value: Any) -> list[Any] | str:
    """The other way round.

    reverse([1, 2, 3]) → [3, 2, 1]
    reverse('abc') → 'cba'
    """
    return as_sequence(value)[::-1]


@function("shuffle", random=True)
def shuffled(context: Context, items: Items) -> list[Any]:
    """The items in an order of chance; a resumed run draws the same.

    sort_by(shuffle([1, 2, 3])) → [1, 2, 3]
    """
    drawn = list(items)
    context.random().shuffle(drawn)
    return drawn


def _ordered(items: list[Any], keys: Keys, downwards: bool) -> list[Any]:
    known = [place for place, key in enumerate(keys) if key is not None]
    known.sort(key=keys.__getitem__, reverse=downwards)
    last = [item for item, key in zip(items, keys, strict=True) if key is None]
    return [items[place] for place in known] + last


def _plain_keys(context: Context, values: list[Any]) -> Keys:
    moments = _moments(values)
    if moments is not None:
        return moments
    keys = identities(context, values)
    return [None if value is None else key for value, key in zip(values, keys, strict=True)]


def _moments(values: list[Any]) -> Keys | None:
    """The instants of the values, where all that are not ``null`` name one."""
    moments: Keys = []
    for value in values:
        moment = instant(value) if isinstance(value, str) else None
        if moment is None and value is not None:
            return None
        moments.append(moment)
    return moments


def _is_downwards(direction: str) -> bool:
    if direction not in _DIRECTIONS:
        raise _unknown("direction", ("asc", "desc"))
    return _DIRECTIONS[direction]


def _unknown(what: str, words: Iterable[str]) -> ExpressionError:
    return ExpressionError(f"There is no such {what}: use one of {', '.join(words)}.")


def _as_number(value: Any) -> Number:
    if isinstance(value, str):
        return decimal_of(value.strip()) or 0
    return cast("Number", value) if value.__class__ in NUMBERS else 0


def _natural(text: str) -> list[tuple[int, int, str]]:
    parts = _DIGITS.split(text)
    return [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts)]


_KINDS: dict[str, Callable[[Any], Any]] = {
    "number": _as_number,
    "text": text_of,
    "itext": lambda value: text_of(value).casefold(),
    "natural": lambda value: _natural(text_of(value)),
    "inatural": lambda value: _natural(text_of(value).casefold()),
}
