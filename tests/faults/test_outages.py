"""The database or Valkey is away, stands still or is full: what was acknowledged is not lost."""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from hub.store.tx import Tx
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.faults.apart import apart, pid_of_valkey, programs, until
from tests.program import Driven, embedded_hub
from tests.sink import Answer, Sink, open_sink

COMMIT_S = 0.5
STACK = """
{ task: "keep", source: "shop", function_stack: [
  { function: "add_record", table: "kept", data: { n: "{{n}}" } },
  { function: "deliver", destination: "sink", payload: { n: "{{n}}" } },
  { function: "realtime_publish", channel: "kept", event: "kept", data: "{{n}}" },
] }
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """A PostgreSQL that a test may end, and starts again."""
    server = Postgres()
    yield server
    server.stop()


@asynccontextmanager
async def ready(hub: Driven) -> AsyncIterator[Sink]:
    """Set a hub up, with a sink that its events lead to."""
    async with open_sink() as sink:
        await hub.put("/v1/stacks/shop", STACK)
        await hub.put("/v1/channels/kept", {"public": True})
        await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
        setting = {"url": sink.url, "retry_schedule_s": [0.1] * 50}
        await hub.put("/v1/destinations/sink", setting)
        yield sink


async def send(hub: Driven, n: int) -> httpx.Response:
    """Send an event under a key of its own."""
    return await hub.api.post("/in/shop", json={"n": n}, headers={"webhook-id": f"w{n}"})


async def accepted(hub: Driven, n: int) -> str:
    """Send an event that has to be accepted; gives its run."""
    answer = await send(hub, n)
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


async def not_accepted(hub: Driven, n: int, code: str = "store_unavailable") -> None:
    """Send an event that cannot be committed now, and look at what the sender is told."""
    answer = await send(hub, n)
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    body = answer.json()
    assert (body["code"], "error" in body) == (code, False)
    assert "not accepted" in body["message"]
    assert "webhook-id" in body["message"]


async def readyz(hub: Driven) -> tuple[int, str, set[str]]:
    """What the hub says of itself: status, in a word, and what is not well."""
    answer = await hub.api.get("/readyz")
    return answer.status_code, answer.json()["status"], set(answer.json()["troubles"])


async def is_well(hub: Driven) -> bool:
    return await readyz(hub) == (200, "ok", set())


async def kept(hub: Driven) -> list[int]:
    """What the runs wrote down."""
    records = (await hub.get("/v1/tables/kept/records?limit=500"))["items"]
    return sorted(record["fields"]["n"] for record in records)


async def have_run(hub: Driven, count: int) -> None:
    """Wait until so many runs have ended: for them Redis is not needed, for deliveries it is."""

    async def is_done() -> bool:
        with suppress(AssertionError):
            return len((await hub.get("/v1/runs?status=succeeded&limit=500"))["items"]) == count
        return False

    await until(is_done)
    assert await kept(hub) == list(range(count))


async def has_done(hub: Driven, sink: Sink, count: int) -> None:
    """Wait until so many events have had all of their effects; each has had them once."""
    numbers = list(range(count))

    async def is_done() -> bool:
        with suppress(AssertionError):
            runs = (await hub.get("/v1/runs?status=succeeded&limit=500"))["items"]
            sent = (await hub.get("/v1/deliveries?status=delivered&limit=500"))["items"]
            return len(runs) == len(sent) == count
        return False

    await until(is_done)
    assert await kept(hub) == numbers
    assert sorted({request.json["n"] for request in sink.requests}) == numbers
    assert len({request.key for request in sink.requests}) == count


class Listener:
    """A page that follows the channel and comes back when it is cut off."""

    def __init__(self, base: str) -> None:
        self._url = f"{base}/realtime/kept?last_event_id=earliest"
        self._came: dict[str, int] = {}
        self.messages: list[int] = []

    async def follow(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as page:
            while True:
                with suppress(httpx.HTTPError):
                    await self._read(page)
                await asyncio.sleep(0.1)

    async def _read(self, page: httpx.AsyncClient) -> None:
        async with page.stream("GET", self._url) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    envelope = json.loads(line.removeprefix("data: "))
                    if envelope["id"] not in self._came:
                        self.messages.append(envelope["data"])
                    self._came[envelope["id"]] = envelope["data"]


@asynccontextmanager
async def listening(hub: Driven) -> AsyncIterator[Listener]:
    """A page that listens until the end of the block."""
    listener = Listener(hub.base)
    task = asyncio.create_task(listener.follow())
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# The database


async def test_without_postgresql_nothing_is_acknowledged_and_work_goes_on_when_it_is_back(
    tmp_path: Path, valkey: EmbeddedValkey, database: Postgres
) -> None:
    with database.database() as url:
        async with apart(tmp_path, url, valkey.url, lease_s=1.0) as hub, ready(hub) as sink:
            sink.answer = lambda n, request: Answer(503)
            await accepted(hub, 0)
            await sink.wait_for(1)
            await asyncio.to_thread(database.kill)
            for _ in range(3):
                await not_accepted(hub, 1)
            status, word, troubles = await readyz(hub)
            assert (status, word) == (503, "unavailable")
            assert "database" in troubles
            assert (await hub.api.get("/healthz")).status_code == 200
            listing = await hub.api.get("/v1/events")
            assert listing.status_code == 503
            assert listing.json()["code"] == "store_unavailable"
            sink.answer = lambda n, request: Answer()
            await asyncio.to_thread(database.start)
            await until(lambda: sends_at_last(hub, 1))
            await has_done(hub, sink, 2)
            await until(lambda: is_well(hub))
            events = (await hub.get("/v1/events"))["items"]
            assert [event["fate"] for event in events] == ["delivered", "delivered"]


async def sends_at_last(hub: Driven, n: int) -> bool:
    answer = await send(hub, n)
    assert answer.status_code in (202, 503), answer.text
    return answer.status_code == 202


async def test_a_postgresql_that_stands_still_is_not_waited_for_longer_than_set(
    tmp_path: Path, valkey: EmbeddedValkey, database: Postgres
) -> None:
    with database.database() as url:
        async with (
            apart(tmp_path, url, valkey.url, commit_timeout_s=COMMIT_S) as hub,
            ready(hub) as sink,
        ):
            await accepted(hub, 0)
            await has_done(hub, sink, 1)
            database.freeze()
            try:
                await not_accepted(hub, 1)  # the broken connection may take its time to close
                began = time.monotonic()
                await asyncio.gather(*(not_accepted(hub, n) for n in range(1, 50)))
                assert time.monotonic() - began < 6 * COMMIT_S
                assert (await hub.api.get("/v1/events")).status_code == 503
                assert (await readyz(hub))[0] == 503
            finally:
                database.thaw()
            await until(lambda: is_well(hub))
            answers = [await send(hub, n) for n in range(1, 50)]
            assert {answer.status_code for answer in answers} <= {200, 202}
            await has_done(hub, sink, 50)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Somebody else writes to the SQLite file and does not come to an end."""
    other = sqlite3.connect(data / "hub.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_an_sqlite_file_that_another_program_keeps_locked_accepts_nothing(
    tmp_path: Path,
) -> None:
    async with embedded_hub(tmp_path, commit_timeout_s=COMMIT_S) as hub, ready(hub) as sink:
        with locked(tmp_path):
            for _ in range(2):
                await asyncio.gather(*(not_accepted(hub, n) for n in range(20)))
        assert (await hub.get("/v1/events"))["items"] == []
        for n in range(20):
            await accepted(hub, n)
        await has_done(hub, sink, 20)
        await until(lambda: is_well(hub))


