"""PostgreSQL by asyncpg under SQLAlchemy's async engine.

One connection of the pool writes (through the group commit), the others read.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Insert, exc, text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql.base import Executable

from hub.errors import InvalidError, StoreError
from hub.store.statement import pieces
from hub.store.tx import Params, Row, Tx

T = TypeVar("T")

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_PLACEHOLDER = re.compile(r"\$(\d+)(?:::[A-Z]+)?")
_POOL = 6
_WAIT_S = 10
_RETRY_STATES = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock not had
_FULL_STATES = frozenset({"53100"})
_REFUSED_CLASSES = ("22", "23")  # data exception, integrity violation


@dataclass(frozen=True, slots=True)
class _Unnested:
    """An ``INSERT`` of many rows in one statement: each column of values is one array."""

    sql: str
    names: tuple[str, ...]
    fixed: dict[str, Any]
    statement: Executable
    """Kept, so that its id stays its own."""

    def arrays(self, params: Sequence[Params]) -> tuple[list[Any], ...]:
        """The values, column by column."""
        fixed = self.fixed
        return tuple(
            [fixed[name]] * len(params) if name in fixed else [each[name] for each in params]
            for name in self.names
        )


_UNNESTED: dict[int, _Unnested] = {}


def _unnested(statement: Executable) -> _Unnested:
    found = _UNNESTED.get(id(statement))
    if found is None:
        compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # an Insert is a ClauseElement
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        names = tuple(compiled.positiontup)
        kinds = [compiled.binds[name].type.compile(dialect=_DIALECT) for name in names]
        sql = _unnest(str(compiled), kinds)
        found = _UNNESTED[id(statement)] = _Unnested(sql, names, fixed, statement)
    return found


def _unnest(sql: str, kinds: list[str]) -> str:
    """``INSERT … VALUES ($1, …)`` as ``INSERT … SELECT p1, … FROM unnest($1, …)``."""
    head, row, tail = pieces(sql)
    kind_at = dict(enumerate(kinds, 1))
    given = [f"${at}::{'TEXT' if kind == 'JSON' else kind}[]" for at, kind in kind_at.items()]
    columns = ", ".join(f"p{at}" for at in kind_at)
    picked = _PLACEHOLDER.sub(lambda found: f"p{found[1]}::{kind_at[int(found[1])]}", row)
    into = head.removesuffix("VALUES ")
    source = f"unnest({', '.join(given)}) AS t({columns})"
    return f"{into}SELECT {picked[1:-1]} FROM {source}{tail}"  # noqa: S608 - compiled parts


class PostgresTx:
    """See :class:`hub.store.tx.Tx`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: Executable, params: Params | None = None) -> Sequence[Row]:
        return cast(Sequence[Row], self._connection.execute(statement, params).all())

    def run(self, statement: Executable, params: Params | None = None) -> int:
        return self._connection.execute(statement, params).rowcount

    def many(self, statement: Executable, params: Sequence[Params]) -> None:
        if not params:
            return
        if isinstance(statement, Insert):
            insert = _unnested(statement)
            self._connection.exec_driver_sql(insert.sql, insert.arrays(params))
        else:
            self._connection.execute(statement, params)

    def many_rows(self, statement: Executable, params: Sequence[Params]) -> Sequence[Row]:
        if not params:
            return []
        insert = _unnested(statement)
        result = self._connection.exec_driver_sql(insert.sql, insert.arrays(params))
        return cast(Sequence[Row], result.all())


class PostgresEngine:
    """See :class:`hub.store.ledger.Engine`."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=_WAIT_S,
            pool_recycle=1800,
            json_serializer=str,  # JSON goes in and comes out as text: hub.model.json reads it
            json_deserializer=str,
            connect_args={"timeout": _WAIT_S, "server_settings": {"application_name": "hub"}},
        )

    async def check_durability(self) -> None:
        """See :class:`hub.store.ledger.Engine`."""

        def weak(tx: Tx) -> list[str]:
            shown = {name: tx.rows(text(f"SHOW {name}"))[0][0] for name in _DURABLE}
            return [f"{name}={value}" for name, value in shown.items() if value == "off"]

        settings = await self.read(weak)
        if settings:
            raise StoreError(
                f"PostgreSQL runs with {', '.join(settings)}: what it commits can be lost. "
                "Switch it on (postgresql.conf) before the hub is started on it.",
                code="store_not_durable",
            )

    async def transact(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in one write transaction and commit it."""
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(lambda sync: work(PostgresTx(sync)))
        except (exc.SQLAlchemyError, OSError) as error:
            raise _translated(error) from error

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in a transaction that is given up afterwards."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(lambda sync: work(PostgresTx(sync)))
        except (exc.SQLAlchemyError, OSError) as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def _translated(error: Exception) -> Exception:
    original = getattr(error, "orig", None)
    state = str(getattr(original, "sqlstate", None) or "")
    if state in _RETRY_STATES:
        return StoreError(f"The database asks for another try: {original}.", code="store_retry")
    if state in _FULL_STATES:
        return StoreError("The database's disk is full: free space there.", code="disk_full")
    if state.startswith(_REFUSED_CLASSES) or "invalid input for query argument" in str(original):
        return InvalidError(f"The database refuses this: {original}.", code="store_refused")
    said = str(original or error) or type(original or error).__name__
    return StoreError(f"The database cannot be used: {said}.")
