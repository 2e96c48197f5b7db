"""A server and a worker over PostgreSQL and a Valkey, which the tests take away from them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from hub.app import serving
from hub.bootstrap import open_hub
from hub.run.runner import running
from hub.settings import load_settings
from hub.up import first_key
from hub.worker import working
from tests.databases import prepare
from tests.program import ADMIN_KEY, LOOPBACK, Driven, Program, client, free_port


@asynccontextmanager
async def apart(
    data: Path, database_url: str, redis_url: str, **given: Any
) -> AsyncIterator[Driven]:
    """``hub serve`` and ``hub worker`` inside this process."""
    settings = load_settings(
        data=data,
        database_url=database_url,
        redis_url=redis_url,
        port=free_port(),
        admin_key=ADMIN_KEY,
        outbound_allow=LOOPBACK,
        stop_grace_s=2.0,
        **given,
    )
    prepare(database_url, data)
    base = f"http://127.0.0.1:{settings.port}"
    async with (
        open_hub(settings, redis_url) as hub,
        running(hub) as runner,
        working(hub, runner),
        serving(hub, runner),
        client(base) as api,
    ):
        await first_key(hub)
        yield Driven(base, api, hub)


@asynccontextmanager
async def programs(data: Path, database_url: str, redis_url: str) -> AsyncIterator[Driven]:
    """``hub serve`` and ``hub worker`` in processes of their own; both have to end well."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {"HUB_DATABASE_URL": database_url, "HUB_REDIS_URL": redis_url}
    prepare(database_url, data)
    server = Program(["serve", "--port", str(port)], environment, data / "serve.log")
    worker = Program(["worker"], environment, data / "worker.log")
    async with AsyncExitStack() as stack:
        for program in (server, worker):
            await program.start()
            stack.push_async_callback(_ends_well, program)
        await server.ready(base, timeout_s=60)
        yield Driven(base, await stack.enter_async_context(client(base)))


async def _ends_well(program: Program) -> None:
    assert await program.stop() == 0, program.said()


async def until(condition: Callable[[], Any], timeout_s: float = 15.0) -> None:
    """Look again and again until the answer is yes."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.05)


async def pid_of_valkey(redis_url: str) -> int:
    """The process of a Valkey, as it says itself."""
    async with Redis.from_url(redis_url) as redis:
        pid: int = (await redis.info("server"))["process_id"]
        return pid