async def test_what_a_worker_could_not_write_down_is_done_again_however_busy_it_is(
    tmp_path: Path,
) -> None:
    """Its lease has to run out although the worker lives and keeps the leases of other work."""
    async with (
        embedded_hub(tmp_path, commit_timeout_s=COMMIT_S, lease_s=1.0) as hub,
        ready(hub) as sink,
    ):
        await hub.put("/v1/destinations/sink", {"url": sink.url, "timeout_s": 60})
        sink.answer = lambda n, request: Answer(delay_s=60 if request.json["n"] else 0.2)
        await accepted(hub, 1)
        await sink.wait_for(1)  # this one is under way all the time
        await accepted(hub, 0)
        await sink.wait_for(2)
        with locked(tmp_path):
            await asyncio.sleep(0.2 + 2 * COMMIT_S)  # the answer comes, its commit fails
        await until(lambda: is_delivered(hub))
        assert [request.json["n"] for request in sink.requests].count(1) == 1
        assert len({r.key for r in sink.requests if r.json["n"] == 0}) == 1


async def is_delivered(hub: Driven) -> bool:
    return len((await hub.get("/v1/deliveries?status=delivered"))["items"]) == 1


async def test_a_full_disk_is_named_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub, ready(hub) as sink:
        await accepted(hub, 0)
        await has_done(hub, sink, 1)
        await limit_pages(hub, more=1)
        body = {"n": 1, "much": "x" * 100_000}
        answer = await hub.api.post("/in/shop", json=body, headers={"webhook-id": "w1"})
        assert (answer.status_code, answer.json()["code"]) == (503, "disk_full")
        assert "retry-after" in answer.headers
        assert len((await hub.get("/v1/events"))["items"]) == 1
        await limit_pages(hub, more=1_000_000)
        answer = await hub.api.post("/in/shop", json=body, headers={"webhook-id": "w1"})
        assert answer.status_code == 202
        await has_done(hub, sink, 2)


async def limit_pages(hub: Driven, more: int) -> None:
    """Let the database file grow by so many pages, and no further."""
    assert hub.hub is not None

    def limit(tx: Tx) -> None:
        pages = int(tx.rows(text("PRAGMA page_count"))[0][0])
        tx.rows(text(f"PRAGMA max_page_count={pages + more}"))

    await hub.hub.ledger.engine.transact(limit)


