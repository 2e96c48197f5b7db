"""Removes what is over, again and again, as a worker does: retention is measured beside it."""

import asyncio

import uvloop

from hub.app import stop_event
from hub.bootstrap import ledger_of, terms_of
from hub.observe.log import set_up_logs
from hub.retention.pruning import Pruner
from hub.settings import Settings, load_settings


async def _prune(settings: Settings) -> None:
    ledger = await ledger_of(settings)
    pruning = asyncio.create_task(Pruner(ledger, lambda: terms_of(settings)).prune(3600))
    try:
        await stop_event().wait()
    finally:
        pruning.cancel()
        await asyncio.gather(pruning, return_exceptions=True)
        await ledger.close()


def main() -> None:
    """The command; runs until SIGINT or SIGTERM."""
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_prune(settings))


if __name__ == "__main__":
    main()
