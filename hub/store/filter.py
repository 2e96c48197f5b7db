"""Queries over records, compiled to SQL with bound values.

A statement is made once for each shape of a query: its table, the paths and operators of its
filter with the kinds of the values, its sorts. The table's name stands inline, so that the
indexes of one table can be used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.sql.base import Executable

from hub.errors import InvalidError
from hub.model.filter import TIMES, And, Compare, Filter, Not, Or, instant, kind_of
from hub.model.json import Json
from hub.model.query import Aggregate, Measure, Place, Query, Sort
from hub.store.reach import (
    DocNumber,
    doc_json,
    doc_kind,
    doc_number,
    doc_text,
    list_holds,
    place,
    text_begins,
    text_holds,
)
from hub.store.schema import records
from hub.store.statement import inline, one_of, seldom

_COLUMNS = {
    "id": records.c.id,
    "created_at": records.c.created_at,
    "updated_at": records.c.updated_at,
}
_LIMITLESS = 2**62
_INT64 = 2**63
_ORDER = {"$gt": "__gt__", "$gte": "__ge__", "$lt": "__lt__", "$lte": "__le__"}

Shape: TypeAlias = tuple[Any, ...]
"""A filter without its values: operators, paths, and the kinds of the values."""


@dataclass(slots=True)
class _Bound:
    """A filter's shape as it is walked, and the values to bind."""

    params: dict[str, Any] = field(default_factory=dict)

    def shape(self, found: Filter) -> Shape:
        match found:
            case Compare(path, operator, value):
                return self._compare(path, operator, value)
            case Not(part):
                return ("not", self.shape(part))
            case And(parts):
                return ("and", *(self.shape(each) for each in parts))
            case Or(parts):
                return ("or", *(self.shape(each) for each in parts))

    def _compare(self, path: str, operator: str, value: Json) -> Shape:
        if operator in ("$ne", "$nin"):
            positive = "$eq" if operator == "$ne" else "$in"
            return ("not", self._compare(path, positive, value))
        if operator == "$in":
            return self._in(path, value)
        if path in TIMES:
            return self._time(path, operator, value)
        if path == "id":
            return self._id(operator, value)
        if operator == "$exists":
            return ("kind", path, "present" if value else "null")
        return self._of_doc(path, operator, value)

    def _in(self, path: str, values: list[Json]) -> Shape:
        """Lists of any length make the same statement: one list of texts, one of numbers."""
        if path in _COLUMNS:
            whole = [instant(each) if path in TIMES else _whole(each) for each in values]
            known = [each for each in whole if each is not None]
            return ("in", path, "column", self._bind(known)) if known else ("never",)
        kinds = {kind_of(each) for each in values}
        texts = [each for each in values if isinstance(each, str)]
        numbers = [each for each in values if kind_of(each) == "number"]
        parts: list[Shape] = []
        if texts:
            parts.append(("in", path, "text", self._bind(texts)))
        if numbers:
            parts.append(("in", path, "number", self._bind(numbers)))
        if "null" in kinds:
            parts.append(("kind", path, "null"))
        words = [("true", True), ("false", False)]
        parts += [("kind", path, word) for word, each in words if any(each is v for v in values)]
        return ("or", *parts)

    def _of_doc(self, path: str, operator: str, value: Json) -> Shape:
        kind = kind_of(value)
        if kind == "boolean":
            kind = "true" if value else "false"
        if operator == "$contains":
            return self._contains(path, kind, value)
        if kind in ("null", "true", "false"):
            return ("kind", path, kind) if operator == "$eq" else ("never",)
        return (operator, path, kind, self._bind(value))

    def _contains(self, path: str, kind: str, value: Json) -> Shape:
        name = None if kind in ("null", "true", "false") else self._bind(value)
        return ("$contains", path, kind, name)

    def _time(self, path: str, operator: str, value: Json) -> Shape:
        if operator == "$exists":
            return ("always",) if value else ("never",)
        at = instant(value)
        if at is None or operator in ("$contains", "$starts_with"):
            return ("never",)
        return (operator, path, "column", self._bind(at))

    def _id(self, operator: str, value: Json) -> Shape:
        if operator == "$exists":
            return ("always",) if value else ("never",)
        if kind_of(value) != "number" or operator in ("$contains", "$starts_with"):
            return ("never",)
        whole = _whole(value)
        if whole is None and abs(value) < _INT64 and operator in _ORDER:  # a fraction
            operator = "$gt" if operator in ("$gt", "$gte") else "$lte"
            whole = math.floor(value)
        if whole is None:
            least = value < 0  # every id is greater than it, or smaller
            return (
                ("always",)
                if operator in ("$gt", "$gte") and least
                else (("always",) if operator in ("$lt", "$lte") and not least else ("never",))
            )
        return (operator, "id", "column", self._bind(whole))

    def _bind(self, value: Any) -> str:
        name = f"v{len(self.params)}"
        self.params[name] = value
        return name


