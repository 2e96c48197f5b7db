"""Reaching into a record's document, as each database spells it.

Paths stand inline in the statement, because expression indexes match by text; values are bound.
"""

import json
from decimal import Decimal
from itertools import product
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Numeric,
    Text,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from hub.model.filter import check_path, is_place


def place(path: str) -> ColumnElement[str]:
    """A dotted path as the second argument of what reaches into a document.

    Raises:
        FilterError: it holds what no path in a statement can.
    """
    check_path(path)
    return literal_column(json.dumps(path.split(".")))


class DocNumber(TypeDecorator[Any]):
    """A number as JSON writes it: 0.1 is a tenth, and not the binary fraction next to it."""

    impl = Numeric
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return Decimal(repr(value)) if isinstance(value, float) else value


class _Reach(FunctionElement[Any]):
    """Reaches into ``doc``; its second clause is the path, as a JSON list in its text."""

    inherit_cache = True

    def doc(self) -> ColumnElement[Any]:
        return next(iter(self.clauses))

    def parts(self) -> list[str]:
        _, where, *_ = self.clauses
        parts: list[str] = json.loads(where.name)
        return parts

    def rest(self) -> list[ColumnElement[Any]]:
        return list(self.clauses)[2:]


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

    type = DocNumber()
    inherit_cache = True


class doc_json(_Reach):  # noqa: N801 - reads as the SQL function that it is
    """What stands there as JSON text, or NULL."""

    type = Text()
    inherit_cache = True


class list_holds(_Reach):  # noqa: N801 - reads as the SQL function that it is
    """Whether a list stands there, with an item of this kind and value (third and fourth clause).

    For booleans and null the kind says it all, and there is no fourth clause.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self  # it is a condition as it stands


class text_holds(FunctionElement[bool]):  # noqa: N801 - reads as the SQL function that it is
    """Whether a text (first clause) holds another."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self


class text_begins(FunctionElement[bool]):  # noqa: N801 - reads as the SQL function that it is
    """Whether a text (first clause) begins with another."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self


def _sqlite_paths(parts: list[str]) -> list[str]:
    """The path in each way to read it: a number is a name of a field, or a place in a list."""
    ways = [[f'."{part}"', f"[{part}]"] if is_place(part) else [f'."{part}"'] for part in parts]
    return ["'$" + "".join(way) + "'" for way in product(*ways)]


def _either(element: _Reach, compiler: SQLCompiler, one: str, **kw: Any) -> str:
    doc = compiler.process(element.doc(), **kw)
    found = [one.format(doc=doc, path=path) for path in _sqlite_paths(element.parts())]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def _postgres_path(parts: list[str]) -> str:
    return "'{" + ",".join(f'"{part}"' for part in parts) + "}'"


@compiles(doc_kind, "sqlite")
def _kind_sqlite(element: doc_kind, compiler: SQLCompiler, **kw: Any) -> str:
    kind = _either(element, compiler, "json_type({doc}, {path})", **kw)
    return (
        f"(CASE {kind} WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' "
        f"WHEN 'array' THEN 'list' ELSE {kind} END)"
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
    one = "(CASE json_type({doc}, {path}) WHEN 'text' THEN json_extract({doc}, {path}) END)"
    return _either(element, compiler, one, **kw)


@compiles(doc_text, "postgresql")
def _text_postgresql(element: doc_text, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _postgres_path(element.parts())
    return (
        f"((CASE json_typeof({doc} #> {path}) WHEN 'string' THEN {doc} #>> {path} END) "
        'COLLATE "C")'
    )


@compiles(doc_number, "sqlite")
def _number_sqlite(element: doc_number, compiler: SQLCompiler, **kw: Any) -> str:
    one = (
        "(CASE WHEN json_type({doc}, {path}) IN ('integer', 'real') "
        "THEN json_extract({doc}, {path}) END)"
    )
    return _either(element, compiler, one, **kw)


@compiles(doc_number, "postgresql")
def _number_postgresql(element: doc_number, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _postgres_path(element.parts())
    return f"(CASE json_typeof({doc} #> {path}) WHEN 'number' THEN ({doc} #>> {path})::numeric END)"


@compiles(doc_json, "sqlite")
def _json_sqlite(element: doc_json, compiler: SQLCompiler, **kw: Any) -> str:
    return _either(element, compiler, "({doc} -> {path})", **kw)


@compiles(doc_json, "postgresql")
def _json_postgresql(element: doc_json, compiler: SQLCompiler, **kw: Any) -> str:
    doc = compiler.process(element.doc(), **kw)
    return f"(({doc} #> {_postgres_path(element.parts())})::text)"


_SQLITE_KINDS = {"number": "IN ('integer', 'real')", "text": "= 'text'", "null": "= 'null'",
                 "true": "= 'true'", "false": "= 'false'"}  # fmt: skip


@compiles(list_holds, "sqlite")
def _holds_sqlite(element: list_holds, compiler: SQLCompiler, **kw: Any) -> str:
    doc = compiler.process(element.doc(), **kw)
    kind, *values = element.rest()
    value = f" AND each.atom = {compiler.process(values[0], **kw)}" if values else ""
    wanted = _SQLITE_KINDS[str(kind.name).strip("'")]
    tests = [
        f"(json_type({doc}, {path}) = 'array' AND EXISTS (SELECT 1 FROM json_each({doc}, {path}) "  # noqa: S608 - compiled parts
        f"AS each WHERE each.type {wanted}{value}))"
        for path in _sqlite_paths(element.parts())
    ]
    return f"({' OR '.join(tests)})"


_POSTGRES_KINDS = {"number": "number", "text": "string", "null": "null",
                   "true": "boolean", "false": "boolean"}  # fmt: skip


@compiles(list_holds, "postgresql")
def _holds_postgresql(element: list_holds, compiler: SQLCompiler, **kw: Any) -> str:
    doc, path = compiler.process(element.doc(), **kw), _postgres_path(element.parts())
    kind, *values = element.rest()
    name = str(kind.name).strip("'")
    items = f"CASE json_typeof({doc} #> {path}) WHEN 'array' THEN {doc} #> {path} ELSE '[]' END"
    test = f"json_typeof(each.value) = '{_POSTGRES_KINDS[name]}'"
    if name in ("true", "false"):
        test += f" AND each.value #>> '{{}}' = '{name}'"
    elif name == "number":
        bound = compiler.process(values[0], **kw)
        test = f"CASE WHEN {test} THEN (each.value #>> '{{}}')::numeric = {bound} ELSE false END"
    elif name == "text":
        test += f" AND each.value #>> '{{}}' = {compiler.process(values[0], **kw)}"
    return f"EXISTS (SELECT 1 FROM json_array_elements({items}) AS each(value) WHERE {test})"  # noqa: S608 - compiled parts


@compiles(text_holds, "sqlite")
def _text_holds_sqlite(element: text_holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"instr({text}, {part}) > 0"


@compiles(text_holds, "postgresql")
def _text_holds_postgresql(element: text_holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"strpos({text}, {part}) > 0"


@compiles(text_begins, "sqlite")
def _text_begins_sqlite(element: text_begins, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"substr({text}, 1, length({part})) = {part}"


@compiles(text_begins, "postgresql")
def _text_begins_postgresql(element: text_begins, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(each, **kw) for each in element.clauses)
    return f"starts_with({text}, {part})"
