"""PostgreSQL by asyncpg under SQLAlchemy's async engine.

One connection of the pool writes (through the group commit), the others read.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Insert, event, exc, text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql.base import Executable

from hub.errors import ConflictError, InvalidError, StoreError
from hub.model.segment import Publication
from hub.model.telling import Telling
from hub.store.sealing import Keyring
from hub.store.statement import pieces
from hub.store.tls import way_to
from hub.store.tx import CLAIMED, UNIQUE_INDEX, Params, Row, Tx

T = TypeVar("T")

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_PLACEHOLDER = re.compile(r"\$(\d+)(?:::[A-Z]+)?")
_FORMS = 6
"""So many sets of columns that are given once are told apart for each insert."""
_POOL = 6
_WAIT_S = 10
_IDLE_MS = 5_000
"""A transaction whose client is cut off keeps its locks so long: nobody else gets at the rows."""
_RETRY_STATES = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock not had
_ALONE = ("ix_runs_concurrency_key", "ix_deliveries_ordering_key")
"""Unique indexes of rows that are under way: another process was quicker with a key."""
_FULL_STATES = frozenset({"53100"})
_REFUSED_CLASSES = ("22", "23")  # data exception, integrity violation


@dataclass(frozen=True, slots=True)
class _Rows:
    """An ``INSERT`` of many rows in one statement: each column of values is one array.

    What stands in the statement itself is given once, and so is a column whose values are all
    the same: the rows of a batch are alike, and each value of an array costs the client a look.
    """

    into: str
    row: str
    tail: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    fixed: dict[str, Any]
    statement: Executable
    """Kept, so that its id stays its own."""
    forms: list[frozenset[str]]
    """The sets of columns that were given once so far: each makes a statement of its own."""

    def sql(self, form: frozenset[str], first: int = 1, condition: str = "") -> str:
        """``INSERT … SELECT … FROM unnest($1, …)``; ``first`` numbers its first parameter.

        The columns of ``form`` are given once. A ``condition`` may name the array that follows
        the others as ``claimed``.
        """
        given, columns = [], []
        for at, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            if name not in form:
                given.append(f"${first + at}::{'TEXT' if kind == 'JSON' else kind}[]")
                columns.append(f"p{at + 1}")
        if condition:
            given.append(f"${first + len(self.names)}::TEXT[]")
            columns.append(CLAIMED)

        def placed(found: re.Match[str]) -> str:
            at = int(found[1])
            name, kind = self.names[at - 1], self.kinds[at - 1]
            return f"${first + at - 1}::{kind}" if name in form else f"p{at}::{kind}"

        picked = _PLACEHOLDER.sub(placed, self.row)[1:-1]
        source = f"unnest({', '.join(given)}) AS t({', '.join(columns)})"
        return f"{self.into}SELECT {picked} FROM {source}{condition}{self.tail}"  # noqa: S608 - compiled parts

    def arguments(self, params: Sequence[Params]) -> tuple[frozenset[str], list[Any]]:
        """The columns that are given once, and the parameters: a list for each of the others."""
        columns = {n: [each[n] for each in params] for n in self.names if n not in self.fixed}
        _, *others = columns  # one column tells how many rows there are
        alike = {n for n in others if columns[n].count(columns[n][0]) == len(params)}
        form = self._form(frozenset(alike | self.fixed.keys()))
        return form, [
            self.fixed[n] if n in self.fixed else columns[n][0] if n in form else columns[n]
            for n in self.names
        ]

    def _form(self, alike: frozenset[str]) -> frozenset[str]:
        """This set, or one within it that is known: few statements are to be prepared."""
        if alike in self.forms:
            return alike
        if len(self.forms) < _FORMS:
            self.forms.append(alike)
            return alike
        return max((each for each in self.forms if each <= alike), key=len)


_ROWS: dict[int, _Rows] = {}
_Part: TypeAlias = tuple[_Rows, frozenset[str]]
"""An insert, and the columns that are given once."""
_TEXTS: dict[tuple[Any, ...], str] = {}
"""Statements made of several inserts, by the identities and the forms of these."""


def _rows_of(statement: Executable) -> _Rows:
    found = _ROWS.get(id(statement))
    if found is None:
        compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # an Insert is a ClauseElement
        head, row, tail = pieces(str(compiled))
        if _PLACEHOLDER.search(tail):
            raise ValueError(f"parameters behind the values: {tail}")
        names = tuple(compiled.positiontup)
        found = _ROWS[id(statement)] = _Rows(
            into=head.removesuffix("VALUES "),
            row=row,
            tail=tail,
            names=names,
            kinds=tuple(compiled.binds[name].type.compile(dialect=_DIALECT) for name in names),
            fixed={name: value for name, value in compiled.params.items() if value is not None},
            statement=statement,
            forms=[],
        )
        found.forms.append(frozenset(found.fixed))
    return found


def _together(inserts: Sequence[_Part]) -> str:
    """Several inserts, each into its own table, as one statement."""
    key = tuple((id(insert.statement), form) for insert, form in inserts)
    if key not in _TEXTS:
        texts, first = [], 1
        for insert, form in inserts:
            texts.append(insert.sql(form, first))
            first += len(insert.names)
        *others, last = texts
        before = ", ".join(f"i{n} AS ({text})" for n, text in enumerate(others))
        _TEXTS[key] = f"WITH {before} {last}" if before else last
    return _TEXTS[key]


def _claiming(claim: _Part, inserts: Sequence[_Part]) -> str:
    """A claim, and inserts of those rows whose claim is won, as one statement."""
    key = (0, *((id(insert.statement), form) for insert, form in (claim, *inserts)))
    if key not in _TEXTS:
        parts, first = [f"won(id) AS ({claim[0].sql(claim[1])})"], 1 + len(claim[0].names)
        for n, (insert, form) in enumerate(inserts):
            parts.append(f"i{n} AS ({insert.sql(form, first, _IF_WON)})")
            first += len(insert.names) + 1
        _TEXTS[key] = f"WITH {', '.join(parts)} SELECT id FROM won"  # noqa: S608 - as above
    return _TEXTS[key]


_IF_WON = f" WHERE {CLAIMED} IS NULL OR {CLAIMED} IN (SELECT id FROM won)"  # noqa: S608 - fixed


class PostgresTx:
    """See :class:`hub.store.tx.Tx`.

    Each statement is an exchange that is waited for, so inserts whose outcome nobody asks for
    are put off, and go together before whatever comes next.
    """

    __slots__ = ("_connection", "_left", "_put_off", "keyring", "live", "told")
    dialect = "postgresql"

    def __init__(
        self, connection: Connection, keyring: Keyring, most_statements: int = sys.maxsize
    ) -> None:
        self.keyring = keyring
        self.live: Mapping[str, Telling] = {}
        self.told: list[Publication] = []
        self._connection = connection
        self._left = most_statements
        self._put_off: list[tuple[_Rows, Sequence[Params]]] = []

    def rows(self, statement: Executable, params: Params | None = None) -> Sequence[Row]:
        self._next()
        return cast(Sequence[Row], self._connection.execute(statement, params).all())

    def run(self, statement: Executable, params: Params | None = None) -> int:
        self._next()
        return self._connection.execute(statement, params).rowcount

    def many(self, statement: Executable, params: Sequence[Params]) -> None:
        if not params:
            return
        if isinstance(statement, Insert):
            insert = _rows_of(statement)
            if any(insert.into == other.into for other, _ in self._put_off):
                self.flush()
            self._put_off.append((insert, params))
        else:
            self._next()
            self._connection.execute(statement, params)

    def many_rows(self, statement: Executable, params: Sequence[Params]) -> Sequence[Row]:
        if not params:
            return []
        insert = _rows_of(statement)
        form, arguments = insert.arguments(params)
        return cast(Sequence[Row], self._driver(insert.sql(form), arguments).all())

    def claim(
        self,
        claim: Executable,
        claims: Sequence[Params],
        then: Sequence[tuple[Executable, Sequence[Params]]],
    ) -> set[str]:
        if not claims:
            for statement, rows in then:
                self.many(statement, rows)
            return set()
        given = [(_rows_of(statement), rows) for statement, rows in then if rows]
        first = _rows_of(claim)
        form, arguments = first.arguments(claims)
        parts: list[_Part] = []
        for insert, rows in given:
            own_form, own = insert.arguments(rows)
            parts.append((insert, own_form))
            arguments += [*own, [each[CLAIMED] for each in rows]]
        text = _claiming((first, form), parts)
        return {row[0] for row in self._driver(text, arguments)}

    def flush(self) -> None:
        """Send what was put off."""
        if self._put_off:
            put_off, self._put_off = self._put_off, []
            arguments: list[Any] = []
            parts: list[_Part] = []
            for insert, params in put_off:
                form, own = insert.arguments(params)
                parts.append((insert, form))
                arguments += own
            self._driver(_together(parts), arguments)

    def _driver(self, text: str, arguments: list[Any]) -> CursorResult[Any]:
        self._next()
        return self._connection.exec_driver_sql(text, tuple(arguments))

    def _next(self) -> None:
        """What comes before each statement."""
        self.flush()
        self._left -= 1
        if self._left < 0:
            raise AssertionError("a further statement, without a transaction around it")


def _set_up(connection: Any, _: Any) -> None:
    """What holds for a new connection."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")
    connection.commit()