def _whole(value: Json) -> int | None:
    """A number as an id could be it, else None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_id = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64
    return value if is_id else None


Lock: TypeAlias = Literal["", "wait", "skip"]


def select_of(query: Query, *, lock: Lock = "") -> tuple[Select[Any], dict[str, Any]]:
    """The statement for a query, and its parameters.

    ``lock`` says what is done about rows that others hold: wait for them, or leave them out.

    Raises:
        InvalidError: ``filter_invalid``, ``sort_invalid``.
    """
    bound = _Bound()
    shape = bound.shape(query.filter)
    params = bound.params
    is_limited = query.limit is not None or bool(query.offset)
    if is_limited:
        params |= {"most": _LIMITLESS if query.limit is None else query.limit, "skip": query.offset}
    if query.after is not None:
        params |= _place_params(query.after)
    after = None if query.after is None else tuple(key[0] for key in query.after.keys)
    return _select(query.table, shape, query.sort, is_limited, after, lock), params


def count_of(query: Query) -> tuple[Select[Any], dict[str, Any]]:
    """The statement that counts what a query would give, and its parameters."""
    bound = _Bound()
    shape = bound.shape(query.filter)
    return _count(query.table, shape), bound.params


def size_of(query: Query) -> tuple[Select[Any], dict[str, Any]]:
    """The statement that adds up how long the documents are that a query would give."""
    bound = _Bound()
    shape = bound.shape(query.filter)
    if query.limit is None:
        return _size(query.table, shape, is_limited=False), bound.params
    params = {**bound.params, "most": query.limit}
    return _size(query.table, shape, is_limited=True), params


def delete_of(query: Query) -> tuple[Executable, dict[str, Any]]:
    """The statement that deletes what a filter means, and its parameters."""
    bound = _Bound()
    shape = bound.shape(query.filter)
    return _delete(query.table, shape), bound.params


def aggregate_of(wanted: Aggregate) -> tuple[Select[Any], dict[str, Any]]:
    """The statement for measures: the groups' values as JSON text, then two columns a measure."""
    bound = _Bound()
    shape = bound.shape(wanted.filter)
    params = bound.params
    if wanted.limit is not None:
        params["most"] = wanted.limit
    measures = tuple((measure, path) for _, measure, path in wanted.measures)
    is_limited = wanted.limit is not None
    return _aggregate(wanted.table, shape, wanted.group_by, measures, is_limited), params


@lru_cache(maxsize=2048)
def _select(
    table: str,
    shape: Shape,
    sort: tuple[Sort, ...],
    is_limited: bool,
    after: tuple[int, ...] | None,
    lock: Lock,
) -> Select[Any]:
    statement = select(
        records.c.table_name,
        records.c.id,
        records.c.doc,
        records.c.created_at,
        records.c.updated_at,
        records.c.rev,
    ).where(_of_table(table), _condition(shape))
    if after is not None:
        statement = statement.where(_behind(sort, after))
    for each in sort:
        statement = statement.order_by(*_order(each))
    statement = statement.order_by(records.c.id)
    if is_limited:
        statement = statement.limit(bindparam("most")).offset(bindparam("skip"))
    return statement.with_for_update(skip_locked=lock == "skip") if lock else statement


