"""``hub up``: server, worker, SQLite and Valkey in one go, with nothing else to install."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from hub.app import serving, stop_event
from hub.applying import Way, apply_files
from hub.bootstrap import Hub, open_hub
from hub.collecting import settle_memory
from hub.dashboard.sessions import new_link
from hub.lock import DataFolderLock
from hub.model.ids import new_id
from hub.model.key import Scope, hash_of, new_key, prefix_of
from hub.run.runner import running
from hub.settings import Settings, process_environment
from hub.starting import migrated
from hub.store import keys
from hub.store.leases import EXPIRE_ALL, SWEEP
from hub.valkey import EmbeddedValkey
from hub.web.api.named import Around
from hub.worker import POLL_BESIDE_SERVER_S, working

_log = structlog.get_logger("hub.up")


async def up(settings: Settings) -> None:
    """Run the embedded hub until it is told to stop."""
    async with embedded(settings) as (hub, fresh_key):
        settle_memory()
        sys.stdout.write(_welcome(hub, fresh_key, await new_link(hub.ledger, hub.settings.root)))
        sys.stdout.flush()
        await stop_event().wait()
        _log.info("stop.requested")


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[tuple[Hub, str | None]]:
    """The whole hub in this process, and the first key if one was made.

    Raises:
        SettingsError: ``data_in_use`` and others, and what to do.
    """
    async with AsyncExitStack() as stack:
        lock = await stack.enter_async_context(DataFolderLock(settings.data))
        valkey: EmbeddedValkey | None = None
        redis_url = settings.redis_url
        if redis_url is None:
            valkey = EmbeddedValkey(settings.data, lock)
            _, __ = await asyncio.gather(stack.enter_async_context(valkey), migrated(settings))
            redis_url = valkey.url
        else:
            await migrated(settings)
        hub = await stack.enter_async_context(open_hub(settings, redis_url, embedded=True))
        if valkey is not None:
            hub.supervisor.start("valkey", valkey.supervise)
        if settings.database_url is None:  # the lock says that nobody else holds a lease here
            await hub.ledger.write(EXPIRE_ALL, None)
            await hub.ledger.write(SWEEP, None)
        fresh_key = await first_key(hub)
        around = Around(hub.connectors, hub.catalog, given=process_environment())
        await apply_files(hub.ledger, [settings.stacks], around, Way(operation="hub up"))
        await hub.catalog.refresh()
        runner = await stack.enter_async_context(running(hub))
        await stack.enter_async_context(working(hub, runner, POLL_BESIDE_SERVER_S))
        await stack.enter_async_context(serving(hub, runner))
        yield hub, fresh_key


async def first_key(hub: Hub, *, make: bool = True) -> str | None:
    """See that there is a key to begin with; gives the one that was made, if one was."""
    given = hub.settings.admin_key
    if given is not None:
        await _put_key(hub, given.get_secret_value(), "HUB_ADMIN_KEY")
        return None
    known = await hub.ledger.read(keys.count_keys)
    if known or not make:
        return None
    made = new_key()
    await _put_key(hub, made, "first key")
    return made


async def _put_key(hub: Hub, key: str, name: str) -> None:
    await hub.ledger.write(
        keys.PUT,
        keys.NewKey(new_id("key"), name, prefix_of(key), hash_of(key), (Scope.ADMIN,)),
    )


def _welcome(hub: Hub, fresh_key: str | None, way_in: str) -> str:
    settings = hub.settings
    base = settings.root
    key = fresh_key or "$HUB_ADMIN_KEY"
    lines = [
        "",
        f"The hub is ready at {base}",
        "",
        f"  open in a browser {way_in}",
        f"  send events to    {base}/in/<source>",
        f"  listen with       curl -N {base}/realtime/<channel>",
        f"  try it in a page  {base}/demo",
        f'  look around with  curl -H "Authorization: Bearer {key}" {base}/v1/sources',
    ]
    if fresh_key:
        lines += ["", f"  Your first key is {fresh_key}", "  It is not shown again: keep it."]
    if settings.public_url is None and settings.host in ("127.0.0.1", "localhost", "::1"):
        lines += [
            "",
            "  n8n cloud and Make cannot reach this address. A tunnel gives it a public one:",
            f"    cloudflared tunnel --url {base}        or   ngrok http {settings.port}",
            "  then start the hub with HUB_PUBLIC_URL set to what the tunnel prints.",
        ]
    return "\n".join([*lines, "", ""])
