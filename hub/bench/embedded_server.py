"""``hub up`` without its worker: what ``hub serve`` is on PostgreSQL, on the embedded ledger.

Ingest is measured with it: events and runs are committed, and the runs are not carried out.
"""

import asyncio

import uvloop

from hub.app import serving, settle_memory, stop_event
from hub.bootstrap import open_hub
from hub.lock import DataFolderLock
from hub.observe.log import set_up_logs
from hub.run.runner import running
from hub.settings import Settings, load_settings
from hub.store.migrate import migrate
from hub.up import first_key
from hub.valkey import EmbeddedValkey


async def _serve(settings: Settings) -> None:
    async with (
        DataFolderLock(settings.data) as lock,
        EmbeddedValkey(settings.data, lock) as valkey,
    ):
        await migrate(settings.database_url, settings.data)
        async with open_hub(settings, valkey.url) as hub:
            await first_key(hub, make=False)
            async with running(hub) as runner, serving(hub, runner):
                settle_memory()
                await stop_event().wait()


def main() -> None:
    """The command; runs until SIGINT or SIGTERM."""
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


if __name__ == "__main__":
    main()
