"""Deliveries: claimed once, settled by whoever holds them."""

import asyncio
from dataclasses import replace

from sqlalchemy import update

from hub.model.delivery import ClaimedDelivery, DeliveryStatus
from hub.model.segment import Segment
from hub.store import deliveries, due, leases, lookup, runs, schema
from hub.store.events import RECORD
from hub.store.ledger import Ledger
from hub.store.objects import PUT, PutObject
from hub.store.segments import COMMIT
from hub.store.settling import SETTLE
from tests.store.make import LEASE_US, arrival, claim_runs, delivery_start, run_start, settlement


async def queue(ledger: Ledger, *destinations: str) -> None:
    """Queue a delivery for each destination, in order."""
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    starts = [delivery_start(destination) for destination in destinations]
    await ledger.write(COMMIT, Segment(run.id, run.fence, 0, deliveries=starts))


async def claim(ledger: Ledger, most: int = 10) -> list[ClaimedDelivery]:
    """Claim due deliveries, so many of each destination."""
    return await due.claim_any(ledger, "wrk_1", most, LEASE_US)


async def claim_of(ledger: Ledger, *wanted: due.Wanted, **more: bool) -> list[ClaimedDelivery]:
    """Claim as a dispatcher does."""
    return await ledger.write(due.CLAIM, due.ClaimDue("wrk_1", LEASE_US, wanted, **more))


async def send(ledger: Ledger, destination: str, *keys: str | None) -> list[str]:
    """Queue deliveries one after the other; gives their ids."""
    starts = [delivery_start(destination, key) for key in keys]
    for each in starts:
        await ledger.write(deliveries.START_DELIVERY, each)
    return [each.id for each in starts]


async def test_a_delivery_is_claimed_by_one_worker(ledger: Ledger) -> None:
    await queue(ledger, *["till"] * 20)
    claims = await asyncio.gather(*(claim(ledger, 6) for _ in range(6)))
    ids = [each.id for claimed in claims for each in claimed]
    assert len(ids) == len(set(ids)) == 20


async def test_a_destination_that_is_not_asked_for_is_passed_over(ledger: Ledger) -> None:
    await queue(ledger, "till", "till", "desk")
    assert [each.destination for each in await claim_of(ledger, due.Wanted("desk", 9))] == ["desk"]
    assert len(await claim_of(ledger, due.Wanted("till", 1), due.Wanted("desk", 9))) == 1


async def test_due_deliveries_are_counted_by_destination(ledger: Ledger) -> None:
    assert await ledger.read(due.due_destinations, 5) == []
    ids = await send(ledger, "till", *[None] * 9)
    await send(ledger, "desk", None, None)
    await send(ledger, "late", None)
    (late,) = await claim_of(ledger, due.Wanted("late", 1))
    await ledger.write(SETTLE, settlement(late, DeliveryStatus.RETRYING, delay_us=LEASE_US))
    for each in await claim_of(ledger, due.Wanted("till", 2)):
        await ledger.write(SETTLE, settlement(each))
        await ledger.write(deliveries.REPLAY, each.id)
    assert await ledger.read(due.due_destinations, 5) == [
        due.Due("desk", 2, 0),
        due.Due("till", 5, 2),
    ]
    assert await ledger.read(due.next_due_delivery) is not None
    live = await claim_of(ledger, due.Wanted("till", 3))
    assert [each.id for each in live] == ids[2:5]
    first = await claim_of(ledger, due.Wanted("till", 3), replays_first=True)
    assert [each.id for each in first] == [*ids[:2], ids[5]]


async def test_no_more_are_under_way_than_a_destination_takes(ledger: Ledger) -> None:
    await ledger.write(PUT, PutObject("destination", "till", "{}"))
    await send(ledger, "till", *[None] * 20)
    await send(ledger, "desk", *[None] * 20)
    wanted = (due.Wanted("till", 5, concurrency=3), due.Wanted("desk", 5))
    claims = await asyncio.gather(*(claim_of(ledger, *wanted) for _ in range(4)))
    of_till = [each for claimed in claims for each in claimed if each.destination == "till"]
    assert len(of_till) == 3
    assert sum(map(len, claims)) == 23
    await ledger.write(SETTLE, settlement(of_till[0]))
    assert len(await claim_of(ledger, wanted[0])) == 1


