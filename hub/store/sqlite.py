"""SQLite: one writer thread, a few reader threads, plain ``sqlite3``.

``journal_mode=WAL`` with ``synchronous=FULL``: a commit is on the disk when it returns.
"""

import asyncio
import math
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable

from hub.errors import ConflictError, InvalidError, StoreError
from hub.model.json import dumps_text
from hub.model.segment import Publication
from hub.model.telling import Telling
from hub.model.time import now_us
from hub.store.sealing import Keyring
from hub.store.statement import SQLITE_NOW, pieces
from hub.store.tx import CLAIMED, UNIQUE_INDEX, Params, Row, Tx

T = TypeVar("T")

_NAMED = sqlite.dialect(paramstyle="named")
_POSITIONAL = sqlite.dialect(paramstyle="qmark")
_MOST_STATEMENTS = 4096
_INT64 = 2**63
_MOST_ROWS = 32
"""In one statement: each number of rows is one of its own to be prepared, and they are kept."""
_SWITCH_S = 0.0001
"""A thread that waits for the interpreter's lock may have it after so long.

The event loop holds it for milliseconds while it hears a burst of requests, and the writer needs
it a few times in each transaction: by Python's own 5 ms they work in turn, by this side by side.
"""
_BUSY_S = 10
_LOCKED_PAUSE_S = 0.01
_READERS = 2
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with the settings that durability rests on; transactions are explicit."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    for pragma in _PRAGMAS:
        _set(connection, pragma)
    return connection


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Set it; SQLite waits for no lock while a new file becomes one with a write-ahead log."""
    end_s = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end_s:
                raise
            time.sleep(_LOCKED_PAUSE_S)
        else:
            return


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as SQLite takes it, with the values that stand in the statement itself."""

    sql: str
    fixed: dict[str, Any]
    statement: Executable
    """Kept, so that its id stays its own."""


@dataclass(frozen=True, slots=True)
class _Insert:
    """An ``INSERT`` in pieces, so that one statement takes many rows."""

    head: str
    row: str
    tail: str
    row_names: tuple[str, ...]
    tail_names: tuple[str, ...]
    fixed: dict[str, Any]
    statement: Executable
    pick: Callable[[Params], tuple[Any, ...]]
    """The values of a row's names."""
    adds: bool
    """Whether a row has values that stand in the statement, or are the clock's."""

    def sql(self, rows: int) -> str:
        """The statement for so many rows."""
        return self.head + ",".join([self.row] * rows) + self.tail

    def values(self, rows: Sequence[Params], now_us: int) -> list[Any]:
        """What it takes for these."""
        also = {**self.fixed, SQLITE_NOW: now_us}
        whole = [{**also, **each} for each in rows] if self.adds else rows
        values = list(chain.from_iterable(map(self.pick, whole)))
        if self.tail_names:
            first = {**also, **rows[0]}
            values += [first[name] for name in self.tail_names]
        return values


class Statements:
    """Compiled statements, by their identity: they are constants of the store's modules."""

    def __init__(self) -> None:
        self._named: dict[int, _Compiled] = {}
        self._inserts: dict[int, _Insert] = {}

    def named(self, statement: Executable) -> _Compiled:
        """A statement with named parameters."""
        found = self._named.get(id(statement))
        if found is None:
            compiled = statement.compile(dialect=_NAMED)  # type: ignore[attr-defined]  # every Core statement is a ClauseElement
            found = _Compiled(str(compiled), _fixed(compiled), statement)
            if len(self._named) < _MOST_STATEMENTS:
                self._named[id(statement)] = found
        return found

    def insert(self, statement: Executable) -> _Insert:
        """An ``INSERT`` of many rows."""
        found = self._inserts.get(id(statement))
        if found is None:
            compiled = statement.compile(dialect=_POSITIONAL)  # type: ignore[attr-defined]  # as above
            head, row, tail = pieces(str(compiled))
            names, in_row, fixed = tuple(compiled.positiontup), row.count("?"), _fixed(compiled)
            found = self._inserts[id(statement)] = _Insert(
                *(head, row, tail, names[:in_row], names[in_row:], fixed, statement),
                pick=_picking(names[:in_row]),
                adds=not {*fixed, SQLITE_NOW}.isdisjoint(names[:in_row]),
            )
        return found


def _picking(names: tuple[str, ...]) -> Callable[[Params], tuple[Any, ...]]:
    pick = itemgetter(*names)
    return pick if len(names) > 1 else lambda row: (pick(row),)


def _fixed(compiled: Any) -> dict[str, Any]:
    return {name: value for name, value in compiled.params.items() if value is not None}


