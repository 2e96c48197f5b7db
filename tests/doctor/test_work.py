"""The doctor and the work: what waits and why, on both databases."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import update

from hub import keys
from hub.model.json import dumps_text
from hub.outbound.gates import Gates
from hub.settings import Settings, load_settings
from hub.store import runs as run_store
from hub.store import stacks
from hub.store.deliveries import START_DELIVERY
from hub.store.due import claim_any
from hub.store.ledger import Ledger
from hub.store.objects import PUT, PutObject
from hub.store.schema import deliveries, runs
from hub.valkey import EmbeddedValkey
from tests.doctor.examined import found
from tests.program import embedded_hub
from tests.store.make import LEASE_US, claim_runs, delivery_start, run_start


@pytest.fixture
def settings(
    tmp_path: Path, database_url: str | None, ledger: Ledger, valkey: EmbeddedValkey, redis: Redis
) -> Settings:
    """Those of a hub with an empty database and an empty Redis."""
    return load_settings(data=tmp_path, database_url=database_url, redis_url=valkey.url)


async def change(ledger: Ledger, table: Any, **values: Any) -> None:
    """All rows of a table have these values from now on."""
    await ledger.engine.transact(lambda tx: tx.run(update(table).values(**values)))


async def put(ledger: Ledger, kind: str, slug: str, **body: Any) -> None:
    """Something that people set."""
    await ledger.write(PUT, PutObject(kind, slug, dumps_text(body)))


async def test_an_empty_hub_is_well(settings: Settings) -> None:
    for check in ("leases", "runs", "deliveries", "pauses", "destinations", "breakers", "stacks"):
        assert list(await found(settings, check)) == [check]


async def test_a_worker_that_nobody_hears_of(settings: Settings) -> None:
    assert list(await found(settings, "worker")) == ["worker_missing"]


async def test_a_worker_beats(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        assert hub.hub is not None
        async with Redis.from_url(hub.hub.redis_url) as client:
            while not await client.exists(keys.BEAT):
                await asyncio.sleep(0.02)
            assert 0 < await client.ttl(keys.BEAT) <= 16
        assert list(await found(load_settings(data=tmp_path), "worker")) == ["worker"]


async def test_leases_that_nobody_takes_back(settings: Settings, ledger: Ledger) -> None:
    await ledger.write(run_store.START, run_start())
    await claim_runs(ledger)
    await ledger.write(START_DELIVERY, delivery_start())
    await claim_any(ledger, "wrk_1", 1, LEASE_US)
    assert list(await found(settings, "leases")) == ["leases"]
    await change(ledger, runs, lease_until=1)
    assert "1 runs are held" in (await found(settings, "leases"))["leases_overdue"]
    await change(ledger, deliveries, lease_until=1)
    assert "1 runs and 1 deliveries" in (await found(settings, "leases"))["leases_overdue"]


async def test_runs_that_wait_for_too_long(settings: Settings, ledger: Ledger) -> None:
    await ledger.write(run_store.START, run_start())
    assert list(await found(settings, "runs")) == ["runs"]
    await change(ledger, runs, due_at=1)
    assert "Lane normal" in (await found(settings, "runs"))["runs_stuck"]
    await ledger.write(run_store.START, run_start())
    await claim_runs(ledger, most=1)
    await change(ledger, runs, due_at=1)
    assert list(await found(settings, "runs")) == ["runs_late"]


@pytest.mark.parametrize("what", ["all", "lane:normal", "stack:shop"])
async def test_what_is_paused_may_wait(settings: Settings, ledger: Ledger, what: str) -> None:
    await ledger.write(run_store.START, run_start())
    await change(ledger, runs, due_at=1)
    await put(ledger, "pause", what)
    assert list(await found(settings, "runs")) == ["runs"]
    assert what in (await found(settings, "pauses"))["paused"]


async def test_deliveries_that_wait_for_too_long(settings: Settings, ledger: Ledger) -> None:
    await put(ledger, "destination", "till", url="https://till.example/", connector="standard")
    await ledger.write(START_DELIVERY, delivery_start())
    assert list(await found(settings, "deliveries")) == ["deliveries"]
    await change(ledger, deliveries, due_at=1)
    assert "till: " in (await found(settings, "deliveries"))["deliveries_stuck"]
    await change(ledger, deliveries, replayed=True)
    assert "till: " in (await found(settings, "deliveries"))["deliveries_stuck"]
    await ledger.write(START_DELIVERY, delivery_start())
    await claim_any(ledger, "wrk_1", 1, LEASE_US)
    assert list(await found(settings, "deliveries")) == ["deliveries"]  # one is under way


@pytest.mark.parametrize("held", ["pacing", "state", "all", "breaker"])
async def test_deliveries_that_are_held_back_may_wait(
    settings: Settings, ledger: Ledger, redis: Redis, held: str
) -> None:
    more = {"pacing": {"pacing": {"requests": 1, "per_s": 3600}}, "state": {"state": "paused"}}
    body = {"url": "https://till.example/", "connector": "standard", **more.get(held, {})}
    await put(ledger, "destination", "till", **body)
    await ledger.write(START_DELIVERY, delivery_start())
    await change(ledger, deliveries, due_at=1)
    if held == "all":
        await put(ledger, "pause", "all")
    if held == "breaker":
        gates = Gates(redis)
        await gates.trip("till")
        await gates.close()
        assert list(await found(settings, "breakers")) == ["breaker_open"]
    assert list(await found(settings, "deliveries")) == ["deliveries"]


async def test_a_destination_that_is_left_alone(settings: Settings, ledger: Ledger) -> None:
    body = {"url": "https://till.example/", "connector": "standard", "state": "disabled"}
    await put(ledger, "destination", "till", **body, state_reason="It is gone (410).")
    told = await found(settings, "destinations")
    assert told == {"destination_disabled": "till: It is gone (410)."}


async def test_a_stack_that_cannot_do_what_it_says(settings: Settings, ledger: Ledger) -> None:
    good = '{ task: "t", function_stack: [{ function: "run_task", task: "u" }] }'
    both = good + '\n{ task: "u", function_stack: [] }'
    await ledger.write(stacks.PUT, stacks.PutStack("shop", "1", both))
    assert list(await found(settings, "stacks")) == ["stacks"]
    await ledger.write(stacks.PUT, stacks.PutStack("shop", "2", good))
    assert "shop: line 1: " in (await found(settings, "stacks"))["stack_broken"]
    await ledger.write(stacks.PUT, stacks.PutStack("shop", "3", "{ of another version"))
    assert "cannot be loaded" in (await found(settings, "stacks"))["stack_broken"]


async def test_sources_that_take_from_anybody(settings: Settings, ledger: Ledger) -> None:
    secret = {"mode": "header", "header": "x-key", "secrets": ["a" * 24]}
    await put(ledger, "source", "shop", connector="standard", verify=secret)
    assert list(await found(settings, "sources")) == ["sources"]
    for n in range(7):
        await put(ledger, "source", f"open-{n}", connector="standard", verify={"mode": "none"})
    said = (await found(settings, "sources"))["source_unverified"]
    assert said == "open-0, open-1, open-2, open-3, open-4 and 2 more."
