"""Filters and sorts over records, compiled to SQL with bound values.

Type-strict: text never equals a number; ``null`` equals a missing field. Paths stand inline in
the statement, because expression indexes match by text; values are always bound.
"""

import json
import re
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    Select,
    Text,
    bindparam,
    case,
    false,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from hub.errors import InvalidError
from hub.model.json import Json
from hub.model.query import Direction, Query
from hub.model.time import from_iso
from hub.store.schema import records

_COLUMNS = {
    "id": records.c.id,
    "created_at": records.c.created_at,
    "updated_at": records.c.updated_at,
}
_PART = re.compile(r"[^\"'\\\x00-\x1f.\[\]{}]{1,100}")


def select_of(query: Query) -> tuple[Select[Any], dict[str, Any]]:
    """The statement for a query, and its parameters.

    Raises:
        InvalidError: ``filter_invalid``, ``sort_invalid``.
    """
    terms, params = [], {"in_table": query.table, "after": query.after}
    for place, (path, value) in enumerate(query.equal):
        kind, bound = _bound(path, value)
        terms.append((path, kind))
        if bound is not None:
            params[f"v{place}"] = bound
    if query.limit is not None or query.offset:
        params |= {"most": _LIMITLESS if query.limit is None else query.limit, "skip": query.offset}
    return _statement(tuple(terms), query.sort, "most" in params), params


_LIMITLESS = 2**62


@lru_cache(maxsize=1024)
def _statement(
    terms: tuple[tuple[str, str], ...], sort: tuple[tuple[str, Direction], ...], limited: bool
) -> Select[Any]:
    statement = select(
        records.c.table_name,
        records.c.id,
        records.c.doc,
        records.c.created_at,
        records.c.updated_at,
        records.c.rev,
    ).where(records.c.table_name == bindparam("in_table"), records.c.id > bindparam("after"))
    for place, (path, kind) in enumerate(terms):
        statement = statement.where(_equal(path, kind, f"v{place}"))
    for path, direction in sort:
        statement = statement.order_by(*_order(path, direction))
    statement = statement.order_by(records.c.id)
    if limited:
        statement = statement.limit(bindparam("most")).offset(bindparam("skip"))
    return statement


def _bound(path: str, value: Json) -> tuple[str, Any]:
    """What kind of comparison a value asks for, and the value to bind."""
    if path in _COLUMNS:
        return _bound_column(path, value)
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, str):
        return "text", value
    found = "a list" if isinstance(value, list) else "an object"
    raise InvalidError(
        f"The filter on {path!r} compares with {found}: "
        "compare with text, a number, true, false or null.",
        code="filter_invalid",
    )


def _number(value: float) -> tuple[str, Any]:
    """SQLite holds whole numbers of 64 bits and rounds the larger ones, so they are alike too."""
    if abs(value) < 2**63:
        return "number", value
    try:
        return "number", float(value)
    except OverflowError:
        return "never", None


def _bound_column(path: str, value: Json) -> tuple[str, Any]:
    if path == "id" and type(value) is int and abs(value) < 2**63:
        return "column", value
    if path != "id" and isinstance(value, str):
        try:
            return "column", from_iso(value)
        except ValueError:
            return "never", None
    return "never", None


def _equal(path: str, kind: str, name: str) -> ColumnElement[bool]:
    if kind == "never":
        return false()
    if kind == "column":
        return _COLUMNS[path] == bindparam(name, type_=BigInteger())
    place = _place(path)
    found = doc_kind(records.c.doc, place)
    if kind == "null":
        return or_(found.is_(None), found == "null")
    if kind in ("true", "false"):
        return found == kind
    if kind == "number":
        return doc_number(records.c.doc, place) == bindparam(name, type_=Numeric())
    return doc_text(records.c.doc, place) == bindparam(name, type_=Text())