class SqliteTx:
    """See :class:`hub.store.tx.Tx`.

    Each call into SQLite lets go of the interpreter's lock and has to win it back, so many rows
    go in as few statements as can be.
    """

    __slots__ = ("_clock", "_cursor", "_statements", "keyring", "live", "told")
    dialect = "sqlite"

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        statements: Statements,
        clock: Callable[[], int],
        keyring: Keyring,
    ) -> None:
        self.keyring = keyring
        self.live: Mapping[str, Telling] = {}
        self.told: list[Publication] = []
        self._cursor = cursor
        self._statements = statements
        self._clock = clock

    def rows(self, statement: Executable, params: Params | None = None) -> Sequence[Row]:
        compiled = self._statements.named(statement)
        return self._cursor.execute(compiled.sql, self._bound(compiled.fixed, params)).fetchall()

    def run(self, statement: Executable, params: Params | None = None) -> int:
        compiled = self._statements.named(statement)
        return self._cursor.execute(compiled.sql, self._bound(compiled.fixed, params)).rowcount

    def many(self, statement: Executable, params: Sequence[Params]) -> None:
        if not params:
            return
        if isinstance(statement, Insert):
            self.many_rows(statement, params)
        else:
            compiled = self._statements.named(statement)
            bound = [self._bound(compiled.fixed, each) for each in params]
            self._cursor.executemany(compiled.sql, bound)

    def many_rows(self, statement: Executable, params: Sequence[Params]) -> Sequence[Row]:
        found: list[Row] = []
        insert, now_us = self._statements.insert(statement), self._clock()
        for at in range(0, len(params), _MOST_ROWS):
            rows = params[at : at + _MOST_ROWS]
            found += self._execute(insert.sql(len(rows)), insert.values(rows, now_us)).fetchall()
        return found

    def _execute(self, sql: str, values: list[Any]) -> sqlite3.Cursor:
        """What SQLite does not take as it is, is rare: it is looked for only then."""
        try:
            return self._cursor.execute(sql, values)
        except (OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError):
            return self._cursor.execute(sql, list(map(_fit, values)))

    def claim(
        self,
        claim: Executable,
        claims: Sequence[Params],
        then: Sequence[tuple[Executable, Sequence[Params]]],
    ) -> set[str]:
        won = {row[0] for row in self.many_rows(claim, claims)}
        for insert, rows in then:
            self.many(insert, [row for row in rows if row[CLAIMED] is None or row[CLAIMED] in won])
        return won

    def _bound(self, fixed: dict[str, Any], params: Params | None) -> dict[str, Any]:
        bound = {**fixed, **(params or {}), SQLITE_NOW: self._clock()}
        for name, value in bound.items():
            if type(value) in _TO_BE_FITTED:
                bound[name] = _fit(value)
        return bound


_TO_BE_FITTED = frozenset({int, list})


def _fit(value: Any) -> Any:
    if type(value) is list:
        return dumps_text(value)
    if type(value) is int and not -_INT64 <= value < _INT64:
        return _rounded(value)
    return value


def _rounded(value: int) -> float:
    """A number beyond 64 bits, as SQLite reads it out of JSON."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


class SqliteEngine:
    """See :class:`hub.store.ledger.Engine`."""

    dialect = "sqlite"

    def __init__(
        self, path: Path, clock: Callable[[], int] = now_us, keyring: Keyring | None = None
    ) -> None:
        self._path = path
        self._keyring = keyring or Keyring()
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._statements = Statements()
        sys.setswitchinterval(_SWITCH_S)

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

    async def transact(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        """Run ``work`` in one write transaction and commit it, a ``single`` statement too."""
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        try:
            return await loop.run_in_executor(self._writer, self._write, work, given_up)
        except asyncio.CancelledError:  # the thread may be waiting for a lock still
            given_up.set()
            raise

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

    def _write(self, work: Callable[[Tx], T], given_up: threading.Event) -> T:
        def unless_given_up(tx: Tx) -> T:
            result = work(tx)
            if given_up.is_set():  # its callers were told that it failed
                raise StoreError("The commit took too long.")
            return result

        return self._transaction(unless_given_up, "BEGIN IMMEDIATE", query_only=False)

    def _read(self, work: Callable[[Tx], T]) -> T:
        return self._transaction(work, "BEGIN", query_only=True)

    def _transaction(self, work: Callable[[Tx], T], begin: str, *, query_only: bool) -> T:
        try:
            connection = self._connection(query_only=query_only)
            cursor = connection.cursor()
            cursor.execute(begin)
            try:
                result = work(SqliteTx(cursor, self._statements, self._clock, self._keyring))
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
    if UNIQUE_INDEX in str(error):
        return ConflictError("Another record has the same unique value.", code="not_unique")
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)):
        return InvalidError(f"The database refuses this: {error}.", code="store_refused")
    if "integer overflow" in str(error):
        return InvalidError("A sum of whole numbers is larger than 64 bits.", code="sum_too_large")
    if "disk is full" in str(error):
        return StoreError("The disk is full: free space in the data folder.", code="disk_full")
    return StoreError(f"The database cannot be used: {error}.")
