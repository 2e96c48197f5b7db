"""Whether a process lives, seen from outside by ``deploy/health.py``."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.smoking import DEPLOY
from tests.program import embedded_hub, free_port


def health(*arguments: str, alive: Path | str | None = None) -> int:
    """Its exit code."""
    environment = {"PATH": os.defpath}
    if alive is not None:
        environment["HUB_ALIVE_FILE"] = str(alive)
    done = subprocess.run(
        [sys.executable, "-I", "-S", DEPLOY / "health.py", *arguments],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) == (done.stderr == b"")
    return done.returncode


def test_a_file_that_was_touched_lately_is_life(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    assert health(alive=alive) == 1  # it is not there
    alive.touch()
    assert health(alive=alive) == 0
    long_ago = time.time() - 30
    os.utime(alive, (long_ago, long_ago))
    assert health(alive=alive) == 1
    assert health(alive="") == 0  # nothing is asked


async def test_a_server_that_lives_touches_its_file_and_answers(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    async with embedded_hub(tmp_path / "data", alive_file=alive) as hub:
        await hub.get("/healthz")
        place = f"127.0.0.1:{hub.base.rpartition(':')[2]}"

        def asked(path: str) -> int:
            return health(f"http://{place}{path}", alive=alive)

        assert await asyncio.to_thread(asked, "/healthz") == 0
        assert await asyncio.to_thread(asked, "/nowhere") == 1
        seen = alive.stat().st_mtime
        async with asyncio.timeout(20):
            while alive.stat().st_mtime == seen:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/healthz", "http://127.0.0.1:{}"])
def test_where_nobody_answers_nobody_lives(url: str) -> None:
    assert health(url.format(free_port())) == 1