# Valkey


@pytest.mark.parametrize("since", ["the start", "later"])
async def test_without_valkey_events_are_taken_and_messages_come_when_it_is_back(
    tmp_path: Path, since: str
) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await valkey.start()
    url = valkey.url
    if since == "the start":
        await valkey.stop()
    try:
        async with (
            embedded_hub(tmp_path / "hub", redis_url=url) as hub,
            ready(hub) as sink,
            listening(hub) as page,
        ):
            if since == "later":
                await valkey.stop()
            began = time.monotonic()
            for n in range(10):
                await accepted(hub, n)
            assert time.monotonic() - began < 2
            await have_run(hub, 10)
            status, word, troubles = await readyz(hub)
            assert (status, word) == (200, "degraded")
            assert "redis" in troubles
            published = await hub.api.post("/v1/channels/kept/messages", json=MESSAGE)
            assert (published.status_code, published.json()["code"]) == (503, "redis_unavailable")
            assert published.headers["retry-after"]
            assert sink.requests == []
            await valkey.start()
            await has_done(hub, sink, 10)
            await until(lambda: has_heard(page, 10))
            await until(lambda: is_well(hub))
            assert sorted(page.messages) == list(range(10))
    finally:
        await valkey.stop()


MESSAGE = {"event": "said", "data": "hello"}


async def has_heard(page: Listener, count: int) -> bool:
    return len(page.messages) >= count


async def test_a_valkey_that_is_killed_under_the_embedded_hub_is_back_in_seconds(
    tmp_path: Path,
) -> None:
    async with embedded_hub(tmp_path) as hub, ready(hub) as sink, listening(hub) as page:
        assert hub.hub is not None
        for n in range(30):
            if n in (10, 20):
                os.kill(await pid_of_valkey(hub.hub.redis_url), signal.SIGKILL)
            await accepted(hub, n)
            if n in (19, 29):
                await until(lambda: is_well(hub))
        await has_done(hub, sink, 30)
        await until(lambda: has_heard(page, 30))
        assert sorted(page.messages) == list(range(30))
        published = await hub.api.post("/v1/channels/kept/messages", json=MESSAGE)
        assert published.status_code == 202


async def test_a_valkey_that_stands_still_holds_no_event_up(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub, ready(hub) as sink, listening(hub) as page:
        assert hub.hub is not None
        pid = await pid_of_valkey(hub.hub.redis_url)
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            for n in range(10):
                await accepted(hub, n)
            await have_run(hub, 10)
            assert time.monotonic() - began < 3
            assert (await readyz(hub))[1] == "degraded"
        finally:
            os.kill(pid, signal.SIGCONT)
        await has_done(hub, sink, 10)
        await until(lambda: has_heard(page, 10))
        assert sorted(page.messages) == list(range(10))


async def test_messages_of_an_outage_leave_although_new_ones_keep_coming(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await valkey.start()
    try:
        async with (
            embedded_hub(tmp_path / "hub", redis_url=valkey.url) as hub,
            ready(hub) as sink,
            listening(hub) as page,
        ):
            await valkey.stop()
            for n in range(5):
                await accepted(hub, n)
            await have_run(hub, 5)
            assert sink.requests == []
            await valkey.start()
            n = 5
            async with asyncio.timeout(15):
                while not set(range(5)) <= set(page.messages):
                    await accepted(hub, n)
                    n += 1
                    await asyncio.sleep(0.1)
            await until(lambda: has_heard(page, n))
            assert sorted(page.messages) == list(range(n))
    finally:
        await valkey.stop()


async def test_losing_all_of_valkey_again_and_again_loses_no_work(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub, ready(hub) as sink:
        assert hub.hub is not None

        async def some(first: int) -> None:
            for n in range(first, first + 20):
                await accepted(hub, n)

        loads = [asyncio.create_task(some(first)) for first in range(0, 100, 20)]
        async with Redis.from_url(hub.hub.redis_url) as redis:
            while not all(each.done() for each in loads):
                await redis.flushall()
                await asyncio.sleep(0.01)
        await asyncio.gather(*loads)
        await has_done(hub, sink, 100)
        await until(lambda: is_well(hub))


async def test_a_worker_apart_lives_through_the_death_of_valkey_and_ends_well_without_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await valkey.start()
    try:
        with postgres.database() as url:
            async with programs(tmp_path, url, valkey.url) as hub, ready(hub) as sink:
                for n in range(5):
                    await accepted(hub, n)
                await has_done(hub, sink, 5)
                os.kill(await pid_of_valkey(valkey.url), signal.SIGKILL)
                for n in range(5, 10):
                    await accepted(hub, n)
                assert (await readyz(hub))[1] == "degraded"
                await valkey.stop()
                await valkey.start()
                for n in range(10, 15):
                    await accepted(hub, n)
                await has_done(hub, sink, 15)
                await until(lambda: is_well(hub))
                await valkey.stop()
                began = time.monotonic()
            assert time.monotonic() - began < 10
    finally:
        await valkey.stop()
