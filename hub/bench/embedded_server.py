"""``hub up`` without its worker: what ``hub serve`` is on PostgreSQL, on the embedded ledger.

Ingest is measured with it: events and runs are committed, and the runs are not carried out.
SIGUSR1 has it remove what is over, until SIGUSR2.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from hub.app import serving, stop_event
from hub.bootstrap import Hub, open_hub, terms_of
from hub.collecting import collect_seldom, settle_memory
from hub.lock import DataFolderLock
from hub.observe.log import set_up_logs
from hub.retention.pruning import Pruner
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
            async with running(hub) as runner, serving(hub, runner), _pruning(hub):
                settle_memory()
                await stop_event().wait()


@asynccontextmanager
async def _pruning(hub: Hub) -> AsyncIterator[None]:
    pruner = Pruner(hub.ledger, lambda: terms_of(hub.settings))
    passes: set[asyncio.Task[dict[str, int]]] = set()

    def begin() -> None:
        passes.add(asyncio.create_task(pruner.prune(3600)))

    def end() -> None:
        for each in passes:
            each.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, begin)
    loop.add_signal_handler(signal.SIGUSR2, end)
    try:
        yield
    finally:
        end()
        await asyncio.gather(*passes, return_exceptions=True)


def main() -> None:
    """The command; runs until SIGINT or SIGTERM."""
    collect_seldom()
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


if __name__ == "__main__":
    main()