@lru_cache(maxsize=512)
def _count(table: str, shape: Shape) -> Select[Any]:
    counted = select(func.count(literal(1))).select_from(records)
    return counted.where(_of_table(table), _condition(shape))


@lru_cache(maxsize=512)
def _size(table: str, shape: Shape, *, is_limited: bool) -> Select[Any]:
    """Of a limited query as many documents as it may give, though they may be other ones."""
    length = func.length(cast(records.c.doc, Text()))
    lengths = select(length.label("n")).where(_of_table(table), _condition(shape))
    if is_limited:
        lengths = lengths.limit(bindparam("most"))
    return select(func.coalesce(func.sum(lengths.subquery().c.n), 0))


@lru_cache(maxsize=512)
def _delete(table: str, shape: Shape) -> Executable:
    return delete(records).where(_of_table(table), _condition(shape)).returning(records.c.id)


def _of_table(table: str) -> ColumnElement[bool]:
    return records.c.table_name == inline(table)


def _condition(shape: Shape) -> ColumnElement[bool]:
    """A shape as SQL. It may be NULL where it does not hold; below ``not`` it may not."""
    word = shape[0]
    if word == "and":
        return and_(true(), *(_condition(each) for each in shape[1:]))
    if word == "or":
        return or_(false(), *(_condition(each) for each in shape[1:]))
    if word == "not":
        return not_(func.coalesce(_condition(shape[1]), false()))
    if word == "never":
        return false()
    if word == "always":
        return true()
    if word == "kind":
        return _is_kind(shape[1], shape[2])
    return _comparison(*shape)


def _is_kind(path: str, kind: str) -> ColumnElement[bool]:
    found = doc_kind(records.c.doc, place(path))
    if kind == "null":
        return or_(found.is_(None), found == inline("null"))
    if kind == "present":
        return and_(found.is_not(None), found != inline("null"))
    return found == inline(kind)


def _comparison(operator: str, path: str, kind: str, name: str) -> ColumnElement[bool]:
    if operator == "in":
        return one_of(_found(path, kind), name)
    if kind == "column":
        return _ordered(_COLUMNS[path], operator, bindparam(name, type_=BigInteger()))
    where = place(path)
    if operator == "$contains":
        value = [] if name is None else [bindparam(name, type_=_type(kind))]
        holds = list_holds(records.c.doc, where, inline(kind), *value)
        if kind != "text":
            return holds
        return or_(holds, text_holds(doc_text(records.c.doc, where), value[0]))
    if operator == "$starts_with":
        return text_begins(doc_text(records.c.doc, where), bindparam(name, type_=Text()))
    return _ordered(_found(path, kind), operator, bindparam(name, type_=_type(kind)))


def _found(path: str, kind: str) -> ColumnElement[Any]:
    if kind == "column":
        return _COLUMNS[path]
    return (doc_number if kind == "number" else doc_text)(records.c.doc, place(path))


def _type(kind: str) -> DocNumber | Text:
    return DocNumber() if kind == "number" else Text()


def _ordered(
    left: ColumnElement[Any], operator: str, right: ColumnElement[Any]
) -> ColumnElement[bool]:
    if operator == "$eq":
        return left == right
    return seldom(getattr(left, _ORDER[operator])(right))


# sorting: by kind (numbers, ranked texts, other texts, the rest), then by number, then by text


def _keys(sort: Sort) -> list[ColumnElement[Any]]:
    where = place(sort.path)
    number, text = doc_number(records.c.doc, where), doc_text(records.c.doc, where)
    ranked = _rank(text, sort.ranks)
    kinds = [(number.is_not(None), 0)]
    if sort.ranks:
        kinds.append((ranked.is_not(None), 1))
    kind = case(*kinds, (text.is_not(None), 2), else_=3)
    first = func.coalesce(number, ranked, 0) if sort.ranks else func.coalesce(number, 0)
    second = (
        case((ranked.is_(None), func.coalesce(text, "")), else_="")
        if sort.ranks
        else (func.coalesce(text, ""))
    )
    return [kind, first, second]


