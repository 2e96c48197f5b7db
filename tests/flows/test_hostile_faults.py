"""What is lost, removed, moved or killed while deliveries wait: each goes out once, or says why."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.errors import StoreError
from hub.outbound.gates import Asked, Gates, Grant
from hub.valkey import EmbeddedValkey
from tests.program import Driven, Program, client, embedded_hub, free_port
from tests.sink import Answer, Sink, open_sink

STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "make", payload: { order: "{{order}}" } },
] }
"""
OPENS = {"min_calls": 2, "open_s": 600, "window_s": 10}


@pytest.fixture
def database_url() -> str | None:
    """What the ledger keeps is tested on both databases; here SQLite is enough."""
    return None


async def send(hub: Driven, *orders: int) -> None:
    """Send orders; each is acknowledged."""
    await hub.put("/v1/stacks/orders", STACK)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    for order in orders:
        accepted = await hub.api.post("/in/shop", json={"order": order})
        assert accepted.status_code == 202


async def listed(hub: Driven, count: int, query: str = "") -> list[dict[str, Any]]:
    """So many deliveries, the first one first."""
    items: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(15):
            while len(items) != count:
                await asyncio.sleep(0.02)
                items = (await hub.get(f"/v1/deliveries?limit=200{query}"))["items"]
    except TimeoutError:
        raise AssertionError(f"never {count} of {query}: {items}") from None
    return list(reversed(items))


async def setting(hub: Driven, sink: Sink, **more: Any) -> None:
    """Set the destination anew."""
    body = {"url": sink.url, "retry_schedule_s": [0.05] * 9}
    await hub.put("/v1/destinations/make", body | more)


def orders(sink: Sink) -> list[int]:
    """What the sink got."""
    return [request.json["order"] for request in sink.requests]


# Redis is lost while a breaker is open


