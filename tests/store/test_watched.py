"""What alerts watch is counted right, and found by an index among many rows."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from hub.model.delivery import DeliveryStatus
from hub.model.event import Rejection
from hub.model.ids import first_id
from hub.model.run import Ending, Failure, RunStatus
from hub.model.segment import Segment
from hub.model.time import US_PER_S, now_us
from hub.store import watched
from hub.store.deliveries import START_DELIVERY
from hub.store.due import claim_any
from hub.store.events import REJECT
from hub.store.ledger import Ledger
from hub.store.runs import START
from hub.store.schedules import ARM, PAUSE, Arm, Pause
from hub.store.segments import COMMIT
from hub.store.settling import SETTLE
from hub.store.tx import Tx
from tests.store.explain import Explain
from tests.store.make import LEASE_US, arrival, claim_runs, delivery_start, run_start, settlement

FAILED = Ending(RunStatus.FAILED, None, None, Failure("broken", "It broke."))
DONE = Ending(RunStatus.SUCCEEDED, None)
AGES = 24 * 3600 * US_PER_S


async def end_runs(ledger: Ledger, *endings: Ending, task: str = "shop/sell") -> None:
    for ending in endings:
        await ledger.write(START, run_start(task=task))
        (run,) = await claim_runs(ledger)
        await ledger.write(COMMIT, Segment(run.id, run.fence, 0, ending=ending))


async def settle(ledger: Ledger, destination: str, *states: DeliveryStatus) -> None:
    for state in states:
        await ledger.write(START_DELIVERY, delivery_start(destination))
        for delivery in await claim_any(ledger, "wrk_1", 10, LEASE_US):
            await ledger.write(SETTLE, settlement(delivery, state, delay_us=AGES))


async def test_runs_that_failed_are_counted_by_task_and_by_time(ledger: Ledger) -> None:
    await end_runs(ledger, FAILED, DONE, FAILED)
    await end_runs(ledger, FAILED, task="shop/buy")
    await ledger.write(START, run_start())
    now = now_us()
    assert await ledger.read(watched.failed_runs, now - AGES) == {"shop/sell": 2, "shop/buy": 1}
    assert await ledger.read(watched.failed_runs, now + AGES) == {}
    since = first_id("run", now - AGES)
    shares = {"shop/sell": (2, 3), "shop/buy": (1, 1)}
    assert await ledger.read(watched.run_shares, since, None) == shares
    assert await ledger.read(watched.run_shares, since, "shop/buy") == {"shop/buy": (1, 1)}
    assert await ledger.read(watched.run_shares, first_id("run", now + AGES), None) == {}


async def test_deliveries_that_did_not_arrive_are_counted_by_destination(ledger: Ledger) -> None:
    delivered, dead, again = (
        DeliveryStatus.DELIVERED,
        DeliveryStatus.DEAD,
        DeliveryStatus.RETRYING,
    )
    await settle(ledger, "till", delivered, dead, again, again)
    await settle(ledger, "desk", delivered)
    await ledger.write(START_DELIVERY, delivery_start("desk"))
    now = now_us()
    since = first_id("dlv", now - AGES)
    assert await ledger.read(watched.dead_letters, now - AGES) == {"till": 1}
    assert await ledger.read(watched.dead_letters, now + AGES) == {}
    shares = {"till": (3, 4), "desk": (0, 1)}
    assert await ledger.read(watched.delivery_shares, since, None) == shares
    assert await ledger.read(watched.delivery_shares, since, "till") == {"till": (3, 4)}
    assert await ledger.read(watched.waiting_deliveries, 10) == {"till": 2, "desk": 1}
    assert await ledger.read(watched.waiting_deliveries, 1) == {"till": 1, "desk": 1}
    ages = await ledger.read(watched.delivery_ages)
    assert list(ages) == ["desk"]
    assert 0 <= ages["desk"] < AGES


async def test_due_runs_of_lanes_are_counted_up_to_a_limit(ledger: Ledger) -> None:
    for _ in range(3):
        await ledger.write(START, run_start(lane="low"))
    await ledger.write(START, run_start(lane="low", delay_us=AGES))
    lanes = ("high", "low")
    assert await ledger.read(watched.lane_depths, lanes, 10) == {"high": 0, "low": 3}
    assert await ledger.read(watched.lane_depths, lanes, 2) == {"high": 0, "low": 2}
    ages = await ledger.read(watched.lane_ages, lanes)
    assert list(ages) == ["low"]
    assert 0 <= ages["low"] < AGES


async def test_rejected_requests_are_counted_by_source_and_time(ledger: Ledger) -> None:
    for _ in range(2):
        await ledger.write(REJECT, Rejection(arrival().event, "signature_wrong", "No."))
    now = now_us()
    begin, later = first_id("evt", now - AGES), first_id("evt", now + AGES)
    assert await ledger.read(watched.rejected, begin, later) == {"shop": 2}
    assert await ledger.read(watched.rejected, later, first_id("evt", now + 2 * AGES)) == {}


async def test_schedules_that_are_due_are_late_unless_they_are_paused(ledger: Ledger) -> None:
    now = now_us()
    for name, at in (("late", now - AGES), ("held", now - AGES), ("soon", now + AGES)):
        await ledger.write(ARM, Arm(name, "* * * * *", at))
    await ledger.write(PAUSE, Pause("held", True, now - AGES))
    late = await ledger.read(watched.late_schedules)
    assert list(late) == ["late"]
    assert AGES <= late["late"] < AGES + 600 * US_PER_S


MANY = 3000
NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :many) "
    "SELECT n FROM s",
    "postgresql": "SELECT n FROM generate_series(1, cast(:many AS integer)) AS s(n)",
}
FILL_RUNS = """
INSERT INTO runs (id, task, status, lane, due_at, attempt, crashes, chain_depth, fence, created_at,
  finished_at, held)
