"""Claims lane by lane: what runs at once in the whole hub, and of what has the same key."""

import asyncio

from sqlalchemy import func, select, text, update

from hub.model.ids import new_id
from hub.model.run import RunStart
from hub.store.concurrency import RUNS
from hub.store.leases import SWEEP
from hub.store.ledger import Ledger
from hub.store.runs import CLAIM_ANY, START, ClaimAny, Claimed, _is_due, active_runs, has_due_within
from hub.store.schema import runs
from hub.store.tx import Tx
from tests.store.explain import Explain

LEASE_US = 60_000_000
WIDE = (("high", 100), ("normal", 100), ("low", 20))


async def queued(ledger: Ledger, lane: str = "normal", key: str | None = None) -> str:
    start = RunStart(new_id("run"), "shop/t", "{}", lane=lane, concurrency_key=key)
    return await ledger.write(START, start)


async def claim(
    ledger: Ledger, most: int, lanes: tuple[tuple[str, int], ...] = WIDE, worker: str = "w1"
) -> Claimed:
    return await ledger.write(CLAIM_ANY, ClaimAny(worker, most, LEASE_US, lanes))


async def become(ledger: Ledger, run_id: str, status: str, *, end: str | None = None) -> None:
    """Set its status, and let the next one of its key go if that is its end."""

    def change(tx: Tx) -> None:
        tx.run(update(runs).where(runs.c.id == run_id).values(status=status))
        RUNS.let_go(tx, [end])

    await ledger.engine.transact(change)


async def test_the_first_lane_is_emptied_first(ledger: Ledger) -> None:
    low, normal = await queued(ledger, "low"), await queued(ledger)
    high = [await queued(ledger, "high") for _ in range(2)]
    first = await claim(ledger, 2)
    assert [run.id for run in first.runs] == high
    second = await claim(ledger, 5)
    assert [run.id for run in second.runs] == [normal, low]
    assert not second.is_blocked


async def test_no_more_of_a_lane_run_than_it_may_in_the_whole_hub(ledger: Ledger) -> None:
    for _ in range(10):
        await queued(ledger, "low")
    lanes = (("low", 3),)
    found = await asyncio.gather(*(claim(ledger, 2, lanes, f"w{n}") for n in range(4)))
    taken = [run.id for each in found for run in each.runs]
    assert len(taken) == len(set(taken)) == 3
    assert not await ledger.read(has_due_within, lanes)
    blocked = await claim(ledger, 2, lanes)
    assert (blocked.runs, blocked.is_blocked) == ([], True)
    await become(ledger, taken[0], "succeeded")
    assert await ledger.read(has_due_within, lanes)
    assert len((await claim(ledger, 5, lanes)).runs) == 1


async def test_a_parked_run_holds_no_place_in_its_lane(ledger: Ledger) -> None:
    first, second = await queued(ledger, "low"), await queued(ledger, "low")
    [run] = (await claim(ledger, 5, (("low", 1),))).runs
    assert run.id == first
    await become(ledger, first, "waiting")
    found = await claim(ledger, 5, (("low", 1),))
    assert len(found.runs) == 1
    assert found.runs[0].id in (first, second)


async def test_of_the_runs_with_one_key_one_is_running(ledger: Ledger) -> None:
    a1, a2 = await queued(ledger, key="a"), await queued(ledger, "high", key="a")
    b = await queued(ledger, key="b")
    free = await queued(ledger)
    first = await claim(ledger, 10)
    assert sorted(run.id for run in first.runs) == sorted([a1, b, free])
    assert not first.is_blocked
    assert not await ledger.read(has_due_within, WIDE)
    await become(ledger, b, "failed", end="b")
    assert (await claim(ledger, 10)).runs == []
    await become(ledger, a1, "succeeded", end="a")
    assert [run.id for run in (await claim(ledger, 10)).runs] == [a2]


async def test_a_parked_run_keeps_its_key(ledger: Ledger) -> None:
    first, second = await queued(ledger, key="a"), await queued(ledger, key="a")
    await claim(ledger, 1)
    await become(ledger, first, "waiting")
    found = await claim(ledger, 10)
    assert [run.id for run in found.runs] == [first]
    await become(ledger, first, "cancelled", end="a")
    assert [run.id for run in (await claim(ledger, 10)).runs] == [second]


async def test_many_workers_never_run_two_of_one_key(ledger: Ledger) -> None:
    for n in range(30):
        await queued(ledger, key=f"k{n % 3}")
    found = await asyncio.gather(*(claim(ledger, 5, WIDE, f"w{n}") for n in range(6)))
    assert sum(len(each.runs) for each in found) == 3


async def test_a_later_run_that_is_due_earlier_goes_first(ledger: Ledger) -> None:
    later = RunStart(
        new_id("run"), "shop/t", "{}", lane="normal", concurrency_key="a", delay_us=60_000_000
    )
    await ledger.write(START, later)
    now = await queued(ledger, key="a")
    assert [run.id for run in (await claim(ledger, 10)).runs] == [now]


async def test_who_was_missed_is_let_go_by_the_sweep(ledger: Ledger) -> None:
    """An end that saw nobody wait, beside a start that saw somebody in front."""
    first, second = await queued(ledger, key="a"), await queued(ledger, key="a")
    other = await queued(ledger, key="b")
    await claim(ledger, 1)
    await become(ledger, first, "succeeded")
    await claim(ledger, 10)
    assert await ledger.read(active_runs, [first, second, other]) == {second, other}
    await ledger.write(SWEEP, None)
    assert [run.id for run in (await claim(ledger, 10)).runs] == [second]


async def test_what_waits_behind_a_key_is_not_looked_at(ledger: Ledger) -> None:
    """A claim reads an index in which they do not stand."""
    starts = [
        RunStart(new_id("run"), "shop/t", "{}", lane="normal", concurrency_key="a")
        for _ in range(5000)
    ]
    await asyncio.gather(*(ledger.write(START, start) for start in starts))

    def looked(tx: Tx) -> tuple[int, str]:
        held = tx.rows(select(func.count()).where(runs.c.held))[0][0]
        if tx.dialect == "postgresql":
            tx.run(text("ANALYZE runs"))
        due = select(runs.c.id).where(_is_due).order_by(runs.c.due_at, runs.c.id).limit(10)
        rows = tx.rows(Explain(due), {"in_lane": "normal"})
        return held, "\n".join(str(row[-1]) for row in rows)

    held, plan = await ledger.engine.transact(looked)
    assert held == 4999
    assert "ix_runs_due" in plan, plan
