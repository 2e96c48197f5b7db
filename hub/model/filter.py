"""Filter: which records are meant.

Type-strict: text never equals a number, and what is missing equals ``null``. ``$ne`` and ``$nin``
match what is missing; ``$gt`` and its kind compare numbers with numbers and text with text, by
code point; ``created_at`` and ``updated_at`` are compared as instants. The same filter means the
same in memory (:func:`matches`), on SQLite and on PostgreSQL.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args

from hub.errors import InvalidError
from hub.model.json import Json
from hub.model.time import from_iso

Operator: TypeAlias = Literal[
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin",
    "$contains", "$starts_with", "$exists",
]  # fmt: skip
OPERATORS: tuple[str, ...] = get_args(Operator)
JOINS = ("$and", "$or", "$not")
TIMES = ("created_at", "updated_at")
MAX_TERMS = 200
MAX_LEVELS = 20
MAX_LISTED = 10_000
_MAX_PATH = 200
_ALIKE = 0.7
_MAX_PLACES = 4
_PART = re.compile(r"(?:[^\"'\\\x00-\x1f\x7f.\[\]{}%\ud800-\udfff]|%(?!\()){1,100}")
"""A part of a path, as it can stand in a statement of either database."""
_ODD_NUMBER = re.compile(r"\s*(?:[+-]\s*[0-9]+|0[0-9]+|[0-9]{10,})\s*|\s+[0-9]+\s*|[0-9]+\s+")
"""PostgreSQL takes these for places in lists, the others do not."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison of the value at a dotted path."""

    path: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these holds."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: "Filter"


Filter: TypeAlias = Compare | And | Or | Not
EVERYTHING: Filter = And(())


class FilterError(InvalidError):
    """A filter that cannot be used; ``pointer`` says where in it."""

    default_code = "filter_invalid"


Leaf: TypeAlias = Callable[[str, Json, str], Any]


def parse_filter(value: Json, leaf: Leaf | None = None) -> Filter:
    """The filter that JSON stands for; operators are its keys that begin with ``$``.

    ``leaf`` makes the value of a comparison from the operator, what is written and its pointer;
    without it that is the value itself, which is checked.

    Raises:
        FilterError: with the ``pointer`` of what cannot be used.
    """
    return _Parser(leaf).filter(value, "", 0)


class _Parser:
    """Walks a filter, and counts its terms."""

    def __init__(self, leaf: Leaf | None) -> None:
        self._leaf = leaf
        self._terms = 0

    def filter(self, value: Json, pointer: str, level: int) -> Filter:
        if not isinstance(value, dict):
            raise FilterError(
                'A filter must be an object, such as {"status": "open"}.', pointer=pointer
            )
        if level > MAX_LEVELS:
            raise FilterError(
                f"A filter is nested at most {MAX_LEVELS} levels deep.", pointer=pointer
            )
        parts = [self._member(key, each, _at(pointer, key), level) for key, each in value.items()]
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _member(self, key: str, value: Json, pointer: str, level: int) -> Filter:
        if key in ("$and", "$or"):
            if not isinstance(value, list):
                raise FilterError(f"{key} takes a list of filters.", pointer=pointer)
            parts = tuple(
                self.filter(each, f"{pointer}/{n}", level + 1) for n, each in enumerate(value)
            )
            return And(parts) if key == "$and" else Or(parts)
        if key == "$not":
            return Not(self.filter(value, pointer, level + 1))
        if key.startswith("$"):
            raise _unknown(key, (*JOINS,), pointer)
        check_path(key, pointer)
        return self._field(key, value, pointer, level)

    def _field(self, path: str, value: Json, pointer: str, level: int) -> Filter:
        if isinstance(value, dict) and any(key.startswith("$") for key in value):
            parts = [
                self._operator(path, key, each, _at(pointer, key), level)
                for key, each in value.items()
            ]
            return parts[0] if len(parts) == 1 else And(tuple(parts))
        return self._compare(path, "$eq", value, pointer)

    def _operator(self, path: str, key: str, value: Json, pointer: str, level: int) -> Filter:
        if key == "$not":
            if level > MAX_LEVELS or not isinstance(value, dict):
                raise FilterError("$not takes an object of operators.", pointer=pointer)
            return Not(self._field(path, value, pointer, level + 1))
        if key not in OPERATORS:
            raise _unknown(key, (*OPERATORS, "$not"), pointer)
        return self._compare(path, key, value, pointer)

    def _compare(self, path: str, operator: Any, value: Json, pointer: str) -> Filter:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise FilterError(f"A filter has at most {MAX_TERMS} comparisons.", pointer=pointer)
        if self._leaf is not None:
            return Compare(path, operator, self._leaf(operator, value, pointer))
        check_value(operator, value, pointer)
        return Compare(path, operator, value)


def check_path(path: str, pointer: str = "") -> None:
    """Refuse a path that names no field.

    Raises:
        FilterError
    """
    parts = path.split(".")
    if sum(map(is_place, parts)) > _MAX_PLACES:
        raise FilterError(
            f"A path goes through at most {_MAX_PLACES} places of lists.", pointer=pointer
        )
    if len(path) > _MAX_PATH or not all(map(_is_part, parts)):
        raise FilterError(
            f"{path[:60]!r} names no field: write a name, with dots for inner ones.",
            pointer=pointer,
        )


def is_place(part: str) -> bool:
    """Whether a part of a path can be a place in a list."""
    return part.isascii() and part.isdigit()


