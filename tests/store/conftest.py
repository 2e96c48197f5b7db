"""Each test of the store runs on both databases."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.store.ledger import Ledger, open_ledger
from hub.store.migrate import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None for SQLite, else a database of its own."""
    if request.param == "sqlite":
        yield None
    else:
        with request.getfixturevalue("postgres").database() as url:
            yield url


@pytest_asyncio.fixture
async def ledger(database_url: str | None, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A migrated, empty ledger."""
    await migrate(database_url, tmp_path)
    opened = await open_ledger(database_url, tmp_path)
    yield opened
    await opened.close()