async def test_what_has_one_key_goes_one_after_the_other(ledger: Ledger) -> None:
    """The head holds its key while it is tried again; a dead one frees it."""
    a1, b1, a2, free, a3 = await send(ledger, "till", "a", "b", "a", None, "a")
    claimed = await claim(ledger)
    assert [each.id for each in claimed] == [a1, b1, free]
    head = claimed[0]
    assert await claim(ledger) == []
    await ledger.write(SETTLE, settlement(head, DeliveryStatus.RETRYING, LEASE_US))
    (a4,) = await send(ledger, "till", "a")
    assert await claim(ledger) == []
    await ledger.engine.transact(
        lambda tx: tx.run(update(schema.deliveries).values(due_at=0))
    )  # its time has come
    (head,) = await claim(ledger)
    assert head.id == a1
    await ledger.write(SETTLE, settlement(head, DeliveryStatus.DEAD))
    (second,) = await claim(ledger)
    assert second.id == a2
    assert await ledger.write(deliveries.REPLAY, a1)  # it came first, but another is under way
    assert await claim(ledger) == []
    await ledger.write(SETTLE, settlement(second))
    for expected in (a1, a3, a4):
        (next_one,) = await claim(ledger)
        assert next_one.id == expected
        await ledger.write(SETTLE, settlement(next_one))
    assert await claim(ledger) == []


async def test_many_of_one_key_at_once_stay_in_line(ledger: Ledger) -> None:
    """Whoever queues and claims at the same moment, one of a key is under way."""
    starts = [delivery_start("till", "a") for _ in range(30)]
    done: list[str] = []

    async def work() -> None:
        while len(done) < len(starts):
            for each in await claim(ledger, 2):
                done.append(each.id)
                assert await ledger.write(SETTLE, settlement(each))
            await ledger.write(leases.SWEEP, None)

    async with asyncio.timeout(20):
        await asyncio.gather(
            *(ledger.write(deliveries.START_DELIVERY, each) for each in starts), work(), work()
        )
    assert sorted(done) == sorted(each.id for each in starts)


async def test_an_event_with_keys_is_recorded_with_what_waits_behind_them(ledger: Ledger) -> None:
    came = arrival("order-1")
    keyed = replace(came.runs[0], concurrency_key="ada")
    sent = tuple(replace(delivery_start("till", "a"), event_id=came.event.id) for _ in range(2))
    await ledger.write(RECORD, replace(came, runs=(keyed,), deliveries=sent))
    assert [run.id for run in await claim_runs(ledger)] == [keyed.id]
    assert [each.id for each in await claim(ledger)] == [sent[0].id]


async def test_what_could_not_be_rendered_is_a_dead_letter(ledger: Ledger) -> None:
    start = replace(delivery_start("till", "a"), failure="The transform has no 'body.name'.")
    await ledger.write(deliveries.START_DELIVERY, start)
    assert await claim(ledger) == []
    row = await ledger.read(lookup.one, schema.deliveries, id=start.id)
    assert row is not None
    assert (row["status"], row["reason"]) == ("dead", start.failure)
    assert row["finished_at"] is not None


async def test_a_settled_delivery_has_its_attempt_and_is_settled_once(ledger: Ledger) -> None:
    await queue(ledger, "till")
    (delivery,) = await claim(ledger)
    assert await ledger.write(SETTLE, settlement(delivery))
    assert not await ledger.write(SETTLE, settlement(delivery))
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
        ledger.write(SETTLE, settlement(soon, retrying)),
        ledger.write(SETTLE, settlement(late, retrying, LEASE_US)),
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
    assert not await ledger.write(SETTLE, settlement(first))
    assert await ledger.write(SETTLE, settlement(second))


async def test_an_ended_delivery_can_be_replayed_and_one_under_way_cannot(ledger: Ledger) -> None:
    await queue(ledger, "till")
    (delivery,) = await claim(ledger)
    assert not await ledger.write(deliveries.REPLAY, delivery.id)
    await ledger.write(SETTLE, settlement(delivery, DeliveryStatus.DEAD))
    assert await ledger.write(deliveries.REPLAY, delivery.id)
    (again,) = await claim(ledger)
    assert (again.id, again.spent, again.attempts) == (delivery.id, 0, 1)
    assert (again.body, again.idempotency_key) == (delivery.body, delivery.idempotency_key)


async def test_an_idle_ledger_has_nothing_due(ledger: Ledger) -> None:
    assert await ledger.read(due.next_due_delivery) is None
    await queue(ledger, "till")
    assert await ledger.read(due.next_due_delivery) is not None