def _is_part(part: str) -> bool:
    return _PART.fullmatch(part) is not None and _ODD_NUMBER.fullmatch(part) is None


def check_value(operator: str, value: Json, pointer: str = "") -> None:
    """Refuse a value that an operator does not compare with.

    Raises:
        FilterError
    """
    if operator in ("$in", "$nin"):
        if not isinstance(value, list) or any(isinstance(each, (dict, list)) for each in value):
            raise FilterError(
                f"{operator} takes a list of texts, numbers, true, false and null.",
                pointer=pointer,
            )
        if len(value) > MAX_LISTED:
            raise FilterError(f"{operator} takes at most {MAX_LISTED:,} values.", pointer=pointer)
    elif isinstance(value, (dict, list)):
        found = "a list" if isinstance(value, list) else "an object"
        raise FilterError(
            f"{operator} compares with text, a number, true, false or null, not with {found}.",
            pointer=pointer,
        )
    elif operator == "$starts_with" and not isinstance(value, str):
        raise FilterError("$starts_with takes text.", pointer=pointer)
    elif operator == "$exists" and not isinstance(value, bool):
        raise FilterError("$exists takes true or false.", pointer=pointer)


def map_values(found: Filter, change: Callable[[Compare], Any]) -> Filter:
    """The same filter with other values: ``change`` makes them from the comparisons."""
    match found:
        case Compare(path, operator):
            return Compare(path, operator, change(found))
        case Not(part):
            return Not(map_values(part, change))
        case And(parts):
            return And(tuple(map_values(each, change) for each in parts))
        case Or(parts):
            return Or(tuple(map_values(each, change) for each in parts))


def as_json(found: Filter) -> Json:
    """The filter as :func:`parse_filter` reads it."""
    match found:
        case Compare(path, operator, value):
            return {path: {operator: value}}
        case Not(part):
            return {"$not": as_json(part)}
        case And(parts):
            return {"$and": [as_json(each) for each in parts]}
        case Or(parts):
            return {"$or": [as_json(each) for each in parts]}


def values_of(found: Filter) -> list[Any]:
    """The values of its comparisons, in order."""
    match found:
        case Compare(_, _, value):
            return [value]
        case Not(part):
            return values_of(part)
        case And(parts) | Or(parts):
            return [value for each in parts for value in values_of(each)]


def matches(found: Filter, fields: Mapping[str, Json]) -> bool:
    """Whether a record's fields are meant."""
    match found:
        case Compare(path, operator, value):
            return _compares(path, operator, value_at(fields, path), value)
        case Not(part):
            return not matches(part, fields)
        case And(parts):
            return all(matches(each, fields) for each in parts)
        case Or(parts):
            return any(matches(each, fields) for each in parts)


def value_at(fields: Json, path: str) -> Json:
    """What stands at a dotted path; None if there is nothing. Lists are entered by place."""
    value: Json = fields
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and is_place(part):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def kind_of(value: Json) -> str:
    """``null``, ``boolean``, ``number``, ``text``, ``list`` or ``object``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


def _compares(path: str, operator: str, found: Json, value: Json) -> bool:
    if path in TIMES:
        return _compares_times(operator, found, value)
    match operator:
        case "$eq":
            return _equal(found, value)
        case "$ne":
            return not _equal(found, value)
        case "$in":
            return any(_equal(found, each) for each in value)
        case "$nin":
            return not any(_equal(found, each) for each in value)
        case "$exists":
            return (found is not None) is value
        case "$starts_with":
            return isinstance(found, str) and found.startswith(value)
        case "$contains":
            return _contains(found, value)
    return _ordered(operator, found, value)


def _equal(found: Json, value: Json) -> bool:
    return kind_of(found) == kind_of(value) and bool(found == value)


def _contains(found: Json, value: Json) -> bool:
    if isinstance(found, list):
        return any(_equal(each, value) for each in found)
    return isinstance(found, str) and isinstance(value, str) and value in found


def _ordered(operator: str, found: Json, value: Json) -> bool:
    if kind_of(found) != kind_of(value) or kind_of(value) not in ("number", "text"):
        return False
    if operator == "$gt":
        return bool(found > value)
    if operator == "$gte":
        return bool(found >= value)
    return bool(found < value) if operator == "$lt" else bool(found <= value)


def _compares_times(operator: str, found: Json, value: Json) -> bool:
    """Both as instants; what is no date equals none and stands before and behind none."""
    at = instant(found)
    if operator in ("$in", "$nin"):
        hit = at is not None and at in [instant(each) for each in value]
        return hit if operator == "$in" else not hit
    if operator == "$exists":
        return value is True
    other = instant(value)
    if operator in ("$eq", "$ne"):
        return (at is not None and at == other) is (operator == "$eq")
    if other is None or at is None or operator in ("$contains", "$starts_with"):
        return False
    return _ordered(operator, at, other)


def instant(value: Json) -> int | None:
    """Microseconds of an ISO date and time; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return from_iso(value)
    except (ValueError, OverflowError):
        return None


def _unknown(key: str, known: tuple[str, ...], pointer: str) -> FilterError:
    near = get_close_matches(key, known, 1, _ALIKE)
    hint = f" Did you mean {near[0]}?" if near else f" Known are {', '.join(known)}."
    return FilterError(f"A filter does not know {key[:60]!r} here.{hint}", pointer=pointer)


def _at(pointer: str, key: str) -> str:
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
