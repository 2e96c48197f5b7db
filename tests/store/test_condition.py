"""The condition of the ledger: what it says of itself, and looks that cost the same at any size."""

import re
from typing import Any

from sqlalchemy import text, update

from hub.model.ids import first_id
from hub.model.time import now_us
from hub.store import condition, events
from hub.store import runs as run_store
from hub.store.deliveries import START_DELIVERY
from hub.store.due import claim_any
from hub.store.ledger import Ledger
from hub.store.schema import deliveries, runs
from hub.store.tx import Tx
from tests.store.explain import Explain
from tests.store.make import LEASE_US, arrival, claim_runs, delivery_start, run_start

LATE_US = 1_000_000


async def test_the_database_says_of_itself(ledger: Ledger) -> None:
    found = await ledger.read(condition.server)
    assert re.match(r"\d+\.\d+", found.version)
    assert abs(found.now_us - now_us()) < 60_000_000
    kept = {"journal_mode": "wal", "synchronous": "2"}
    if ledger.dialect == "postgresql":
        kept = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "on")
    assert found.settings == kept


async def test_queues_of_runs(ledger: Ledger) -> None:
    assert await ledger.read(condition.run_queues, ["high", "normal"]) == [
        condition.Queue("high", None, 0),
        condition.Queue("normal", None, 0),
    ]
    await ledger.write(run_store.START, run_start())
    await ledger.write(run_store.START, run_start(delay_us=3_600_000_000, lane="high"))
    await ledger.write(run_store.START, run_start(task="other/t"))
    high, normal = await ledger.read(condition.run_queues, ["high", "normal"])
    assert (high.due_us, high.under_way) == (None, 0)
    assert normal.due_us is not None
    assert 0 <= normal.due_us < 60_000_000
    [normal] = await ledger.read(condition.run_queues, ["normal"], ("shop", "other"))
    assert normal.due_us is None
    await claim_runs(ledger, most=1)
    [normal] = await ledger.read(condition.run_queues, ["normal"])
    assert normal.under_way == 1


async def test_names_of_paused_stacks_are_no_patterns(ledger: Ledger) -> None:
    await ledger.write(run_store.START, run_start(task="shop_a/t"))
    [queue] = await ledger.read(condition.run_queues, ["normal"], ("shop%", "shop.a", "sho__a"))
    assert queue.due_us is not None


async def test_what_happened_lately_and_what_is_dead(ledger: Ledger) -> None:
    since = {each: first_id(each, now_us() - 60_000_000) for each in ("evt", "run", "dlv")}
    assert await ledger.read(condition.lately, since) == {"evt": {}, "run": {}, "dlv": {}}
    await ledger.write(events.RECORD, arrival())
    await ledger.write(events.RECORD, arrival(matched=False))
    await ledger.write(START_DELIVERY, delivery_start())
    told = await ledger.read(condition.lately, since)
    assert sum(told["evt"].values()) == 2
    assert told["run"] == {"queued": 1}
    assert told["dlv"] == {"pending": 1}
    later = {each: first_id(each, now_us() + 60_000_000) for each in since}
    assert await ledger.read(condition.lately, later) == {"evt": {}, "run": {}, "dlv": {}}
    assert await ledger.read(condition.dead_letters) == 0
    await ledger.engine.transact(lambda tx: tx.run(update(deliveries).values(status="dead")))
    assert await ledger.read(condition.dead_letters) == 1


async def test_leases_are_overdue_only_after_a_while(ledger: Ledger) -> None:
    await ledger.write(run_store.START, run_start())
    await claim_runs(ledger)
    await ledger.write(START_DELIVERY, delivery_start())
    await claim_any(ledger, "wrk_1", 1, LEASE_US)
    none = {"runs": 0, "deliveries": 0}
    assert await ledger.read(condition.overdue_leases, LATE_US) == none
    soon = update(runs).values(lease_until=now_us() - LATE_US // 2)
    await ledger.engine.transact(lambda tx: tx.run(soon))
    assert await ledger.read(condition.overdue_leases, 60 * LATE_US) == none
    assert await ledger.read(condition.overdue_leases, 0) == {"runs": 1, "deliveries": 0}


async def test_no_look_walks_through_a_table(ledger: Ledger) -> None:
    """Ten thousand rows that are done, and a few that are not."""
    for _ in range(4):
        await ledger.write(run_store.START, run_start())
        await ledger.write(START_DELIVERY, delivery_start())
        await ledger.write(events.RECORD, arrival(matched=False))
    await ledger.engine.transact(_multiply)
    await ledger.write(run_store.START, run_start())
    await ledger.write(START_DELIVERY, delivery_start())
    plans = await ledger.read(_plans)
    assert [
        each for each in plans if re.search(r"Seq Scan|SCAN (runs|deliveries|events)$", each)
    ] == []
    used = {name for each in plans for name in re.findall(r"ix_\w+", each)}
    assert {"ix_runs_due", "ix_runs_running", "ix_deliveries_due"} <= used
    assert used & {"ix_deliveries_dead", "ix_deliveries_dead_at"}


def _multiply(tx: Tx) -> None:
    """Twice as many rows, eleven times over; all but those of before have ended."""
    for name, ended in (
        ("runs", ", status = 'succeeded'"),
        ("deliveries", ", status = 'delivered'"),
        ("events", ""),
    ):
        for n in range(11):
            tx.run(text(f"CREATE TEMPORARY TABLE copies AS SELECT * FROM {name}"))  # noqa: S608
            tx.run(text(f"UPDATE copies SET id = id || '-{n}'{ended}"))  # noqa: S608
            tx.run(text(f"INSERT INTO {name} SELECT * FROM copies"))  # noqa: S608
            tx.run(text("DROP TABLE copies"))
    tx.run(text("ANALYZE"))


def _plans(tx: Tx) -> list[str]:
    later = now_us() + 60_000_000  # most rows are older than what is asked for
    looks: list[tuple[Any, dict[str, Any]]] = [
        *((each, {"late_us": LATE_US}) for each in condition._OVERDUE.values()),
        (condition._first_run(("shop",)), {"in_lane": "normal"}),
        (condition._RUNNING, {"in_lane": "normal"}),
        *((each, {"to": "till"}) for each in condition._FIRST_DELIVERIES),
        (condition._DELIVERING, {"to": "till"}),
        *((e, {"since": first_id(name, later)}) for name, e in condition._LATELY.items()),
        (condition._DEAD, {}),
    ]
    return [str(row[-1]) for each, given in looks for row in tx.rows(Explain(each), given)]