class PostgresEngine:
    """See :class:`hub.store.ledger.Engine`."""

    dialect = "postgresql"

    def __init__(self, url: str, keyring: Keyring | None = None) -> None:
        self._keyring = keyring or Keyring()
        place, tls = way_to(url)
        self._engine = create_async_engine(
            place,
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=_WAIT_S,
            pool_recycle=1800,
            json_serializer=str,  # JSON goes in and comes out as text: hub.model.json reads it
            json_deserializer=str,
            connect_args={
                "timeout": _WAIT_S,
                "server_settings": {"application_name": "hub"},
                **tls,
            },
        )
        event.listen(self._engine.sync_engine, "connect", _set_up)
        self._by_itself = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def check_durability(self) -> None:
        """See :class:`hub.store.ledger.Engine`."""

        def weak(tx: Tx) -> list[str]:
            shown = {name: tx.rows(text(f"SHOW {name}"))[0][0] for name in DURABLE}
            return [f"{name}={value}" for name, value in shown.items() if value == "off"]

        settings = await self.read(weak)
        if settings:
            raise StoreError(
                f"PostgreSQL runs with {', '.join(settings)}: what it commits can be lost. "
                "Switch it on (postgresql.conf) before the hub is started on it.",
                code="store_not_durable",
            )

    async def transact(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        """Run ``work`` in one write transaction and commit it.

        A ``single`` statement commits by itself: one exchange instead of three.
        """
        try:
            if single:
                async with self._by_itself.connect() as connection:
                    return await connection.run_sync(_flushed, self._keyring, work, 1)
            async with self._engine.begin() as connection:
                return await connection.run_sync(_flushed, self._keyring, work)
        except (exc.SQLAlchemyError, OSError) as error:
            raise _translated(error) from error

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in a transaction that is given up afterwards."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(lambda sync: work(PostgresTx(sync, self._keyring)))
        except (exc.SQLAlchemyError, OSError) as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _flushed(
    connection: Connection, keyring: Keyring, work: Callable[[Tx], T], most: int = sys.maxsize
) -> T:
    tx = PostgresTx(connection, keyring, most)
    result = work(tx)
    tx.flush()
    return result


DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def _translated(error: Exception) -> Exception:
    original = getattr(error, "orig", None)
    state = str(getattr(original, "sqlstate", None) or "")
    if state in _RETRY_STATES or any(name in str(original) for name in _ALONE):
        return StoreError(f"The database asks for another try: {original}.", code="store_retry")
    if state in _FULL_STATES:
        return StoreError("The database's disk is full: free space there.", code="disk_full")
    if UNIQUE_INDEX in str(original):
        return ConflictError("Another record has the same unique value.", code="not_unique")
    if state.startswith(_REFUSED_CLASSES) or "invalid input for query argument" in str(original):
        return InvalidError(f"The database refuses this: {original}.", code="store_refused")
    said = str(original or error) or type(original or error).__name__
    return StoreError(f"The database cannot be used: {said}.")
