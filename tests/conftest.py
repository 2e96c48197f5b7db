"""What the tests share. Real parts only: a Valkey of its own for each test process."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from hypothesis import settings
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from hub import keys
from hub.collecting import collect_seldom
from hub.store.ledger import Ledger, open_ledger
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres, prepare

collect_seldom()
settings.register_profile("hub", deadline=None)  # nothing fails because a machine is slow
settings.load_profile("hub")


@pytest.fixture(autouse=True)
def _own_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test may set up logs; no logger remembers it, and afterwards they are as before."""
    configure = structlog.configure

    def uncached(**wanted: Any) -> None:
        configure(**{**wanted, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    plain = structlog.dev.plain_traceback  # the default one takes a second for each error
    add_level = structlog.processors.add_log_level
    configure(processors=[add_level, structlog.dev.ConsoleRenderer(exception_formatter=plain)])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey for the whole session; whoever kills one starts one of their own."""
    async with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the whole session."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None for SQLite, else a migrated database of its own."""
    with _database(request) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None for SQLite, else a database of its own without a table."""
    with _database(request, empty=True) as url:
        yield url


@contextmanager
def _database(request: pytest.FixtureRequest, *, empty: bool = False) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
    else:
        with request.getfixturevalue("postgres").database(empty=empty) as url:
            yield url


@pytest_asyncio.fixture
async def ledger(database_url: str | None, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A migrated, empty ledger, on either database."""
    prepare(database_url, tmp_path)
    opened = await open_ledger(database_url, tmp_path)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    """A client of it; nothing is in it."""
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
        yield client


@pytest.fixture(autouse=True)
def _every_key_ends(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each key that a test leaves behind ends by itself or is known to be permanent."""
    if "valkey" not in request.fixturenames:
        yield
        return
    server: EmbeddedValkey = request.getfixturevalue("valkey")
    yield
    with SyncRedis.from_url(server.url) as client:
        left = {key.decode() for key in client.scan_iter() if client.ttl(key) == -1}
    assert left <= keys.PERMANENT, f"keys without an end: {sorted(left - keys.PERMANENT)}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the seed, which brings the same order and the same faults again."""
    config = terminalreporter.config
    seed = config.getoption("randomly_seed", None)
    terminalreporter.write_line(f"seed {seed}: --randomly-seed={seed} brings the same again")
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
