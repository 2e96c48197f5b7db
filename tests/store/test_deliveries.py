"""Deliveries: claimed once, settled by whoever holds them."""

import asyncio

from hub.model.delivery import ClaimedDelivery, DeliveryStatus
from hub.model.segment import Segment
from hub.store import deliveries, leases, lookup, runs, schema
from hub.store.ledger import Ledger
from hub.store.segments import COMMIT
from tests.store.make import LEASE_US, claim_runs, delivery_start, run_start, settlement


async def queue(ledger: Ledger, *destinations: str) -> None:
    """Queue a delivery for each destination, in order."""
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    starts = [delivery_start(destination) for destination in destinations]
    await ledger.write(COMMIT, Segment(run.id, run.fence, 0, deliveries=starts))


async def claim(
    ledger: Ledger, most: int = 10, full: tuple[str, ...] = ()
) -> list[ClaimedDelivery]:
    """Claim due deliveries."""
    asked = deliveries.ClaimDue("wrk_1", most, LEASE_US, full)
    return await ledger.write(deliveries.CLAIM, asked)


async def test_a_delivery_is_claimed_by_one_worker(ledger: Ledger) -> None:
    await queue(ledger, *["till"] * 20)
    claims = await asyncio.gather(*(claim(ledger, 6) for _ in range(6)))
    ids = [each.id for claimed in claims for each in claimed]
    assert len(ids) == len(set(ids)) == 20


async def test_a_full_destination_is_passed_over(ledger: Ledger) -> None:
    await queue(ledger, "till", "till", "desk")
    assert [each.destination for each in await claim(ledger, full=("till",))] == ["desk"]


async def test_a_settled_delivery_has_its_attempt_and_is_settled_once(ledger: Ledger) -> None:
    await queue(ledger, "till")
    (delivery,) = await claim(ledger)
    assert await ledger.write(deliveries.SETTLE, settlement(delivery))
    assert not await ledger.write(deliveries.SETTLE, settlement(delivery))
    row = await ledger.read(lookup.one, schema.deliveries, id=delivery.id)
    assert row is not None
    assert (row["status"], row["attempts"]) == ("delivered", 1)
    attempts = await ledger.read(lookup.where, schema.attempts, delivery_id=delivery.id)
    assert [each["n"] for each in attempts] == [1]


async def test_a_retry_is_due_after_its_delay(ledger: Ledger) -> None:
    await queue(ledger, "till", "till")
    soon, late = await claim(ledger)
    retrying = DeliveryStatus.RETRYING
    await asyncio.gather(
        ledger.write(deliveries.SETTLE, settlement(soon, retrying)),
        ledger.write(deliveries.SETTLE, settlement(late, retrying, LEASE_US)),
    )
    (again,) = await claim(ledger)
    assert (again.id, again.attempts, again.spent) == (soon.id, 1, 1)
    assert again.idempotency_key == soon.idempotency_key


async def test_an_overdue_lease_sends_a_delivery_again_and_fences_the_first(
    ledger: Ledger,
) -> None:
    await queue(ledger, "till")
    (first,) = await claim(ledger)
    await ledger.write(leases.EXPIRE_ALL, None)
    await ledger.write(leases.SWEEP, None)
    (second,) = await claim(ledger)
    assert not await ledger.write(deliveries.SETTLE, settlement(first))
    assert await ledger.write(deliveries.SETTLE, settlement(second))


async def test_an_ended_delivery_can_be_replayed_and_one_under_way_cannot(ledger: Ledger) -> None:
    await queue(ledger, "till")
    (delivery,) = await claim(ledger)
    assert not await ledger.write(deliveries.REPLAY, delivery.id)
    await ledger.write(deliveries.SETTLE, settlement(delivery, DeliveryStatus.DEAD))
    assert await ledger.write(deliveries.REPLAY, delivery.id)
    (again,) = await claim(ledger)
    assert (again.id, again.spent, again.attempts) == (delivery.id, 0, 1)
    assert (again.body, again.idempotency_key) == (delivery.body, delivery.idempotency_key)


async def test_an_idle_ledger_has_nothing_due(ledger: Ledger) -> None:
    assert not await ledger.read(deliveries.has_due_deliveries)
    await queue(ledger, "till")
    assert await ledger.read(deliveries.has_due_deliveries)
