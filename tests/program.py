"""The hub as a program under test: in this process, or started and killed as a user would."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hub.bootstrap import Hub
from hub.settings import load_settings
from hub.up import embedded
from tests import contract
from tests.databases import prepare

ADMIN_KEY = "a-key-for-the-tests-that-is-long-enough"
LOOPBACK = "127.0.0.0/8,::1/128"
SELDOM_S = 3600.0
"""What fails on purpose is no alert, but where alerts are what is tested."""
STACKS = Path(__file__).parent.parent / "stacks"


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Driven:
    """A running hub and a client with its admin key."""

    base: str
    api: httpx.AsyncClient
    hub: Hub | None = None

    async def put(self, path: str, body: Any) -> dict[str, Any]:
        """Set something, and give the answer."""
        if isinstance(body, str):
            answer = await self.api.put(path, content=body, headers={"content-type": "text/plain"})
        else:
            answer = await self.api.put(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def get(self, path: str) -> dict[str, Any]:
        """Look at something."""
        answer = await self.api.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(self, path: str, timeout_s: float = 10.0, **wanted: Any) -> dict[str, Any]:
        """Look until the object has these values."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = await self.get(path)
                    if all(found.get(name) == value for name, value in wanted.items()):
                        return found
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{path} never had {wanted}: {found}") from None


def client(base: str) -> httpx.AsyncClient:
    """A client with the admin key; each answer is held against the OpenAPI document."""
    return httpx.AsyncClient(
        base_url=base,
        headers={"authorization": f"Bearer {ADMIN_KEY}"},
        timeout=20,
        trust_env=False,
        event_hooks={"response": [contract.check]},
    )


@asynccontextmanager
async def embedded_hub(data: Path, **given: Any) -> AsyncIterator[Driven]:
    """``hub up`` inside this process."""
    settings = load_settings(
        **{
            "data": data,
            "port": free_port(),
            "admin_key": ADMIN_KEY,
            "stacks": data / "stacks",
            "outbound_allow": LOOPBACK,
            "stop_grace_s": 2.0,
            "alert_every_s": SELDOM_S,
            **given,
        }
    )
    base = f"http://127.0.0.1:{settings.port}"
    prepare(settings.database_url, data)
    async with embedded(settings) as (hub, _), client(base) as api:
        yield Driven(base, api, hub)


class Program:
    """A command of the hub in a process of its own, in a process group of its own."""

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str | None],
        log: Path,
        prelude: str | None = None,
    ) -> None:
        """An ``environment`` on top of this process's own; None takes a variable away.

        ``prelude`` is Python that the process runs first.
        """
        begin = ["-m", "hub"]
        if prelude is not None:
            begin = ["-c", f"{prelude}\nfrom hub.cli import main\nmain()"]
        self._arguments = [*begin, *arguments]
        wanted = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_")},
            "HUB_ADMIN_KEY": ADMIN_KEY,
            "HUB_OUTBOUND_ALLOW": LOOPBACK,
            "HUB_ALERT_EVERY_S": str(SELDOM_S),
            **environment,
        }
        self._environment = {name: value for name, value in wanted.items() if value is not None}
        self._log = log
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it need not be ready yet."""
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._arguments,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    async def ready(self, base: str, timeout_s: float = 20.0) -> None:
        """Wait until ``/readyz`` says so."""
        assert self.process is not None
        async with asyncio.timeout(timeout_s), httpx.AsyncClient(trust_env=False) as probe:
            while True:
                assert self.process.returncode is None, self.said()
                with suppress(httpx.TransportError):
                    if (await probe.get(f"{base}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.02)

    async def ended(self, timeout_s: float = 60.0) -> int:
        """Start it unless it runs; gives the exit code with which it ends by itself."""
        if self.process is None:
            await self.start()
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """``kill -9``, with nothing said before."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self, timeout_s: float = 20.0) -> int:
        """Ask it to end; gives its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    def said(self) -> str:
        """All that it wrote."""
        return self._log.read_text()
