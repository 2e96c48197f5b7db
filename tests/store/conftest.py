"""Each test of the store runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from hub.store.ledger import Ledger, open_ledger
from hub.store.migrate import migrate


@pytest_asyncio.fixture
async def ledger(database_url: str | None, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A migrated, empty ledger."""
    await migrate(database_url, tmp_path)
    opened = await open_ledger(database_url, tmp_path)
    yield opened
    await opened.close()
