"""Load, ``kill -9`` three times, then an audit id by id: nothing lost, nothing twice."""

import asyncio
import json
import os
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.program import Driven, Program, client, free_port
from tests.sink import Answer, Arrived, Sink, open_sink

EVENTS = int(os.environ.get("HUB_TEST_KILL_EVENTS", "400"))
KILLS = 3
SENDERS = 20
STACK = """
{ task: "keep", source: "load", function_stack: [
  { function: "add_record", table: "kept", data: { n: "{{n}}" } },
  { function: "create_variable", name: "tag", value: "{{generate_uuid()}}" },
  { function: "deliver", destination: "sink", payload: { n: "{{n}}", record: "{{kept.id}}" } },
  { function: "realtime_publish", channel: "kept", event: "kept", data: "{{n}}" },
  { function: "background_task", task: "after", data: { n: "{{n}}" } },
] }
{ task: "after", function_stack: [
  { function: "add_record", table: "after", data: { n: "{{input.n}}" } },
  { function: "claim_records", table: "kept", filter: { n: "{{input.n}}", taken: null },
    set: { taken: true }, as: "mine" },
  { function: "upsert_record", table: "counts", where: { digit: "{{input.n % 10}}" },
    data: { n: { $inc: "{{length(mine)}}" } } },
] }
"""


@dataclass
class Load:
    """Numbered events, each sent again and again until it is acknowledged."""

    base: str
    acknowledged: dict[int, str] = field(default_factory=dict)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send_all(self) -> None:
        """Send every event."""
        numbers = iter(range(EVENTS))
        async with httpx.AsyncClient(trust_env=False, timeout=20) as sender:
            await asyncio.gather(*(self._send(sender, numbers) for _ in range(SENDERS)))

    async def reached(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.acknowledged) >= count)

    async def _send(self, sender: httpx.AsyncClient, numbers: Iterator[int]) -> None:
        for n in numbers:
            while n not in self.acknowledged:
                try:
                    answer = await sender.post(
                        f"{self.base}/in/load", json={"n": n}, headers={"webhook-id": f"w{n}"}
                    )
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code in (200, 202):
                    async with self._more:
                        self.acknowledged[n] = answer.json()["event_id"]
                        self._more.notify_all()
                else:
                    assert answer.status_code == 503, answer.text
                    await asyncio.sleep(0.05)


async def set_up(driven: Driven, sink: Sink) -> None:
    """What the load needs."""
    await driven.put("/v1/stacks/load", STACK)
    await driven.put(
        "/v1/destinations/sink",
        {"connector": "standard", "url": sink.url, "retry_schedule_s": [0.2] * 20},
    )
    await driven.put("/v1/sources/load", {"verify": {"mode": "none"}})


async def table(driven: Driven, name: str) -> list[int]:
    """The ``n`` of every record of a table."""
    found: list[int] = []
    path: str | None = f"/v1/tables/{name}/records?limit=500"
    while path:
        page = await driven.get(path)
        found += [record["fields"]["n"] for record in page["items"]]
        path = page["next"]
    return found


async def settled(driven: Driven, sink: Sink) -> None:
    """Wait until all work has ended.

    The lists are read one after the other, while work goes from one to the next: so it counts
    only when all are empty three times in a row.
    """
    empty = 0
    async with asyncio.timeout(60):
        while empty < 3:
            open_runs = [
                await driven.get(f"/v1/runs?status={status}&limit=1")
                for status in ("queued", "running")
            ]
            open_deliveries = [
                await driven.get(f"/v1/deliveries?status={status}&limit=1")
                for status in ("pending", "delivering", "retrying")
            ]
            is_open = any(page["items"] for page in open_runs + open_deliveries)
            empty = 0 if is_open else empty + 1
            await asyncio.sleep(0.1)


