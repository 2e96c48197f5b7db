"""What the tests share. Real parts only: a Valkey of its own for each test process."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from hub import keys
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres


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
    """None for SQLite, else a database of its own."""
    if request.param == "sqlite":
        yield None
    else:
        with request.getfixturevalue("postgres").database() as url:
            yield url


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
