"""Starting: what a hub needs may start at the same time, in any order."""

import asyncio
from contextlib import suppress

import structlog

from hub.app import STOPPED_BY, stop_event
from hub.settings import Settings
from hub.store.awaited import why_away
from hub.store.migrate import migrate

_PAUSE_S = 1.0
_log = structlog.get_logger("hub.starting")


async def until_reachable(settings: Settings) -> None:
    """Wait until PostgreSQL takes connections, at most ``start_wait_s``; SQLite is always there.

    Whoever opens it then is told why it does not.

    Raises:
        SettingsError: the URL cannot be used.
        SystemExit: it was told to stop meanwhile.
    """
    url = settings.database_url
    if url is None or await why_away(url) is None:
        return
    stop = stop_event()
    try:
        await _wait(url, settings.start_wait_s, stop)
    finally:
        for each in STOPPED_BY:
            asyncio.get_running_loop().remove_signal_handler(each)


async def migrated(settings: Settings) -> None:
    """Bring the database to this version's tables, once it is there.

    Raises:
        SettingsError, StoreError: it cannot be, and why.
    """
    await until_reachable(settings)
    await migrate(settings.database_url, settings.data)


async def _wait(database_url: str, most_s: float, stop: asyncio.Event) -> None:
    clock = asyncio.get_running_loop().time
    until_s = clock() + most_s
    while (why := await why_away(database_url)) is not None and (left := until_s - clock()) > 0:
        _log.warning("database.awaited", why=why, left_s=round(left, 1))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(_PAUSE_S, left))
            raise SystemExit(0)