class Refusals:
    """Counts how often nothing could go because Redis was away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._came = asyncio.Condition()
        take = Gates.take

        async def counted(gates: Gates, asked: list[Asked]) -> list[Grant]:
            try:
                return await take(gates, asked)
            except StoreError:
                async with self._came:
                    self.count += 1
                    self._came.notify_all()
                raise

        monkeypatch.setattr(Gates, "take", counted)

    async def more(self, count: int) -> None:
        """Wait for so many more of them."""
        wanted = self.count + count
        async with asyncio.timeout(15), self._came:
            await self._came.wait_for(lambda: self.count >= wanted)


@asynccontextmanager
async def with_valkey_of_its_own(tmp_path: Path) -> AsyncIterator[tuple[Driven, EmbeddedValkey]]:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await valkey.start()
    try:
        async with embedded_hub(tmp_path / "hub", redis_url=valkey.url) as hub:
            yield hub, valkey
    finally:
        await valkey.stop()


def empty(valkey: EmbeddedValkey) -> None:
    """All that it knew is lost."""
    shutil.rmtree(valkey.folder / "appendonlydir")


async def test_a_breaker_that_was_lost_with_redis_is_closed_and_nothing_else_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = Refusals(monkeypatch)
    async with with_valkey_of_its_own(tmp_path) as (hub, valkey), open_sink() as sink:
        await setting(hub, sink, breaker=OPENS)
        sink.answer = lambda n, request: Answer(500)
        await send(hub, 1, 2)
        await hub.until("/v1/destinations/make/breaker", state="open")
        await listed(hub, 2, "&status=held")
        sink.answer = lambda n, request: Answer()
        asked = len(sink.requests)
        await valkey.stop()
        await send(hub, 3, 4)
        await refusals.more(2)
        waiting = await listed(hub, 4)  # without Redis no breaker is known
        assert {each["status"] for each in waiting} <= {"pending", "retrying"}
        assert len(sink.requests) == asked
        answer = await hub.api.get("/v1/destinations/make/breaker")
        assert (answer.status_code, answer.json()["code"]) == (503, "redis_unavailable")
        empty(valkey)
        await valkey.start()
        await listed(hub, 4, "&status=delivered")
        assert sorted(orders(sink)[asked:]) == [1, 2, 3, 4]
        breaker = await hub.get("/v1/destinations/make/breaker")
        assert (breaker["state"], breaker["by_hand"]) == ("closed", False)
        assert (await hub.get("/v1/breakers"))["items"] == []


async def test_a_breaker_outlives_a_redis_that_was_away_and_kept_what_it_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = Refusals(monkeypatch)
    async with with_valkey_of_its_own(tmp_path) as (hub, valkey), open_sink() as sink:
        await setting(hub, sink)
        await hub.api.post("/v1/destinations/make/breaker/trip")
        await send(hub, 1)
        await valkey.stop()
        await send(hub, 2)
        await refusals.more(1)
        await valkey.start()
        held = await listed(hub, 2, "&status=held")
        assert all("by hand" in each["reason"] for each in held)
        assert sink.requests == []
        await hub.api.post("/v1/destinations/make/breaker/reset")
        await listed(hub, 2, "&status=delivered")
        assert sorted(orders(sink)) == [1, 2]


# the destination is removed or moved while deliveries wait


@pytest.mark.parametrize("why", ["paused", "disabled", "tripped", "opened"])
async def test_a_destination_that_is_removed_makes_what_waits_for_it_dead_with_a_word(
    hub: Driven, make: Sink, why: str
) -> None:
    await setting(hub, make, breaker=OPENS | {"open_s": 0.5})
    make.answer = lambda n, request: Answer(500)
    if why == "paused":
        await hub.api.post("/v1/destinations/make/pause")
    elif why == "disabled":
        await hub.api.patch("/v1/destinations/make", json={"state": "disabled"})
    elif why == "tripped":
        await hub.api.post("/v1/destinations/make/breaker/trip")
    await send(hub, 1, 2, 3)
    await listed(hub, 3, "&status=held")
    asked = len(make.requests)
    assert (await hub.api.delete("/v1/destinations/make")).status_code == 204
    dead = await listed(hub, 3, "&status=dead")
    assert {each["reason"] for each in dead} == {"There is no destination 'make' any more."}
    assert len(make.requests) == asked
    assert (await hub.get("/v1/breakers"))["items"] == []


async def test_what_waits_goes_to_the_new_address_under_its_old_key(
    hub: Driven, make: Sink
) -> None:
    make.answer = lambda n, request: Answer(500)
    await setting(hub, make, retry_schedule_s=[0.05] * 40, breaker={"min_calls": 10_000})
    await send(hub, 1, 2)
    await make.wait_for(4)
    async with open_sink() as moved:
        await setting(hub, moved, breaker={"min_calls": 10_000})
        await listed(hub, 2, "&status=delivered")
        assert sorted(orders(moved)) == [1, 2]
        assert {each.key for each in moved.requests} == {each.key for each in make.requests}
        asked = len(make.requests)
        await send(hub, 3)
        await listed(hub, 3, "&status=delivered")
        assert len(make.requests) == asked


async def test_a_new_address_that_is_not_allowed_kills_what_waits_and_says_why(
    hub: Driven, make: Sink
) -> None:
    await hub.api.post("/v1/destinations/make/pause")
    await send(hub, 1)
    await listed(hub, 1, "&status=held")
    await hub.put("/v1/destinations/make", {"url": "http://169.254.169.254/latest/"})
    await hub.api.post("/v1/destinations/make/resume")
    (dead,) = await listed(hub, 1, "&status=dead")
    assert "169.254.169.254 is not public (link-local)" in dead["reason"]
    assert make.requests == []


async def test_what_is_held_by_a_breaker_goes_to_the_new_address_with_the_next_probe(
    hub: Driven, make: Sink
) -> None:
    make.answer = lambda n, request: Answer(500)
    await setting(hub, make, breaker=OPENS | {"open_s": 0.5})
    await send(hub, 1, 2)
    await hub.until("/v1/destinations/make/breaker", state="open")
    async with open_sink() as moved:
        await setting(hub, moved, breaker=OPENS | {"open_s": 0.5})
        await listed(hub, 2, "&status=delivered")
        assert sorted(orders(moved)) == [1, 2]


# the worker is killed between claim and attempt of what is paced


@pytest.mark.timeout(90)
async def test_a_worker_that_is_killed_with_paced_deliveries_in_hand_loses_none(
    tmp_path: Path,
) -> None:
    port, count, in_hand = free_port(), 12, 4
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(tmp_path / "data")]
    arguments += ["--stacks", str(tmp_path / "none")]
    dying = {"HUB_FAULT_POINT": "delivery.claimed:2", "HUB_LEASE_S": "1"}
    first = Program(arguments, dying, tmp_path / "first.log")
    second = Program(arguments, {"HUB_LEASE_S": "1"}, tmp_path / "second.log")
    async with open_sink() as sink, client(base) as api:
        driven = Driven(base, api)
        async with alive(first, base):
            pacing = {"requests": 20, "per_s": 1, "concurrency": in_hand}
            await setting(driven, sink, pacing=pacing, state="paused")
            await send(driven, *range(count))
            await listed(driven, count, "&status=held")
            with suppress(httpx.TransportError):  # it may die before it answers
                await api.post("/v1/destinations/make/resume")
            assert first.process is not None
            assert await asyncio.wait_for(first.process.wait(), 20) == -signal.SIGKILL
        before = len(sink.requests)
        assert before <= in_hand
        async with alive(second, base):
            done = await listed(driven, count, "&status=delivered")
            assert await second.stop() == 0
    assert sorted(set(orders(sink))) == list(range(count))
    assert len({each.key for each in sink.requests}) == count
    assert len(sink.requests) <= count + before  # what had left may leave again, under its key
    assert max(each["attempts_made"] for each in done) == 1
    times = [each.at for each in sink.requests[before:]]
    assert times[-1] - times[0] > (len(times) - 1) * 0.05 - 0.05


@asynccontextmanager
async def alive(program: Program, base: str) -> AsyncIterator[None]:
    """From its start on; nothing of it is left behind."""
    await program.start()
    try:
        await program.ready(base, 30)
        yield
    finally:
        if program.process is not None and program.process.returncode is None:
            await program.kill()