SELECT 'run_' || (1000000 + n), 'shop/sell',
  CASE n % 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'queued' ELSE 'succeeded' END,
  'normal', n, 1, 0, 0, 0, n, n, false FROM (NUMBERS) AS numbers"""
FILL_DELIVERIES = """
INSERT INTO deliveries (id, destination, status, due_at, attempts, spent, idempotency_key,
  content_type, body, fence, created_at, finished_at, held, replayed)
SELECT 'dlv_' || (1000000 + n), 'd' || (n % 5),
  CASE n % 50 WHEN 0 THEN 'dead' WHEN 1 THEN 'pending' ELSE 'delivered' END,
  n, 1, 1, 'k', 'j', '', 0, n, n, false, false FROM (NUMBERS) AS numbers"""
FILL_EVENTS = """
INSERT INTO events (id, source, fate, body_differs, received_at, method, path, query, ip, headers,
  body)
SELECT 'evt_' || (1000000 + n), 'shop', CASE n % 50 WHEN 0 THEN 'rejected' ELSE 'recorded' END,
  false, n, 'POST', '', '', '', '', '' FROM (NUMBERS) AS numbers"""
Asked = Callable[[Tx], Any]
LOOKS: list[tuple[str, Asked, str]] = [
    ("failed_runs", lambda tx: watched.failed_runs(tx, MANY - 100), "ix_runs_failed_at"),
    ("dead_letters", lambda tx: watched.dead_letters(tx, MANY - 100), "ix_deliveries_dead_at"),
    ("rejected", lambda tx: watched.rejected(tx, "evt_1002900", "evt_2"), "ix_events_rejected"),
    ("run_shares", lambda tx: watched.run_shares(tx, "run_1002900", None), "runs"),
    ("run_shares_of", lambda tx: watched.run_shares(tx, "run_1002900", "x"), "ix_runs_task_id"),
    ("delivery_shares", lambda tx: watched.delivery_shares(tx, "dlv_1002900", None), "deliveries"),
    (
        "delivery_shares_of",
        lambda tx: watched.delivery_shares(tx, "dlv_1002900", "x"),
        "ix_deliveries_destination_id",
    ),
    ("lane_depths", lambda tx: watched.lane_depths(tx, ["low"], 9), "ix_runs_due"),
    ("lane_ages", lambda tx: watched.lane_ages(tx, ["low"]), "ix_runs_due"),
    ("waiting", lambda tx: watched.waiting_deliveries(tx, 9), "ix_deliveries_due"),
    ("delivery_ages", watched.delivery_ages, "ix_deliveries_due"),
]


class Explaining:
    """A transaction that tells how the database would go about what it is asked."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plan: list[str] = []

    def rows(self, statement: Any, params: Any = None) -> Any:
        self.plan += [str(row[-1]) for row in self._tx.rows(Explain(statement), params)]
        return self._tx.rows(statement, params)


def filled(tx: Tx) -> None:
    """Fill the tables, and have the database count them."""
    for line in (FILL_RUNS, FILL_DELIVERIES, FILL_EVENTS):
        tx.run(text(line.replace("NUMBERS", NUMBERS[tx.dialect])), {"many": MANY})
    if tx.dialect == "postgresql":
        tx.run(text("ANALYZE"))


def is_scan(line: str) -> bool:
    """Whether a line of a plan says that a table is read from end to end."""
    words = line.lstrip(" ->")
    tables = ("SCAN runs", "SCAN deliveries", "SCAN events")
    return words.startswith("Seq Scan") or (words.startswith(tables) and "USING" not in words)


NAMES = [name for name, _, _ in LOOKS]


@pytest.mark.parametrize(("asked", "index"), [each[1:] for each in LOOKS], ids=NAMES)
async def test_among_many_rows_each_look_is_by_an_index(
    ledger: Ledger, asked: Asked, index: str
) -> None:
    await ledger.engine.transact(filled)

    def explained(tx: Tx) -> str:
        explaining = Explaining(tx)
        asked(explaining)  # type: ignore[arg-type]  # as much of one as is used
        return "\n".join(explaining.plan)

    plan = await ledger.read(explained)
    assert index in plan, plan
    assert not any(is_scan(line) for line in plan.splitlines()), plan
