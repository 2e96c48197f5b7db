"""Migrations: bring a database to this version's tables, whoever comes first."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, exc, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hub.errors import StoreError
from hub.store.ledger import SQLITE_FILE
from hub.store.sqlite import connect
from hub.store.tls import way_to

T = TypeVar("T")
Standing: TypeAlias = Literal["current", "behind", "newer"]
_LOCK = 0x68756221  # an advisory lock: concurrent upgrades wait for each other


async def migrate(database_url: str | None, data: Path) -> None:
    """Bring the database to the newest revision; safe to call from many processes at once.

    Raises:
        StoreError: it cannot be reached, or was written by a newer hub.
    """
    await _on_connection(database_url, data, _upgrade)


async def is_current(database_url: str | None, data: Path) -> bool:
    """Whether the database has this version's tables."""
    return await _on_connection(database_url, data, lambda c: _revision(c) == _newest())


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


async def _on_connection(
    database_url: str | None, data: Path, work: Callable[[Connection], T]
) -> T:
    try:
        if database_url is None:
            return await asyncio.to_thread(_on_sqlite, data / SQLITE_FILE, work)
        return await _on_postgresql(database_url, work)
    except (exc.SQLAlchemyError, OSError) as error:
        raise StoreError(f"The database cannot be used: {error}.") from error


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
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _standing(connection: Connection) -> Standing:
    current = _revision(connection)
    if current == _newest():
        return "current"
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return "behind" if current is None or current in known else "newer"


def _upgrade(connection: Connection) -> None:
    stands = _standing(connection)
    if stands == "current":
        return
    if stands == "newer":
        raise StoreError(
            f"The database was written by a newer hub (revision {_revision(connection)}): "
            "start that version.",
            code="store_newer",
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