async def audit(driven: Driven, load: Load, sink: Sink) -> None:
    """Each acknowledged event: one record, one following run and count, one key at the sink."""
    everything = list(range(EVENTS))
    assert sorted(load.acknowledged) == everything
    assert len(set(load.acknowledged.values())) == EVENTS
    failed = (await driven.get("/v1/runs?status=failed&limit=500"))["items"]
    assert [each["failure"] for each in failed] == []
    assert sorted(await table(driven, "kept")) == everything
    assert sorted(await table(driven, "after")) == everything
    assert await table(driven, "counts") == [EVENTS // 10] * 10
    assert (await driven.get("/v1/deliveries?status=dead"))["items"] == []
    keys: defaultdict[int, set[str]] = defaultdict(set)
    for request in sink.requests:
        keys[request.json["n"]].add(request.key)
    assert sorted(keys) == everything
    assert {len(each) for each in keys.values()} == {1}
    assert len(set.union(*keys.values())) == EVENTS
    for event_id in random.sample(sorted(load.acknowledged.values()), 20):
        event = await driven.get(f"/v1/events/{event_id}")
        assert event["fate"] == "delivered", event


def sometimes_busy(n: int, request: Arrived) -> Answer:
    """A destination that now and then says no."""
    return Answer(503) if json.loads(request.body)["n"] % 7 == n % 7 == 3 else Answer()


@asynccontextmanager
async def sqlite_hub(tmp_path: Path, base_port: int) -> AsyncIterator[list[Program]]:
    """``hub up`` in a process of its own."""
    arguments = ["up", "--port", str(base_port), "--data", str(tmp_path / "data")]
    arguments += ["--stacks", str(tmp_path / "none")]
    program = Program(arguments, {}, tmp_path / "up.log")
    await program.start()
    yield [program]
    assert await program.stop() == 0, program.said()


@asynccontextmanager
async def postgresql_hub(
    tmp_path: Path, base_port: int, database_url: str
) -> AsyncIterator[list[Program]]:
    """``hub serve`` and ``hub worker`` on PostgreSQL and a Valkey."""
    async with EmbeddedValkey(tmp_path / "valkey") as valkey:
        environment = {
            "HUB_DATABASE_URL": database_url,
            "HUB_REDIS_URL": valkey.url,
            "HUB_LEASE_S": "2",
        }
        migration = Program(["migrate"], environment, tmp_path / "migrate.log")
        await migration.start()
        assert await migration.process.wait() == 0, migration.said()  # type: ignore[union-attr]  # it was started
        server = Program(["serve", "--port", str(base_port)], environment, tmp_path / "serve.log")
        worker = Program(["worker"], environment, tmp_path / "worker.log")
        for program in (server, worker):
            await program.start()
        yield [server, worker]
        for program in (server, worker):
            assert await program.stop() == 0, program.said()


async def kill_under_load(programs: list[Program], base_port: int) -> None:
    """The story, whatever the ledger."""
    base = f"http://127.0.0.1:{base_port}"
    async with open_sink() as sink, client(base) as api:
        sink.answer = sometimes_busy
        driven = Driven(base, api)
        await programs[0].ready(base)
        await set_up(driven, sink)
        load = Load(base)
        sending = asyncio.create_task(load.send_all())
        for kill in range(KILLS):
            await load.reached(EVENTS * (kill + 1) // (KILLS + 1))
            await asyncio.gather(*(program.kill() for program in programs))
            for program in programs:
                await program.start()
        await programs[0].ready(base)
        await asyncio.wait_for(sending, 60)
        await settled(driven, sink)
        await audit(driven, load, sink)


@pytest.mark.timeout(180)
async def test_killed_embedded_hub_loses_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    async with sqlite_hub(tmp_path, port) as programs:
        await kill_under_load(programs, port)


@pytest.mark.timeout(180)
async def test_killed_server_and_worker_lose_and_double_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    port = free_port()
    with postgres.database() as database_url:
        async with postgresql_hub(tmp_path, port, database_url) as programs:
            await kill_under_load(programs, port)
