"""How the whole hub stands: counted by indexes, however much waits."""

from typing import Any

import pytest
from sqlalchemy import select, text, update

from hub.expr import LANES
from hub.model.delivery import DeliveryStatus
from hub.model.segment import Publication
from hub.store import deliveries, runs, standing
from hub.store.due import claim_any
from hub.store.ledger import Ledger, Write
from hub.store.outbox import insert_publications
from hub.store.schema import deliveries as rows
from hub.store.settling import SETTLE
from hub.store.standing import Queued, Standing
from hub.store.tx import Tx
from tests.store.explain import Explain
from tests.store.make import LEASE_US, claim_runs, delivery_start, run_start, settlement

SEND: Write[Any, None] = Write(
    "send", 1, lambda tx, starts: [deliveries.insert_deliveries(tx, starts)] * len(starts)
)
SAY: Write[Any, None] = Write(
    "say", 2, lambda tx, said: [insert_publications(tx, said)] * len(said)
)


async def seen(ledger: Ledger) -> Standing:
    """How it stands."""
    return await ledger.read(standing.standing, LANES)


async def test_nothing_waits_in_an_empty_hub(ledger: Ledger) -> None:
    nothing = Queued(0, 0, None)
    lanes = dict.fromkeys(LANES, nothing)
    assert await seen(ledger) == Standing(lanes, {}, 0, 0, 0, 0)


async def test_runs_by_lane(ledger: Ledger) -> None:
    for lane, delay_us in (("high", 0), ("normal", 0), ("normal", 0), ("normal", 10**12)):
        await ledger.write(runs.START, run_start(lane=lane, delay_us=delay_us))
    await claim_runs(ledger, most=1)
    await ledger.write(runs.START, run_start(lane="low", concurrency_key="k"))
    await ledger.write(runs.START, run_start(lane="low", concurrency_key="k"))
    found = await seen(ledger)
    counts = {name: (each.due, each.later, each.running) for name, each in found.lanes.items()}
    assert counts == {"high": (1, 0, 0), "normal": (1, 1, 1), "low": (1, 0, 0)}
    assert found.runs_held == 1
    assert all((each.oldest_due_us or 0) >= 0 for each in found.lanes.values())


async def test_deliveries_by_destination(ledger: Ledger) -> None:
    for destination in ("a", "a", "b", "b"):
        await ledger.write(SEND, delivery_start(destination))
    claimed = await claim_any(ledger, "wrk_1", 1, LEASE_US)
    for each in claimed:
        status = DeliveryStatus.DEAD if each.destination == "a" else DeliveryStatus.RETRYING
        await ledger.write(SETTLE, settlement(each, status, delay_us=10**12))
    await ledger.write(SAY, Publication("msg_1", "c", "e", "{}"))
    found = await seen(ledger)
    counts = {name: (each.due, each.later) for name, each in found.destinations.items()}
    assert counts == {"a": (1, 0), "b": (1, 1)}
    assert (found.dead_letters, found.outbox) == (1, 1)


async def test_the_age_is_that_of_the_oldest_whichever_way_it_goes(ledger: Ledger) -> None:
    for _ in range(3):
        await ledger.write(SEND, delivery_start("a"))
    [first, second, _] = [each.id for each in await claim_any(ledger, "wrk_1", 3, LEASE_US)]

    def moved(tx: Tx, _: Any) -> list[None]:
        now = tx.rows(text("SELECT max(due_at) FROM deliveries"))[0][0]
        for row_id, age_us, replayed in ((first, 60, False), (second, 3600, True)):
            values = {"due_at": now - age_us * 10**6, "replayed": replayed, "status": "retrying"}
            tx.run(update(rows).where(rows.c.id == row_id).values(**values))
        return [None]

    await ledger.write(Write("move", 3, moved), None)
    found = (await seen(ledger)).destinations["a"]
    assert found.due == 2
    assert 3600 * 10**6 <= (found.oldest_due_us or 0) < 3700 * 10**6


async def test_no_more_is_counted_than_is_told(ledger: Ledger) -> None:
    few = standing.capped(rows.c.status == text("'pending'"), rows.c.due_at)
    for _ in range(3):
        await ledger.write(SEND, delivery_start("a"))
    whole = select(few)
    capped = select(standing.capped(rows.c.status == text("'pending'"), rows.c.due_at, 2))
    assert await ledger.read(lambda tx: (tx.rows(whole)[0][0], tx.rows(capped)[0][0])) == (3, 2)


@pytest.mark.parametrize("name", ["_LANE", "_DESTINATIONS", "_REST"])
async def test_every_figure_comes_from_an_index(ledger: Ledger, name: str) -> None:
    starts = [delivery_start(f"d{n % 5}") for n in range(2000)]
    await ledger.write(SEND, starts[0])

    def fill(tx: Tx, _: Any) -> list[None]:
        deliveries.insert_deliveries(tx, starts[1:])
        runs.queue_in_bulk(tx, [run_start() for _ in range(2000)])
        tx.run(update(rows).where(rows.c.destination != "d4").values(status="delivered"))
        tx.run(text("UPDATE runs SET status = 'succeeded' WHERE id < (SELECT max(id) FROM runs)"))
        return [None]

    await ledger.write(Write("fill", 4, fill), None)
    if ledger.dialect == "postgresql":
        await ledger.write(
            Write("analyze", 5, lambda tx, _: [tx.run(text("ANALYZE deliveries, runs"))]), None
        )

    def plan(tx: Tx) -> str:
        found = tx.rows(Explain(getattr(standing, name)), {"in_lane": "normal"})
        return "\n".join(str(row[-1]) for row in found)

    told = await ledger.read(plan)
    tables = ("runs", "deliveries")
    scanned = [f"Seq Scan on {each}" for each in tables] + [f"SCAN {each}\n" for each in tables]
    assert not any(each in told for each in scanned), told
    assert "ix_" in told, told
