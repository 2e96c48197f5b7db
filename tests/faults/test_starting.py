"""What a hub needs may start after it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.program import Program, free_port

NOBODY = "postgresql+asyncpg://postgres@127.0.0.1:{port}/hub"


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """One that may be away: the others' goes on."""
    server = Postgres()
    yield server
    server.stop()


def program(folder: Path, *arguments: str, **environment: str) -> Program:
    given = {"HUB_REDIS_URL": "redis://127.0.0.1:1", "HUB_DATA": str(folder), **environment}
    return Program([*arguments], given, folder / f"{arguments[0]}.log")


async def says(program: Program, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in program.said():
            await asyncio.sleep(0.02)


async def test_all_of_it_waits_for_a_database_that_comes_later(
    tmp_path: Path, database: Postgres, valkey: EmbeddedValkey, redis: Redis
) -> None:
    with database.database(empty=True) as url:
        port = str(free_port())
        given = {"HUB_DATABASE_URL": url, "HUB_REDIS_URL": valkey.url}
        migrate = program(tmp_path, "migrate", **given)
        server = program(tmp_path, "serve", "--port", port, **given)
        worker = program(tmp_path, "worker", **given)
        await asyncio.to_thread(database.kill)
        try:
            await migrate.start()
            await says(migrate, "database.awaited")
        finally:
            await asyncio.to_thread(database.start)
        assert await migrate.ended() == 0, migrate.said()
        await asyncio.to_thread(database.kill)
        try:
            for each in (server, worker):
                await each.start()
                await says(each, "database.awaited")
        finally:
            await asyncio.to_thread(database.start)
        await server.ready(f"http://127.0.0.1:{port}")
        await says(worker, "worker.started")
        assert [await each.stop() for each in (server, worker)] == [0, 0]


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "up"])
async def test_whoever_waits_for_it_may_be_told_to_stop(tmp_path: Path, command: str) -> None:
    waiting = program(tmp_path, command, HUB_DATABASE_URL=NOBODY.format(port=free_port()))
    await waiting.start()
    await says(waiting, "database.awaited")
    began = time.monotonic()
    assert await waiting.stop() == 0, waiting.said()
    assert time.monotonic() - began < 10


async def test_after_the_time_it_is_told_why(tmp_path: Path) -> None:
    url = NOBODY.format(port=free_port())
    given_up = program(tmp_path, "serve", HUB_DATABASE_URL=url, HUB_START_WAIT_S="0.5")
    assert await given_up.ended() == 2
    assert "database.awaited" in given_up.said()
    assert "The database cannot be used" in given_up.said()


async def test_what_waiting_does_not_mend_is_told_at_once(
    tmp_path: Path, database: Postgres
) -> None:
    with database.database(empty=True) as url:
        other = make_url(url).set(database="nobodys").render_as_string(hide_password=False)
        for wrong, why in ((other, "does not exist"), (url, "run `hub migrate` once")):
            asked = program(tmp_path, "serve", HUB_DATABASE_URL=wrong)
            assert await asked.ended() == 2
            assert why in asked.said()
            assert "database.awaited" not in asked.said()