def _order(path: str, direction: Direction) -> list[ColumnElement[Any]]:
    """Numbers, then text by code point, then what has neither; the last whatever the direction."""
    if path in _COLUMNS:
        return [getattr(_COLUMNS[path], direction)()]
    place = _place(path)
    number, text = doc_number(records.c.doc, place), doc_text(records.c.doc, place)
    rank = case((number.is_not(None), 0), (text.is_not(None), 1), else_=2)
    return [rank.asc(), getattr(number, direction)(), getattr(text, direction)()]


def _place(path: str) -> ColumnElement[str]:
    parts = path.split(".")
    if not all(_PART.fullmatch(part) for part in parts):
        raise InvalidError(
            f"{path!r} cannot be filtered or sorted by: name a field, with dots for inner ones.",
            code="filter_invalid",
        )
    return literal_column(json.dumps(parts))


class _Reach(FunctionElement[Any]):
    """Reaches into ``doc``; its second clause is the path, as a JSON list in its text."""

    inherit_cache = True

    def doc(self) -> ColumnElement[Any]:
        return next(iter(self.clauses))

    def parts(self) -> list[str]:
        _, place = self.clauses
        parts: list[str] = json.loads(place.name)
        return parts


class doc_kind(_Reach):  # noqa: N801 - reads as the SQL function that it is
    """``null``, ``true``, ``false``, ``number``, ``text``, ``list``, ``object``, or NULL."""

    type = Text()
    inherit_cache = True


class doc_text(_Reach):  # noqa: N801 - reads as the SQL function that it is
    """The text that stands there, or NULL; compared by code point."""

    type = Text()
    inherit_cache = True


class doc_number(_Reach):  # noqa: N801 - reads as the SQL function that it is
    """The number that stands there, or NULL."""

    type = Numeric()
    inherit_cache = True


def _sqlite_path(parts: list[str]) -> str:
    return "'$" + "".join(f'."{part}"' for part in parts) + "'"


def _postgres_path(parts: list[str]) -> str:
    return "'{" + ",".join(f'"{part}"' for part in parts) + "}'"


@compiles(doc_kind, "sqlite")
def _kind_sqlite(element: doc_kind, compiler: SQLCompiler, **kw: Any) -> str:
    doc = compiler.process(element.doc(), **kw)
    return (
        f"(CASE json_type({doc}, {_sqlite_path(element.parts())}) WHEN 'integer' THEN 'number' "
        "WHEN 'real' THEN 'number' WHEN 'array' THEN 'list' "
        f"ELSE json_type({doc}, {_sqlite_path(element.parts())}) END)"
    )


@compiles(doc_kind, "postgresql")
def _kind_postgresql(element: doc_kind, compiler: SQLCompiler, **kw: Any) -> str:
    doc = compiler.process(element.doc(), **kw)
    at = f"{doc} #> {_postgres_path(element.parts())}"
    return (
        f"(CASE json_typeof({at}) WHEN 'string' THEN 'text' WHEN 'array' THEN 'list' "
        f"WHEN 'boolean' THEN {doc} #>> {_postgres_path(element.parts())} "
        f"ELSE json_typeof({at}) END)"
    )


@compiles(doc_text, "sqlite")
def _text_sqlite(element: doc_text, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _sqlite_path(element.parts())
    return f"(CASE json_type({doc}, {path}) WHEN 'text' THEN json_extract({doc}, {path}) END)"


@compiles(doc_text, "postgresql")
def _text_postgresql(element: doc_text, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _postgres_path(element.parts())
    return (
        f"((CASE json_typeof({doc} #> {path}) WHEN 'string' THEN {doc} #>> {path} END) "
        'COLLATE "C")'
    )


@compiles(doc_number, "sqlite")
def _number_sqlite(element: doc_number, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _sqlite_path(element.parts())
    return (
        f"(CASE WHEN json_type({doc}, {path}) IN ('integer', 'real') "
        f"THEN json_extract({doc}, {path}) END)"
    )


@compiles(doc_number, "postgresql")
def _number_postgresql(element: doc_number, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _postgres_path(element.parts())
    return f"(CASE json_typeof({doc} #> {path}) WHEN 'number' THEN ({doc} #>> {path})::numeric END)"
