"""One worker of several is cut off from the database or from Redis, and comes back by itself."""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.valkey import EmbeddedValkey
from tests.databases import Postgres, prepare
from tests.faults.cable import Cable, cable
from tests.faults.test_random_faults import STACK as LOADED
from tests.faults.test_random_faults import Load, audit, fields, settled, sometimes_busy
from tests.program import Driven, Program, client, free_port
from tests.sink import Answer, Sink, open_sink

STACK = """
{ task: "job", function_stack: [
  { function: "add_record", table: "begun", data: { n: "{{n}}" } },
  { function: "external_api_request", url: "SINK", data: { n: "{{n}}" } },
  { function: "add_record", table: "done", data: { n: "{{n}}" } },
] }
"""
STEADY = LOADED.replace("? 6 :", "? 0.3 :")
MANY = 12
STOPPED = "stopped"


@dataclass
class Parts:
    """A server, and what a worker is started with: on the spot, or at the end of cables."""

    driven: Driven
    sink: Sink
    server: Program
    folder: Path
    near: dict[str, str | None]
    far: dict[str, str | None]
    cables: dict[str, Cable]

    @asynccontextmanager
    async def worker(self, name: str, environment: dict[str, str | None]) -> AsyncIterator[Program]:
        """A worker until the end of the block, which has to end well."""
        worker = Program(["worker"], environment, self.folder / f"{name}.log")
        await worker.start()
        try:
            await ready(worker)
            yield worker
            assert await worker.stop() == 0, worker.said()[-3000:]
        finally:
            if worker.process is not None and worker.process.returncode is None:
                await worker.kill()


async def ready(program: Program) -> None:
    """Wait until it says so, in its newest life."""
    assert program.process is not None
    async with asyncio.timeout(20):
        while '.started"' not in program.said().rpartition(STOPPED)[2]:
            assert program.process.returncode is None, program.said()[-3000:]
            await asyncio.sleep(0.02)


@pytest.fixture
async def parts(tmp_path: Path, postgres: Postgres, valkey: EmbeddedValkey) -> AsyncIterator[Parts]:
    with postgres.database() as url, tempfile.TemporaryDirectory(prefix="hub-") as short:
        prepare(url, tmp_path)
        at = url.partition("host=")[2]
        there = Path(short)
        redis_socket = Path(urlsplit(valkey.url).path)
        near = {"HUB_DATABASE_URL": url, "HUB_REDIS_URL": valkey.url, "HUB_LEASE_S": "1"}
        far = {
            **near,
            "HUB_DATABASE_URL": url.replace(at, short),
            "HUB_REDIS_URL": f"unix://{there / 'valkey.sock'}?db=0",
            "HUB_COMMIT_TIMEOUT_S": "2",
        }
        port = free_port()
        server = Program(["serve", "--port", str(port)], dict(near), tmp_path / "serve.log")
        await server.start()
        base = f"http://127.0.0.1:{port}"
        async with (
            cable(there / ".s.PGSQL.5432", Path(at) / ".s.PGSQL.5432") as database,
            cable(there / "valkey.sock", redis_socket) as redis,
            open_sink() as sink,
            client(base) as api,
        ):
            await server.ready(base)
            cables = {"database": database, "redis": redis}
            yield Parts(Driven(base, api), sink, server, tmp_path, dict(near), dict(far), cables)
            assert await server.stop() == 0, server.said()[-3000:]


async def begin(parts: Parts, numbers: range) -> list[str]:
    """Queue a run for each."""
    told = [
        await parts.driven.api.post("/v1/tasks/job/runs", json={"input": {"n": n}}) for n in numbers
    ]
    return [each.json()["id"] for each in told]


async def ended(parts: Parts, ids: list[str]) -> None:
    for run_id in ids:
        await parts.driven.until(f"/v1/runs/{run_id}", timeout_s=30, status="succeeded")


async def once(parts: Parts, count: int) -> None:
    """Everything has happened once, requests under one key each."""
    for table in ("begun", "done"):
        found = Counter(each["n"] for each in await fields(parts.driven, table))
        assert found == Counter(range(count)), table
    keys: dict[int, set[str]] = defaultdict(set)
    for request in parts.sink.requests:
        keys[request.json["n"]].add(request.key)
    assert {n: len(each) for n, each in keys.items()} == dict.fromkeys(range(count), 1)


@pytest.mark.timeout(120)
async def test_a_worker_without_the_database_gives_up_its_runs_and_comes_back(
    parts: Parts,
) -> None:
    parts.sink.answer = lambda n, request: Answer(delay_s=0.7)
    await parts.driven.put("/v1/stacks/shop", STACK.replace("SINK", parts.sink.url))
    setting = {"connector": "standard", "url": parts.sink.url}
    await parts.driven.put("/v1/destinations/sink", setting)
    async with parts.worker("far", parts.far):
        ids = await begin(parts, range(MANY))
        await parts.sink.wait_for(MANY // 2, timeout_s=20)
        parts.cables["database"].cut()
        async with parts.worker("near", parts.near):
            await ended(parts, ids)
            await asyncio.sleep(1)
            parts.cables["database"].mend()
            await asyncio.sleep(1)
            await once(parts, MANY)
        more = await begin(parts, range(MANY, 2 * MANY))
        await ended(parts, more)
        await once(parts, 2 * MANY)


@pytest.mark.timeout(120)
async def test_a_worker_without_redis_works_on(parts: Parts) -> None:
    await parts.driven.put("/v1/stacks/shop", STACK.replace("SINK", parts.sink.url))
    setting = {"connector": "standard", "url": parts.sink.url}
    await parts.driven.put("/v1/destinations/sink", setting)
    async with parts.worker("far", parts.far):
        await ended(parts, await begin(parts, range(MANY)))
        parts.cables["redis"].cut()
        await ended(parts, await begin(parts, range(MANY, 2 * MANY)))
        parts.cables["redis"].mend()
        await ended(parts, await begin(parts, range(2 * MANY, 3 * MANY)))
        await once(parts, 3 * MANY)


@pytest.mark.timeout(120)
async def test_rolling_restarts_lose_and_repeat_nothing(parts: Parts) -> None:
    parts.sink.answer = sometimes_busy
    await parts.driven.put("/v1/stacks/load", STEADY.replace("SINK", parts.sink.url))
    setting: dict[str, Any] = {"connector": "standard", "url": parts.sink.url}
    await parts.driven.put("/v1/destinations/sink", {**setting, "retry_schedule_s": [0.2] * 50})
    await parts.driven.put("/v1/sources/load", {"verify": {"mode": "none"}})
    load = Load(parts.driven.base)
    sending = asyncio.create_task(load.send())
    async with parts.worker("first", parts.near) as first:
        async with parts.worker("second", parts.near) as second:
            for program in (first, parts.server, second):
                await asyncio.sleep(0.7)
                assert await program.stop() == 0, program.said()[-3000:]
                await program.start()
                await ready(program)
        load.is_over = True
        await asyncio.wait_for(sending, 30)
        await settled(parts.driven, 60)
        await audit(parts.driven, load, parts.sink)
