"""The few pieces of SQL that the two databases spell differently.

``insert`` is PostgreSQL's; SQLite's compiler takes its ``ON CONFLICT`` as it stands.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Table,
    bindparam,
    literal_column,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

SQLITE_NOW = "hub_now"


class now_us(FunctionElement[int]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock, in microseconds since the epoch; constant within a statement."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_us, "sqlite")
def _now_sqlite(element: now_us, compiler: SQLCompiler, **kw: Any) -> str:
    # bound by SqliteTx: on SQLite the database's clock is this machine's
    return compiler.process(bindparam(SQLITE_NOW, type_=BigInteger()), **kw)


@compiles(now_us, "postgresql")
def _now_postgresql(element: now_us, compiler: SQLCompiler, **kw: Any) -> str:
    return "(extract(epoch from statement_timestamp()) * 1000000)::bigint"


class seldom(FunctionElement[bool]):  # noqa: N801 - reads as the SQL function that it is
    """A condition that holds for few rows, as far as the planner of SQLite should know.

    Without that it takes a range with one end for a quarter of all rows, and no index for it.
    PostgreSQL counts for itself.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self


@compiles(seldom, "sqlite")
def _seldom_sqlite(element: seldom, compiler: SQLCompiler, **kw: Any) -> str:
    (condition,) = element.clauses
    return f"likelihood({compiler.process(condition, **kw)}, 0.01)"


@compiles(seldom, "postgresql")
def _seldom_postgresql(element: seldom, compiler: SQLCompiler, **kw: Any) -> str:
    (condition,) = element.clauses
    return f"({compiler.process(condition, **kw)})"


class one_of(FunctionElement[bool]):  # noqa: N801 - reads as the SQL operator that it is
    """``column`` is in the list bound as ``name``: one statement for lists of any length."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=ARRAY(column.type)))

    def self_group(self, against: Any = None) -> Any:
        return self  # it is a condition as it stands; SQLite would get "= 1" behind it


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled parts


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} = ANY({values})"


class unsought(FunctionElement[Any]):  # noqa: N801 - reads as the SQL operator that it is
    """A column that SQLite looks for by no index, because another one has far fewer rows.

    PostgreSQL counts for itself.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unsought, "sqlite")
def _unsought_sqlite(element: unsought, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    return f"+{compiler.process(column, **kw)}"


@compiles(unsought, "postgresql")
def _unsought_postgresql(element: unsought, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    return compiler.process(column, **kw)


def inline(word: str) -> ColumnElement[str]:
    """A fixed word in the statement's own text, so that a partial index can be used."""
    if not word.isidentifier():
        raise ValueError(f"not a fixed word: {word!r}")
    return literal_column(f"'{word}'")


def insert_of(table: Table, **expressions: Any) -> Insert:
    """``INSERT`` of every column from a parameter of its name, but for those given here."""
    values = {
        column.name: expressions.get(column.name, bindparam(column.name, type_=column.type))
        for column in table.columns
    }
    return insert(table).values(values)


def pieces(sql: str) -> tuple[str, str, str]:
    """An ``INSERT``: what stands before, in and behind the parentheses of ``VALUES (…)``."""
    start = sql.index(" VALUES (") + len(" VALUES ")
    level = 0
    for place in range(start, len(sql)):
        level += {"(": 1, ")": -1}.get(sql[place], 0)
        if level == 0:
            return sql[:start], sql[start : place + 1], sql[place + 1 :]
    raise ValueError(f"no INSERT of values: {sql}")