def _rank(text: ColumnElement[Any], ranks: Sequence[str]) -> ColumnElement[Any]:
    if not ranks:
        return null()
    return case(*((text == each, n) for n, each in enumerate(ranks)), else_=None)


def _order(sort: Sort) -> list[ColumnElement[Any]]:
    if sort.path in _COLUMNS:
        return [getattr(_COLUMNS[sort.path], sort.direction)()]
    if sort.holds:
        found = _found(sort.path, sort.holds)
        return [getattr(found, sort.direction)().nulls_last()]
    kind, number, text = _keys(sort)
    return [kind.asc(), getattr(number, sort.direction)(), getattr(text, sort.direction)()]


def _place_params(after: Place) -> dict[str, Any]:
    params: dict[str, Any] = {"after_id": after.id}
    for n, (kind, number, text) in enumerate(after.keys):
        params |= {f"k{n}": kind, f"n{n}": number, f"t{n}": text}
    return params


def _behind(sort: Sequence[Sort], kinds: Sequence[int]) -> ColumnElement[bool]:
    """What comes after the place that is bound: a step further in the first key that differs."""
    condition: ColumnElement[bool] = records.c.id > bindparam("after_id", type_=BigInteger())
    for n in reversed(range(len(sort))):
        equal, further = _step(sort[n], n)
        condition = or_(further, and_(equal, condition))
    return condition


def _step(sort: Sort, n: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    bound_number = bindparam(f"n{n}", type_=DocNumber())
    if sort.path in _COLUMNS:
        column = _COLUMNS[sort.path]
        at = bindparam(f"n{n}", type_=BigInteger())
        return column == at, (column > at if sort.direction == "asc" else column < at)
    kind, number, text = _keys(sort)
    bound_kind = bindparam(f"k{n}", type_=Integer())
    bound_text = bindparam(f"t{n}", type_=Text())
    pairs = [(number, bound_number), (text, bound_text)]
    equal = and_(kind == bound_kind, *(left == right for left, right in pairs))
    further: ColumnElement[bool] = false()
    for left, right in reversed(pairs):
        step = left > right if sort.direction == "asc" else left < right
        further = or_(step, and_(left == right, further))
    return equal, or_(kind > bound_kind, and_(kind == bound_kind, further))


# measures


@lru_cache(maxsize=512)
def _aggregate(
    table: str,
    shape: Shape,
    group_by: tuple[str, ...],
    measures: tuple[tuple[Measure, str], ...],
    is_limited: bool,
) -> Select[Any]:
    groups = [_group(path) for path in group_by]
    columns = [column for measure, path in measures for column in _measured(measure, path)]
    statement = select(*groups, *columns).where(_of_table(table), _condition(shape))
    if groups:
        statement = statement.group_by(*groups).order_by(*groups)
    return statement.limit(bindparam("most")) if is_limited else statement


def _group(path: str) -> ColumnElement[Any]:
    if path in _COLUMNS:
        raise InvalidError(
            f"Records cannot be grouped by {path!r}: group by a field of their own.",
            code="filter_invalid",
        )
    return func.coalesce(doc_json(records.c.doc, place(path)), "null")


def _measured(measure: Measure, path: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Two columns: what is asked for, and what it needs beside it."""
    nothing = null()
    if measure == "count" and not path:
        return func.count(literal(1)), nothing
    if path in _COLUMNS:
        column = _COLUMNS[path]
        if measure in ("min", "max"):
            return getattr(func, measure)(column), nothing
        return func.count(column), nothing
    where = place(path)
    if measure == "count":
        return func.sum(case((_is_kind(path, "present"), 1), else_=0)), nothing
    if measure == "count_unique":
        text = case((_is_kind(path, "present"), doc_json(records.c.doc, where)))
        return func.count(text.distinct()), nothing
    number, words = doc_number(records.c.doc, where), doc_text(records.c.doc, where)
    if measure in ("sum", "avg"):
        return func.sum(number), func.count(number)
    extreme = getattr(func, measure)
    return extreme(number), extreme(words)
