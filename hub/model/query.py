"""Query: which records of a table, in which order, and from where on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from hub.errors import InvalidError
from hub.model.filter import (
    EVERYTHING,
    TIMES,
    Filter,
    FilterError,
    check_path,
    instant,
    kind_of,
    value_at,
)
from hub.model.json import Json
from hub.model.table import UNDECLARED, Column, TableSpec

Direction: TypeAlias = Literal["asc", "desc"]
MAX_SORTS = 10
PRIORITIES = ("low", "normal", "high", "urgent")
"""How the values of an undeclared field ``priority`` are ranked."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One field to sort by. What has no value comes last, whatever the direction."""

    path: str
    direction: Direction = "asc"
    ranks: tuple[str, ...] = ()
    """Texts in their order: of a declared enum, or of priorities; they come before other texts."""
    holds: Literal["number", "text", ""] = ""
    """What a declared column holds, if it is sorted by that alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: behind the record with this id and these sort keys."""

    id: int
    keys: tuple["Key", ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Records that match. Without ``limit`` all of them; in the end by ``id``."""

    table: str
    filter: Filter = EVERYTHING
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0
    after: Place | None = None


Key: TypeAlias = tuple[int, float, str]
"""By what a field is sorted: its kind, its number, its text."""
_NUMBER, _RANKED, _TEXT, _NOTHING = range(4)


def key_of(sort: Sort, fields: Mapping[str, Json]) -> Key:
    """The sort key of a record: numbers, ranked texts, other texts by code point, the rest."""
    value = value_at(fields, sort.path)
    if sort.path in TIMES:
        at = instant(value)
        return (_NOTHING, 0, "") if at is None else (_NUMBER, at, "")
    kind = kind_of(value)
    if kind == "number":
        return (_NUMBER, value, "")
    if kind == "text":
        if value in sort.ranks:
            return (_RANKED, sort.ranks.index(value), "")
        return (_TEXT, 0, value)
    return (_NOTHING, 0, "")


def place_of(fields: Mapping[str, Json], sorts: Sequence[Sort]) -> Place:
    """Where a page ends that ends with this record."""
    return Place(int(fields["id"]), tuple(key_of(sort, fields) for sort in sorts))


def parse_sort(value: Json, spec: TableSpec = UNDECLARED) -> tuple[Sort, ...]:
    """``{"f": "asc"}``, or a list of such; enums are sorted as their table declares them.

    Raises:
        InvalidError: ``sort_invalid``.
    """
    if value is None:
        return ()
    parts = value if isinstance(value, list) else [value]
    pairs: list[tuple[str, Any]] = []
    for part in parts:
        if not isinstance(part, dict):
            raise _invalid()
        pairs += part.items()
    if len(pairs) > MAX_SORTS or any(each not in ("asc", "desc") for _, each in pairs):
        raise _invalid()
    return tuple(_sort(path, direction, spec.columns.get(path)) for path, direction in pairs)


def _sort(path: str, direction: Direction, column: Column | None) -> Sort:
    try:
        check_path(path)
    except FilterError as error:
        raise InvalidError(error.message, code="sort_invalid") from error
    if column is None:
        return Sort(path, direction, PRIORITIES if path == "priority" else ())
    if column.enum:
        return Sort(path, direction, column.enum)
    return Sort(path, direction, holds=_HOLDS.get(column.type, ""))


_HOLDS: dict[str, Literal["number", "text"]] = {
    "integer": "number",
    "number": "number",
    "text": "text",
    "datetime": "text",
}


def _invalid() -> InvalidError:
    return InvalidError(
        'A sort must be an object such as {"due": "asc"}, or a list of such; each direction is '
        f'"asc" or "desc", and there are at most {MAX_SORTS}.',
        code="sort_invalid",
    )


Measure: TypeAlias = Literal["count", "count_unique", "sum", "avg", "min", "max"]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Measures of groups of records. ``measures`` are (name, measure, path)."""

    table: str
    filter: Filter = EVERYTHING
    group_by: tuple[str, ...] = ()
    measures: tuple[tuple[str, Measure, str], ...] = field(default=(("count", "count", ""),))
    limit: int | None = None
