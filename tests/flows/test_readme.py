"""The README's own lines, as a new user would type them."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.program import ADMIN_KEY, STACKS, Program, free_port

README = (STACKS.parent / "README.md").read_text()


def lines_with(word: str, *, port: int, sink_port: int) -> str:
    """The shell block that holds a word, for the ports of this test."""
    (block,) = [each for each in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if word in each]
    return block.replace("localhost:8080", f"127.0.0.1:{port}").replace("9009", str(sink_port))


async def shell(script: str) -> str:
    """What a script prints; its functions live as long as it does."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        env={"HUB_ADMIN_KEY": ADMIN_KEY, "PATH": "/usr/bin:/bin:/usr/local/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@asynccontextmanager
async def sink(port: int, log: Path) -> AsyncIterator[None]:
    """``hub sink`` beside the hub."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", "sink", "--port", str(port), stdout=said, stderr=said
        )
    yield
    process.terminate()
    await process.wait()


def has(path: Path, words: tuple[str, ...]) -> bool:
    """Whether a file has all of these words."""
    text = path.read_text()
    return all(word in text for word in words)


async def until(path: Path, *words: str) -> None:
    """Wait until a file has all of these words."""
    async with asyncio.timeout(10):
        while not has(path, words):
            await asyncio.sleep(0.02)


@pytest.mark.timeout(90)
async def test_the_first_minute_leads_to_a_run_a_request_and_a_message(tmp_path: Path) -> None:
    port, sink_port = free_port(), free_port()
    arguments = ["up", "--port", str(port), "--data", str(tmp_path / "data")]
    hub = Program(
        [*arguments, "--stacks", str(STACKS)], {"HUB_OUTBOUND_ALLOW": ""}, tmp_path / "up"
    )
    await hub.start()
    async with sink(sink_port, tmp_path / "sink"):
        await hub.ready(f"http://127.0.0.1:{port}")
        ports = {"port": port, "sink_port": sink_port}
        await shell(lines_with("allow_private", **ports))
        with (tmp_path / "page").open("wb") as said:
            page = await asyncio.create_subprocess_shell(
                "exec " + lines_with("curl -N", **ports), stdout=said
            )
        await until(tmp_path / "page", ":")
        sent = json.loads(await shell(lines_with("customer.updated", **ports)))
        assert sent["status"] == "accepted"
        await until(tmp_path / "sink", "ada@example.com", "/leads")
        await until(tmp_path / "page", '"event":"customer_changed"', "Ada Lovelace")
        page.terminate()
        await page.wait()
        helper = lines_with("allow_private", **ports).splitlines()[0]
        seen = await shell(f"{helper}\n{lines_with('/v1/tables/customers/records', **ports)}")
    assert sent["run_id"] in seen
    assert '"status":"delivered"' in seen
    assert "cus_1042" in seen
    assert await hub.stop() == 0, hub.said()
