"""SQLite: one writer thread, a few reader threads, plain ``sqlite3``.

``journal_mode=WAL`` with ``synchronous=FULL``: a commit is on the disk when it returns.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable

from hub.errors import InvalidError, StoreError
from hub.model.json import dumps_text
from hub.store.tx import Params, Row, Tx

T = TypeVar("T")

_DIALECT = sqlite.dialect(paramstyle="named")
_BUSY_S = 10
_READERS = 2
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with the settings that durability rests on; transactions are explicit."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("hub_now", 0, lambda: time.time_ns() // 1000)
    return connection


class SqliteTx:
    """See :class:`hub.store.tx.Tx`."""

    __slots__ = ("_compiled", "_cursor")

    def __init__(
        self, cursor: sqlite3.Cursor, compiled: dict[int, tuple[str, dict[str, Any], Executable]]
    ) -> None:
        self._cursor = cursor
        self._compiled = compiled

    def rows(self, statement: Executable, params: Params | None = None) -> Sequence[Row]:
        sql, fixed = self._sql(statement)
        return self._cursor.execute(sql, _bound(fixed, params)).fetchall()

    def run(self, statement: Executable, params: Params | None = None) -> int:
        sql, fixed = self._sql(statement)
        return self._cursor.execute(sql, _bound(fixed, params)).rowcount

    def many(self, statement: Executable, params: Sequence[Params]) -> None:
        if params:
            sql, fixed = self._sql(statement)
            self._cursor.executemany(sql, [_bound(fixed, each) for each in params])

    def many_rows(self, statement: Executable, params: Sequence[Params]) -> Sequence[Row]:
        return [row for each in params for row in self.rows(statement, each)]

    def _sql(self, statement: Executable) -> tuple[str, dict[str, Any]]:
        found = self._compiled.get(id(statement))
        if found is None:
            compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # every Core statement is a ClauseElement
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            # the statement itself is kept, so that its id stays its own
            found = (str(compiled), fixed, statement)
            if len(self._compiled) < 4096:
                self._compiled[id(statement)] = found
        return found[0], found[1]


def _bound(fixed: dict[str, Any], params: Params | None) -> dict[str, Any]:
    bound = {**fixed, **params} if params else dict(fixed)
    for name, value in bound.items():
        if type(value) is list:
            bound[name] = dumps_text(value)
    return bound


class SqliteEngine:
    """See :class:`hub.store.ledger.Engine`."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._compiled: dict[int, tuple[str, dict[str, Any], Executable]] = {}

    async def check_durability(self) -> None:
        """See :class:`hub.store.ledger.Engine`."""
        loop = asyncio.get_running_loop()
        mode, level = await loop.run_in_executor(self._writer, self._durability)
        if (mode, level) != ("wal", 2):
            raise StoreError(
                f"SQLite came up with journal_mode={mode}, synchronous={level}; the hub needs "
                "WAL and FULL (2). Is the data folder on a file system without shared memory?",
                code="store_not_durable",
            )

    async def transact(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in one write transaction and commit it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write, work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` on a snapshot; writing raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Let what was begun end, and close every connection."""
        loop = asyncio.get_running_loop()
        for pool in (self._readers, self._writer):
            await loop.run_in_executor(None, pool.shutdown)
        for connection in self._opened:
            connection.close()

    def _connection(self, *, query_only: bool) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path)
            if query_only:
                connection.execute("PRAGMA query_only=ON")
            self._opened.append(connection)
            self._local.connection = connection
        return connection

    def _durability(self) -> tuple[str, int]:
        connection = self._connection(query_only=False)
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        return str(mode), int(level)

    def _write(self, work: Callable[[Tx], T]) -> T:
        return self._transaction(work, "BEGIN IMMEDIATE", query_only=False)

    def _read(self, work: Callable[[Tx], T]) -> T:
        return self._transaction(work, "BEGIN", query_only=True)

    def _transaction(self, work: Callable[[Tx], T], begin: str, *, query_only: bool) -> T:
        try:
            connection = self._connection(query_only=query_only)
            cursor = connection.cursor()
            cursor.execute(begin)
            try:
                result = work(SqliteTx(cursor, self._compiled))
                cursor.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise _translated(error) from error
        return result


def _translated(error: sqlite3.Error) -> Exception:
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)):
        return InvalidError(f"The database refuses this: {error}.", code="store_refused")
    if "disk is full" in str(error):
        return StoreError("The disk is full: free space in the data folder.", code="disk_full")
    return StoreError(f"The database cannot be used: {error}.")
