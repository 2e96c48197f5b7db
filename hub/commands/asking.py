"""The API's operations, done by a command in its own process: no server, and no key.

It works while the hub is down. A hub that runs beside it sees what was changed within a second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hub.bootstrap import open_hub
from hub.settings import Settings
from hub.store.migrate import require_current
from hub.valkey import reached
from hub.web.access import Access
from hub.web.desk import Desk


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """The desk over the ledger that the settings name; Redis need not answer.

    Raises:
        StoreError: ``store_missing``, ``store_not_migrated``, or it cannot be reached.
        SettingsError: a connector or functions cannot be loaded.
    """
    await require_current(settings.database_url, settings.data)
    with reached(settings.data) as embedded:
        async with open_hub(settings, settings.redis_url or embedded) as hub:
            yield Desk(hub, Access(hub.ledger))
