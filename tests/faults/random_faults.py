"""Faults at random: parts of a hub are killed, frozen and restarted while it works."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
from redis.exceptions import RedisError

from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.faults.apart import pid_of_valkey
from tests.program import Program, free_port

LEASE_S = 2.0
_LONGEST_REST_S = 3.0

Fault = Callable[[random.Random], Awaitable[None]]


class Kept:
    """A program that is started again whenever it ends, as an init system would do."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._stopping = False

    async def keep(self) -> None:
        """Run it until :meth:`stop`."""
        while not self._stopping:
            await self.program.start()
            assert self.program.process is not None
            await self.program.process.wait()
            await asyncio.sleep(0.1)

    async def ready(self, base: str, timeout_s: float = 60.0) -> None:
        """Wait until ``/readyz`` says so, however often it is started meanwhile."""
        async with asyncio.timeout(timeout_s), httpx.AsyncClient(trust_env=False) as probe:
            while True:
                with suppress(httpx.TransportError):
                    if (await probe.get(f"{base}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def kill(self, chance: random.Random) -> None:
        """``kill -9``."""
        await self._signal(signal.SIGKILL)

    async def restart(self, chance: random.Random) -> None:
        """As a deployment does it: it is asked to end, and ends well."""
        await self._signal(signal.SIGTERM)

    async def freeze(self, chance: random.Random) -> None:
        """It stands still, with all its connections, for longer than its leases last."""
        process = self.program.process
        await self._signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S + chance.uniform(0, 2))
        if process is self.program.process:
            await self._signal(signal.SIGCONT)

    async def _signal(self, number: int) -> None:
        process = self.program.process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    async def stop(self) -> int:
        """End it for good; gives its exit code."""
        self._stopping = True
        return await self.program.stop()


class Faults:
    """What can happen, and how often it has."""

    def __init__(self, chance: random.Random, known: Mapping[str, Fault]) -> None:
        self._chance = chance
        self._known = known
        self.happened: Counter[str] = Counter()

    async def happen(self, for_s: float) -> None:
        """One after the other, with a rest between them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                while True:
                    await asyncio.sleep(self._chance.uniform(0.2, _LONGEST_REST_S))
                    name = self._chance.choice(sorted(self._known))
                    self.happened[name] += 1
                    await asyncio.shield(self._known[name](self._chance))  # to its end, always


class Part:
    """A hub in processes of its own: where it answers, and what can happen to it."""

    def __init__(self, base: str, programs: list[Kept], faults: dict[str, Fault]) -> None:
        self.base = base
        self.programs = programs
        self.faults = faults


@asynccontextmanager
async def embedded_part(folder: Path) -> AsyncIterator[Part]:
    """``hub up``, whose Valkey can be killed apart."""
    port = free_port()
    data = folder / "data"
    arguments = ["up", "--port", str(port), "--data", str(data), "--stacks", str(folder / "none")]
    hub = Kept(Program(arguments, {"HUB_LEASE_S": str(LEASE_S)}, folder / "up.log"))

    async def kill_valkey(chance: random.Random) -> None:
        await _kill_valkey(f"unix://{data / 'valkey.sock'}?db=0")

    faults = {"kill hub": hub.kill, "restart hub": hub.restart, "kill valkey": kill_valkey}
    async with _kept([hub]):
        yield Part(f"http://127.0.0.1:{port}", [hub], faults)


@asynccontextmanager
async def parts_apart(folder: Path, database: Postgres) -> AsyncIterator[Part]:
    """A server and two workers over a PostgreSQL and a Valkey."""
    port = free_port()
    async with AsyncExitStack() as opened:
        valkey = await opened.enter_async_context(EmbeddedValkey(folder / "valkey"))
        keeping = asyncio.create_task(valkey.supervise())
        opened.callback(keeping.cancel)
        url = opened.enter_context(database.database())
        environment = {
            "HUB_DATABASE_URL": url,
            "HUB_REDIS_URL": valkey.url,
            "HUB_LEASE_S": str(LEASE_S),
        }
        migration = Program(["migrate"], environment, folder / "migrate.log")
        await migration.start()
        assert migration.process is not None
        assert await migration.process.wait() == 0, migration.said()
        server = Kept(Program(["serve", "--port", str(port)], environment, folder / "serve.log"))
        one, two = (
            Kept(Program(["worker"], environment, folder / f"worker.{n}.log")) for n in (1, 2)
        )

        async def kill_valkey(chance: random.Random) -> None:
            await _kill_valkey(valkey.url)

        async def kill_postgresql(chance: random.Random) -> None:
            await asyncio.to_thread(database.kill)
            await asyncio.sleep(chance.uniform(0, 1.5))
            await asyncio.to_thread(database.start)

        async def freeze_postgresql(chance: random.Random) -> None:
            database.freeze()
            try:
                await asyncio.sleep(chance.uniform(0.2, 3))
            finally:
                database.thaw()

        faults: dict[str, Fault] = {
            "kill server": server.kill,
            "restart server": server.restart,
            "kill worker 1": one.kill,
            "kill worker 2": two.kill,
            "restart worker 1": one.restart,
            "freeze worker 2": two.freeze,
            "kill valkey": kill_valkey,
            "kill postgresql": kill_postgresql,
            "freeze postgresql": freeze_postgresql,
        }
        async with _kept([server, one, two]):
            yield Part(f"http://127.0.0.1:{port}", [server, one, two], faults)


@asynccontextmanager
async def _kept(programs: list[Kept]) -> AsyncIterator[None]:
    """Programs that run until the end of the block, and end well."""
    keeping = [asyncio.create_task(each.keep()) for each in programs]
    try:
        yield
        codes = await asyncio.gather(*(each.stop() for each in programs))
        assert codes == [0] * len(programs), [each.program.said()[-2000:] for each in programs]
    finally:
        for each in keeping:
            each.cancel()
        for kept in programs:
            process = kept.program.process
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()


async def _kill_valkey(url: str) -> None:
    with suppress(RedisError, OSError):  # it is away already
        os.kill(await pid_of_valkey(url), signal.SIGKILL)
