"""Schedules: each time fires once, however many look, and after an outage as it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, text

from hub.model.json import loads
from hub.model.time import US_PER_S, from_iso, to_iso
from hub.run.scheduling import MOST_AT_ONCE, Scheduler
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import where
from hub.store.runs import CLAIM, Claim
from hub.store.schedules import PAUSE, Pause, schedules_now
from hub.store.schema import runs, schedules
from hub.store.stacks import DROP, PUT, DropStack, PutStack
from hub.store.tx import Tx
from tests.databases import prepare

MORNING = from_iso("2026-03-01T08:00:10Z")
MINUTE = 60 * US_PER_S


@dataclass
class Bell:
    """Counts the rings."""

    rings: int = 0

    def ring(self, name: str) -> None:
        self.rings += 1


@dataclass
class Clocked:
    """A ledger whose clock the test holds, and schedulers of several workers."""

    ledger: Ledger
    now: int = MORNING
    bell: Bell = field(default_factory=Bell)
    version: int = 0

    def worker(self) -> Scheduler:
        """A scheduler with a catalog of its own."""
        return Scheduler(self.ledger, Catalog(self.ledger, {}), self.bell, "UTC")

    async def put(self, cron: str, **fields: Any) -> None:
        """Have the schedule ``shop/daily``."""
        self.version += 1
        told = "".join(f'{name}: "{value}", ' for name, value in fields.items())
        text = (
            f'{{ scheduled_task: {{ name: "daily", schedule: "{cron}", {told}'
            "function_stack: [{ function: 'stop' }] } }"
        )
        await self.ledger.write(PUT, PutStack("shop", f"v{self.version}", text))

    async def tick(self, at: str | None = None, workers: int = 1) -> list[str]:
        """Let workers look at that time; the fire times of all runs so far."""
        if at is not None:
            self.now = from_iso(at)
        await asyncio.gather(*(self.worker().tick() for _ in range(workers)))
        return await self.fired()

    async def fired(self) -> list[str]:
        rows = await self.ledger.read(where, runs)
        times = sorted(loads(row["context"])["scheduled_for"] for row in rows)
        return [to_iso(at)[5:16] for at in times]


@pytest_asyncio.fixture
async def clocked(tmp_path: Path) -> AsyncIterator[Clocked]:
    """One on SQLite, which takes another clock."""
    prepare(None, tmp_path)
    made: Clocked
    ledger = await open_ledger(None, tmp_path, clock=lambda: made.now)
    made = Clocked(ledger)
    yield made
    await ledger.close()


async def test_a_schedule_fires_at_its_times_and_not_before(clocked: Clocked) -> None:
    await clocked.put("30 8 * * *")
    assert await clocked.tick() == []
    assert await clocked.tick("2026-03-01T08:29:59Z") == []
    assert await clocked.tick("2026-03-01T08:30:00Z") == ["03-01T08:30"]
    assert await clocked.tick("2026-03-01T08:30:01Z") == ["03-01T08:30"]
    assert clocked.bell.rings == 1


async def test_of_many_workers_one_fires(clocked: Clocked) -> None:
    await clocked.put("* * * * *", overlap="allow")
    await clocked.tick(workers=5)
    for minute in range(1, 6):
        fired = await clocked.tick(f"2026-03-01T08:0{minute}:01Z", workers=5)
        assert len(fired) == minute


@pytest.mark.parametrize(
    ("catch_up", "fired"),
    [
        ("last", ["03-01T11:00"]),
        ("none", []),
        ("all", ["03-01T09:00", "03-01T10:00", "03-01T11:00"]),
    ],
)
async def test_what_was_missed_is_made_up_for_as_it_is_asked(
    clocked: Clocked, catch_up: str, fired: list[str]
) -> None:
    await clocked.put("0 * * * *", catch_up=catch_up, overlap="allow")
    await clocked.tick()
    assert await clocked.tick("2026-03-01T11:30:00Z") == fired
    assert await clocked.tick("2026-03-01T11:59:59Z") == fired
    assert await clocked.tick("2026-03-01T12:00:30Z") == [*fired, "03-01T12:00"]


async def test_of_very_many_missed_times_some_are_made_up_for_at_once(clocked: Clocked) -> None:
    await clocked.put("* * * * *", catch_up="all", overlap="allow")
    await clocked.tick()
    assert len(await clocked.tick("2026-03-01T12:00:00Z")) == MOST_AT_ONCE
    assert len(await clocked.tick()) == 2 * MOST_AT_ONCE
    assert len(await clocked.tick()) == 240
    assert len(set(await clocked.tick())) == 240


async def test_years_of_absence_cost_no_time(clocked: Clocked) -> None:
    await clocked.put("* * * * *")
    await clocked.tick()
    assert await clocked.tick("2036-03-01T12:00:00Z") == ["03-01T12:00"]


async def test_a_new_one_and_one_with_other_times_catch_up_nothing(clocked: Clocked) -> None:
    await clocked.put("0 9 * * *")
    await clocked.tick()
    clocked.now = from_iso("2026-03-01T08:59:00Z")
    await clocked.put("0 7 * * *")
    assert await clocked.tick() == []
    assert await clocked.tick("2026-03-01T09:30:00Z") == []
    assert await clocked.tick("2026-03-02T07:00:00Z") == ["03-02T07:00"]


async def test_while_the_last_run_goes_on_a_time_is_skipped(clocked: Clocked) -> None:
    await clocked.put("0 * * * *")
    await clocked.tick()
    assert await clocked.tick("2026-03-01T09:00:00Z") == ["03-01T09:00"]
    assert await clocked.tick("2026-03-01T10:00:00Z") == ["03-01T09:00"]
    [claimed] = await clocked.ledger.write(CLAIM, Claim("w", "normal", 5, MINUTE))
    assert await clocked.tick("2026-03-01T11:00:00Z") == ["03-01T09:00"]
    await ended(clocked, claimed.id)
    assert await clocked.tick("2026-03-01T12:00:00Z") == ["03-01T09:00", "03-01T12:00"]
    _, rows = await clocked.ledger.read(schedules_now)
    assert (rows["shop/daily"].fires, rows["shop/daily"].skipped) == (2, 2)


async def ended(clocked: Clocked, run_id: str) -> None:
    done = text("UPDATE runs SET status = 'succeeded' WHERE id = :id")
    await clocked.ledger.engine.transact(lambda tx: tx.run(done, {"id": run_id}))


async def test_a_paused_one_fires_no_more_and_goes_on_from_now(clocked: Clocked) -> None:
    await clocked.put("0 * * * *")
    await clocked.tick()
    await clocked.ledger.write(PAUSE, Pause("shop/daily", True, MORNING))
    assert await clocked.tick("2026-03-01T11:00:00Z") == []
    next_at = from_iso("2026-03-01T12:00:00Z")
    await clocked.ledger.write(PAUSE, Pause("shop/daily", False, next_at))
    assert await clocked.tick("2026-03-01T11:30:00Z") == []
    assert await clocked.tick("2026-03-01T12:00:00Z") == ["03-01T12:00"]
    assert not await clocked.ledger.write(PAUSE, Pause("shop/none", True, 0))


async def test_one_that_is_gone_is_forgotten_and_catches_up_nothing(clocked: Clocked) -> None:
    await clocked.put("0 * * * *")
    await clocked.tick()
    await clocked.ledger.write(DROP, DropStack("shop"))
    assert await clocked.tick("2026-03-01T09:00:00Z") == []
    _, rows = await clocked.ledger.read(schedules_now)
    assert rows == {}
    await clocked.put("0 * * * *")
    assert await clocked.tick("2026-03-01T11:30:00Z") == []
    assert await clocked.tick("2026-03-01T12:00:00Z") == ["03-01T12:00"]


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("30 2 * * *", {"2026-03-29": ["01:00"], "2026-03-30": ["00:30"], "2026-10-25": ["00:30"]}),
        ("0 6 * * *", {"2026-03-28": ["05:00"], "2026-03-29": ["04:00"], "2026-10-25": ["05:00"]}),
    ],
)
async def test_the_clocks_change(clocked: Clocked, cron: str, days: dict[str, list[str]]) -> None:
    """Where an hour is skipped it fires right behind, where one comes twice it fires once."""
    for day, times in days.items():
        clocked.now = from_iso(f"{day}T00:00:00Z") - 3_600 * US_PER_S
        await clocked.put(cron, timezone="Europe/Berlin", overlap="allow", catch_up="all")
        await clocked.ledger.engine.transact(_forget_all)
        await clocked.tick()
        await clocked.tick(f"{day}T12:00:00Z")
        assert await clocked.fired() == [f"{day[5:]}T{at}" for at in times]


def _forget_all(tx: Tx) -> None:
    for table in (runs, schedules):
        tx.run(delete(table))


async def test_a_clock_that_is_set_back_fires_nothing_twice(clocked: Clocked) -> None:
    await clocked.put("0 * * * *", overlap="allow")
    await clocked.tick()
    assert await clocked.tick("2026-03-01T09:00:30Z") == ["03-01T09:00"]
    assert await clocked.tick("2026-03-01T08:30:00Z") == ["03-01T09:00"]
    assert await clocked.tick("2026-03-01T09:30:00Z") == ["03-01T09:00"]
    assert await clocked.tick("2026-03-01T10:00:00Z") == ["03-01T09:00", "03-01T10:00"]
