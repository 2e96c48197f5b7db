"""``hub serve`` and ``hub worker``: the same hub in processes apart, on as many hosts as needed."""

import structlog

from hub.app import serving, stop_event, watched
from hub.bootstrap import open_hub
from hub.collecting import settle_memory
from hub.errors import SettingsError
from hub.run.runner import running
from hub.settings import Settings
from hub.starting import until_reachable
from hub.store.migrate import require_current
from hub.up import first_key
from hub.worker import working

_log = structlog.get_logger("hub.apart")


async def serve(settings: Settings) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError, StoreError: it cannot start, and why.
    """
    async with open_hub(settings, await _redis_url(settings)) as hub:
        await first_key(hub, make=False)
        async with running(hub) as runner, serving(hub, runner):
            settle_memory()
            _log.info("server.started", host=settings.host, port=settings.port)
            await stop_event().wait()


async def work(settings: Settings) -> None:
    """Work until told to stop; what is under way is finished or given back.

    Raises:
        SettingsError, StoreError: it cannot start, and why.
    """
    async with (
        open_hub(settings, await _redis_url(settings)) as hub,
        running(hub) as runner,
        working(hub, runner),
        watched(hub),
    ):
        settle_memory()
        _log.info("worker.started", worker=hub.worker)
        await stop_event().wait()


async def _redis_url(settings: Settings) -> str:
    if settings.database_url is None or settings.redis_url is None:
        raise SettingsError(
            "Servers and workers apart need HUB_DATABASE_URL (PostgreSQL) and HUB_REDIS_URL. "
            "For everything in one process start `hub up`."
        )
    await until_reachable(settings)
    await require_current(settings.database_url, settings.data)
    return settings.redis_url
