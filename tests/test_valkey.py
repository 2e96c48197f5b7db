import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from hub.errors import SettingsError
from hub.lock import DataFolderLock
from hub.valkey import EmbeddedValkey

HUB = """
import asyncio, pathlib, sys
from hub.valkey import EmbeddedValkey

async def main():
    async with EmbeddedValkey(pathlib.Path(sys.argv[1])) as valkey:
        print(valkey.url, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def client_of(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey.url) as client:
        yield client


async def pid_of(client: Redis) -> int:
    return int((await client.info("server"))["process_id"])


def proc_stat(pid: int) -> list[str]:
    """State, parent and so on; a process that is gone counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return ["X", "0"]


def answers(url: str) -> bool:
    try:
        with SyncRedis.from_url(url) as client:
            return bool(client.ping())
    except RedisConnectionError:
        return False


async def eventually(url: str, pid: int) -> int:
    """The process id of the server that took the place of ``pid``."""
    async with asyncio.timeout(5):
        while True:
            try:
                async with Redis.from_url(url) as client:
                    await client.ping()  # it tells its number while it loads its data
                    if (found := await pid_of(client)) != pid:
                        return found
            except RedisConnectionError:
                pass
            await asyncio.sleep(0.01)


@asynccontextmanager
async def supervised(valkey: EmbeddedValkey) -> AsyncIterator[None]:
    task = asyncio.create_task(valkey.supervise())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def hub_process(tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HUB, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )


async def test_it_starts_in_a_private_folder_and_keeps_a_log_of_every_write(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    async with EmbeddedValkey(folder) as valkey, client_of(valkey) as client:
        told = await client.config_get("*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700
        assert (told["appendonly"], told["appendfsync"], told["save"]) == ("yes", "everysec", "")
        assert (told["port"], told["maxmemory-policy"]) == ("0", "noeviction")
    assert not answers(valkey.url)
    assert "ready to exit" in valkey.log.read_text()


async def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, client_of(valkey) as client:
        await client.set("word", "kept")
    async with EmbeddedValkey(tmp_path) as valkey, client_of(valkey) as client:
        assert await client.get("word") == b"kept"


async def test_a_second_hub_in_the_same_folder_is_refused_and_told_what_to_do(
    tmp_path: Path,
) -> None:
    async with EmbeddedValkey(tmp_path) as valkey:
        with pytest.raises(SettingsError) as refused:
            await DataFolderLock(tmp_path).take(wait_s=0)
        assert answers(valkey.url)
    assert refused.value.code == "data_in_use"
    assert f"process {os.getpid()}" in refused.value.message
    assert str(tmp_path) in refused.value.message
    assert "HUB_DATA" in refused.value.message


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="HUB_DATA") as refused:
        await EmbeddedValkey(tmp_path / "file" / "data").start()
    assert refused.value.code == "data_unusable"


async def test_a_lock_that_was_taken_before_stays_taken_after_the_stop(tmp_path: Path) -> None:
    async with DataFolderLock(tmp_path) as lock:
        async with EmbeddedValkey(tmp_path, lock):
            pass
        with pytest.raises(SettingsError):
            await DataFolderLock(tmp_path).take(wait_s=0)
    async with DataFolderLock(tmp_path):
        pass


async def test_a_start_that_fails_says_why_and_leaves_the_folder_free(tmp_path: Path) -> None:
    aof = tmp_path / "appendonlydir"
    aof.mkdir()
    (aof / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(SettingsError, match=r"valkey\.log is .+HUB_REDIS_URL") as failed:
        await EmbeddedValkey(tmp_path).start()
    assert failed.value.code == "valkey_failed"
    (aof / "appendonly.aof.manifest").unlink()
    async with EmbeddedValkey(tmp_path) as valkey:
        assert answers(valkey.url)


def test_it_ends_when_its_hub_is_killed(hub_process: subprocess.Popen[str]) -> None:
    with hub_process:
        assert hub_process.stdout is not None
        url = hub_process.stdout.readline().strip()
        assert answers(url)
        hub_process.kill()
    deadline = time.monotonic() + 2
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_a_quick_restart_waits_for_the_server_of_the_killed_hub(
    hub_process: subprocess.Popen[str], tmp_path: Path
) -> None:
    with hub_process:
        assert hub_process.stdout is not None
        with SyncRedis.from_url(hub_process.stdout.readline().strip()) as client:
            client.set("word", "kept")
        hub_process.kill()
    async with EmbeddedValkey(tmp_path) as valkey, client_of(valkey) as client:
        assert await client.get("word") == b"kept"


async def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, supervised(valkey):
        async with client_of(valkey) as client:
            for n in range(200):
                await client.set(f"word:{n}", n)
            pid = await pid_of(client)
        for _ in range(2):
            os.kill(pid, signal.SIGKILL)
            pid = await eventually(valkey.url, pid)
        async with client_of(valkey) as client:
            assert await client.dbsize() == 200


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the guard by /proc")
async def test_a_killed_guard_leaves_no_second_server(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, supervised(valkey):
        async with client_of(valkey) as client:
            await client.set("word", "kept")
            pid = await pid_of(client)
        guard = int(proc_stat(pid)[1])
        os.kill(guard, signal.SIGKILL)
        await eventually(valkey.url, pid)
        assert proc_stat(pid)[0] in "ZX"  # at most a zombie that nobody has collected yet
        async with client_of(valkey) as client:
            assert await client.get("word") == b"kept"


async def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey, client_of(valkey) as client:
        assert os.getsid(await pid_of(client)) != os.getsid(0)


@pytest.mark.parametrize("name", ["x" * 120, "my data"])
async def test_a_folder_whose_path_does_not_fit_a_socket_works_all_the_same(
    tmp_path: Path, name: str
) -> None:
    async with EmbeddedValkey(tmp_path / name) as valkey:
        assert len(os.fsencode(valkey.socket)) <= 100
        assert answers(valkey.url)
        assert (tmp_path / name / "valkey.sock").exists()
        link = valkey.socket.parent
    assert not link.is_symlink()
    assert (tmp_path / name / "appendonlydir").exists()


async def test_a_log_that_has_grown_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "valkey.log").write_text("x" * 1_048_577)
    async with EmbeddedValkey(tmp_path) as valkey:
        assert valkey.log.stat().st_size < 100_000
    assert (tmp_path / "valkey.log.old").stat().st_size == 1_048_577
