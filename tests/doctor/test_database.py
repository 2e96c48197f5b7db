"""The doctor and the database."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.doctor import database
from hub.doctor.database import durability, version_of
from hub.doctor.finding import Grade
from hub.errors import StoreError
from hub.settings import Settings, load_settings
from hub.store.condition import Server
from hub.store.ledger import SQLITE_FILE, Ledger, open_ledger
from hub.store.migrate import require_current
from hub.store.objects import PUT, PutObject
from hub.store.sealing import Keyring
from tests.databases import Postgres, prepare
from tests.doctor.examined import found
from tests.program import free_port

NEEDY = ["tables", "durability", "database_time", "catalog", "leases", "runs", "stacks", "reach"]


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None, ledger: Ledger) -> Settings:
    """Those of a hub whose database is there."""
    return load_settings(data=tmp_path, database_url=database_url)


async def test_a_database_that_is_well(settings: Settings, ledger: Ledger) -> None:
    name = "SQLite" if ledger.dialect == "sqlite" else "PostgreSQL"
    assert (await found(settings, "database"))["database"].startswith(name)
    for check in ("tables", "durability", "database_time", "catalog"):
        assert list(await found(settings, check)) == [check]


async def test_nothing_is_made_where_there_is_no_database(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "none")
    assert "hub up" in (await found(settings, "database"))["database_missing"]
    for check in NEEDY:
        assert list(await found(settings, check)) == ["not_looked_at"]
    assert not (tmp_path / "none").exists()


async def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://somebody@127.0.0.1:{free_port()}/hub"
    told = await found(load_settings(data=tmp_path, database_url=url), "database")
    assert "cannot be used" in told["database_down"]


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / SQLITE_FILE).write_text("It was a dark and stormy night. " * 100)
    told = await found(load_settings(data=tmp_path), "database")
    assert "not a database" in told["database_down"]


async def test_a_database_that_is_too_old(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for least in ("LEAST_SQLITE", "LEAST_POSTGRESQL"):
        monkeypatch.setattr(database, least, (99,))
    assert list(await found(settings, "database")) == ["database_old"]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("16.2 (Debian 16.2-1)", (16, 2)),
        ("3.40.1", (3, 40, 1)),
        ("17beta1", ()),
        ("7.2.4", (7, 2, 4)),
    ],
)
def test_versions(said: str, version: tuple[int, ...]) -> None:
    assert version_of(said) == version


async def test_tables_of_another_version(settings: Settings, ledger: Ledger) -> None:
    name = "UPDATE alembic_version SET version_num = "
    await ledger.engine.transact(lambda tx: tx.run(text(f"{name}'0001'")))
    assert list(await found(settings, "tables")) == ["tables_behind"]
    assert list(await found(settings, "catalog")) == []
    assert list(await found(settings, "runs")) == ["not_looked_at"]
    with pytest.raises(StoreError, match="hub migrate"):
        await require_current(settings.database_url, settings.data)
    await ledger.engine.transact(lambda tx: tx.run(text(f"{name}'9999'")))
    assert list(await found(settings, "tables")) == ["tables_ahead"]


async def test_a_postgresql_that_can_lose_commits(postgres: Postgres, tmp_path: Path) -> None:
    with postgres.database() as url:
        settings = load_settings(data=tmp_path, database_url=url)
        prepare(url, tmp_path)
        ledger = await open_ledger(url, tmp_path)
        [[name]] = await ledger.read(lambda tx: tx.rows(text("SELECT current_database()")))
        weak = text(f"ALTER DATABASE {name} SET synchronous_commit = off")
        await ledger.engine.transact(lambda tx: tx.run(weak))
        await ledger.close()
        told = await found(settings, "durability")
        with pytest.raises(StoreError, match="synchronous_commit"):
            await open_ledger(url, tmp_path)
    assert "synchronous_commit=off" in told["database_not_durable"]


@pytest.mark.parametrize(
    ("settings_of", "code"),
    [
        ({"journal_mode": "wal", "synchronous": "2"}, "durability"),
        ({"journal_mode": "delete", "synchronous": "2"}, "database_not_durable"),
        ({"journal_mode": "wal", "synchronous": "1"}, "database_not_durable"),
        ({"fsync": "on", "synchronous_commit": "remote_apply"}, "durability"),
        ({"fsync": "off", "synchronous_commit": "on"}, "database_not_durable"),
    ],
)
def test_settings_that_keep_a_commit(settings_of: dict[str, str], code: str) -> None:
    [finding] = durability("It", Server("1", 1, settings_of))
    assert finding.code == code
    assert finding.grade is (Grade.OK if code == "durability" else Grade.PROBLEM)


@pytest.mark.parametrize(
    ("apart_s", "code"),
    [(10.0, "database_clock"), (-10.0, "database_clock"), (3600.0, "database_clock_far")],
)
async def test_a_clock_that_goes_wrong(settings: Settings, apart_s: float, code: str) -> None:
    clock_s: Callable[[], float] = lambda: time.time() + apart_s  # noqa: E731 - a clock
    assert list(await found(settings, "database_time", clock_s=clock_s)) == [code]


async def test_secrets_without_their_key(
    settings: Settings, database_url: str | None, tmp_path: Path
) -> None:
    sealed = await open_ledger(database_url, tmp_path, keyring=Keyring((b"o" * 32,)))
    body = '{"url":"https://till.example/","auth":{"mode":"basic","user":"a","password":"b"}}'
    await sealed.write(PUT, PutObject("destination", "till", body))
    await sealed.close()
    told = await found(settings, "catalog")
    assert "till" in told["catalog_unreadable"]
    assert list(await found(settings, "destinations")) == ["not_looked_at"]
