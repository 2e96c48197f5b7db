"""The doctor and Redis: a Valkey of its own, set as it should not be."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotThere

from hub.doctor import Limits
from hub.doctor import redis as checks
from hub.settings import Settings, load_settings
from hub.valkey import EmbeddedValkey, _server
from tests.doctor.examined import found
from tests.program import free_port


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Redis]:
    """A Valkey that a test may spoil."""
    async with EmbeddedValkey(tmp_path / "valkey") as server, Redis.from_url(server.url) as client:
        yield client


@pytest.fixture
def settings(own: Redis, tmp_path: Path) -> Settings:
    """Those of a hub on that Valkey."""
    path = own.connection_pool.connection_kwargs["path"]
    return load_settings(data=tmp_path, redis_url=f"unix://{path}?db=0")


async def test_the_one_that_comes_along_is_well(own: Redis, tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "valkey")  # found in the data folder
    assert (await found(settings, "redis"))["redis"].startswith("Valkey")
    for check in ("redis_memory", "redis_persistence", "redis_time"):
        assert list(await found(settings, check)) == [check]


async def test_one_that_does_not_answer(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    settings = load_settings(data=tmp_path, redis_url=url)
    assert list(await found(settings, "redis")) == ["redis_down"]
    for check in ("redis_memory", "redis_persistence", "redis_time", "worker", "breakers"):
        assert list(await found(settings, check)) == ["not_looked_at"]


async def test_a_hub_that_does_not_run(tmp_path: Path) -> None:
    assert list(await found(load_settings(data=tmp_path), "redis")) == ["hub_stopped"]


async def test_one_that_is_too_old(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LEAST", (99,))
    assert list(await found(settings, "redis")) == ["redis_old"]


def test_both_tell_their_versions() -> None:
    assert checks.named({"redis_version": "6.2.1"}) == ("Redis", "6.2.1")
    both = {"redis_version": "7.2.4", "valkey_version": "9.1.0"}
    assert checks.named(both) == ("Valkey", "9.1.0")


async def test_a_replica(own: Redis, settings: Settings) -> None:
    await own.execute_command("REPLICAOF", "127.0.0.1", free_port())
    assert "127.0.0.1" in (await found(settings, "redis"))["redis_replica"]


async def test_a_cluster(tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    options = ("--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), "--save", "")
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        str(_server()), *options, "--cluster-enabled", "yes", stdout=quiet, stderr=quiet
    )
    try:
        async with Redis(unix_socket_path=str(socket)) as client:
            while True:
                try:
                    await client.ping()
                    break
                except NotThere:
                    await asyncio.sleep(0.02)
        settings = load_settings(data=tmp_path, redis_url=f"unix://{socket}?db=0")
        assert list(await found(settings, "redis")) == ["redis_cluster"]
    finally:
        server.terminate()
        await server.wait()


async def test_one_that_throws_keys_away(own: Redis, settings: Settings) -> None:
    await own.config_set("maxmemory", 100 << 20)
    assert list(await found(settings, "redis_memory")) == ["redis_memory"]
    await own.config_set("maxmemory-policy", "allkeys-lru")
    assert "allkeys-lru" in (await found(settings, "redis_memory"))["redis_evicts"]
    await own.config_set("maxmemory", 0)  # it is never full
    assert list(await found(settings, "redis_memory")) == ["redis_memory"]


async def test_one_that_is_full(own: Redis, settings: Settings) -> None:
    await own.config_set("maxmemory", 100 << 20)
    told = await found(settings, "redis_memory", Limits(redis_share=0.0))
    assert "of 100 MB are used" in told["redis_full"]


@pytest.mark.parametrize("option", ["appendonly", "appendfsync"])
async def test_one_that_forgets(own: Redis, settings: Settings, option: str) -> None:
    await own.config_set(option, "no")
    assert option in (await found(settings, "redis_persistence"))["redis_forgets"]


async def test_one_that_does_not_tell_its_settings(own: Redis, settings: Settings) -> None:
    await own.execute_command("ACL", "SETUSER", "default", "-config")
    told = await found(settings, "redis_persistence")
    assert told == {"redis_persistence": "appendonly is yes, appendfsync is unknown."}


async def test_one_whose_clock_goes_wrong(settings: Settings) -> None:
    told = await found(settings, "redis_time", clock_s=lambda: time.time() - 60)
    assert list(told) == ["redis_clock"]
