"""Migrations: bring a database to this version's tables, whoever comes first."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from sqlalchemy import Connection, create_engine, event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hub.errors import StoreError
from hub.store.ledger import SQLITE_FILE
from hub.store.revision import Pending, after, newest, revision_of, revisions
from hub.store.sqlite import connect
from hub.store.tls import way_to

T = TypeVar("T")
Standing: TypeAlias = Literal["current", "behind", "newer"]
LOCK_TIMEOUT = "5s"
"""Whoever waits for a table's lock on PostgreSQL keeps all others waiting behind it."""
_LOCK = 0x68756221  # an advisory lock: concurrent upgrades wait for each other
_LOCK_POLL_S = 0.1
_LOCK_NOT_HAD, _DEADLOCK = "55P03", "40P01"
_TRIES, _TRY_AGAIN_S = 20, 0.3


async def migrate(database_url: str | None, data: Path) -> None:
    """Bring the database to the newest revision; safe to call from many processes at once.

    Hubs of the version before go on meanwhile: each migration only adds.

    Raises:
        StoreError: it cannot be reached, was written by a newer hub (``store_newer``), or somebody
            kept a table locked (``store_locked``).
    """
    if not await _on_connection(database_url, data, _pending):
        return
    if database_url is None:
        await _on_connection(None, data, _upgrade)
        return
    with _translated():
        await _upgrade_postgresql(database_url)


async def pending(database_url: str | None, data: Path) -> list[Pending]:
    """What :func:`migrate` would do, in order; nothing is changed.

    Raises:
        StoreError: it cannot be reached, or was written by a newer hub (``store_newer``).
    """
    if database_url is None and not await asyncio.to_thread((data / SQLITE_FILE).exists):
        return after(None)
    return await _on_connection(database_url, data, _pending)


async def is_current(database_url: str | None, data: Path) -> bool:
    """Whether the database has this version's tables."""
    return await _on_connection(database_url, data, lambda c: revision_of(c) == newest())


async def standing(database_url: str | None, data: Path) -> Standing:
    """Whether the tables are this version's, older ones or none, or a newer hub's.

    Raises:
        StoreError: it cannot be reached.
    """
    return await _on_connection(database_url, data, _standing)


async def require_there(database_url: str | None, data: Path) -> None:
    """Refuse a folder without a database, which opening it would make.

    Raises:
        StoreError: ``store_missing``.
    """
    if database_url is None and not await asyncio.to_thread((data / SQLITE_FILE).exists):
        raise StoreError(
            f"There is no hub's database in {data} (HUB_DATA): start `hub up` once, or run "
            "`hub migrate`.",
            code="store_missing",
        )


async def require_current(database_url: str | None, data: Path) -> None:
    """Refuse a database that is not there, or has not this version's tables.

    Raises:
        StoreError: ``store_missing``, ``store_not_migrated``.
    """
    await require_there(database_url, data)
    if not await is_current(database_url, data):
        raise StoreError(
            "The database does not have this version's tables: run `hub migrate` once.",
            code="store_not_migrated",
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (exc.SQLAlchemyError, OSError) as error:
        if _state(error) in (_LOCK_NOT_HAD, _DEADLOCK):
            raise StoreError(
                "Somebody keeps a table of the database locked, so that it cannot be migrated: "
                "try again, or see what runs there (pg_stat_activity).",
                code="store_locked",
            ) from error
        raise StoreError(f"The database cannot be used: {error}.") from error


async def _on_connection(
    database_url: str | None, data: Path, work: Callable[[Connection], T]
) -> T:
    with _translated():
        if database_url is None:
            return await asyncio.to_thread(_on_sqlite, data / SQLITE_FILE, work)
        return await _on_postgresql(database_url, work)


def _on_sqlite(path: Path, work: Callable[[Connection], T]) -> T:
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # so that DDL is rolled back as well

    with engine.begin() as connection:
        return work(connection)


async def _on_postgresql(url: str, work: Callable[[Connection], T]) -> T:
    place, tls = way_to(url)
    engine = create_async_engine(place, poolclass=NullPool, connect_args=tls)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def _upgrade_postgresql(url: str) -> None:
    """Each migration in a transaction of its own, so that one may leave it for an index."""
    place, tls = way_to(url)
    engine = create_async_engine(place, poolclass=NullPool, connect_args=tls)
    try:
        async with engine.connect() as connection:
            # asked for again and again: an index that is made online waits for whoever waits
            while not await connection.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})")):
                await connection.commit()
                await asyncio.sleep(_LOCK_POLL_S)
            await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            await connection.commit()
            await _until_locked(connection)
    finally:
        await engine.dispose()


async def _until_locked(connection: AsyncConnection) -> None:
    """Upgrade. Whoever writes may have the tables' locks in another order: then try again."""
    for left in reversed(range(_TRIES)):
        try:
            await connection.run_sync(_upgrade)
            await connection.commit()
        except exc.DBAPIError as error:
            await connection.rollback()
            if not left or _state(error) not in (_LOCK_NOT_HAD, _DEADLOCK):
                raise
            await asyncio.sleep(_TRY_AGAIN_S)
        else:
            return


def _state(error: BaseException) -> str | None:
    """PostgreSQL's code for what went wrong."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _standing(connection: Connection) -> Standing:
    current = revision_of(connection)
    if current == newest():
        return "current"
    return "behind" if current is None or current in revisions() else "newer"


def _pending(connection: Connection) -> list[Pending]:
    """The migrations that are missing, in order."""
    current = revision_of(connection)
    if current is not None and current not in revisions():
        raise StoreError(
            f"The database was written by a newer hub (revision {current}): start that version.",
            code="store_newer",
        )
    return after(current)


def _upgrade(connection: Connection) -> None:
    missing = _pending(connection)
    if connection.dialect.name == "postgresql":
        connection.commit()  # what has been read so far: each migration begins by itself
    if missing:
        from hub.store.upgrading import upgrade  # it brings Alembic: slow, and seldom needed

        upgrade(connection)
