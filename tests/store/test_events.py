"""Events: recorded with their runs, once for each dedup key."""

import asyncio
from dataclasses import replace

from hub.model.event import Rejection
from hub.store import events, lookup, schema
from hub.store.ledger import Ledger
from hub.store.retention import DROP_AGED, DropAged, ledger_now
from tests.store.make import arrival


async def test_an_event_and_its_run_are_committed_together(ledger: Ledger) -> None:
    came = arrival("order-1")
    receipt = await events.record(ledger, came)
    assert (receipt.event_id, receipt.run_id) == (came.event.id, came.runs[0].id)
    row = await ledger.read(lookup.one, schema.events, id=receipt.event_id)
    assert row is not None
    assert row["fate"] == "recorded"
    run = await ledger.read(lookup.one, schema.runs, id=receipt.run_id)
    assert run is not None
    assert run["status"] == "queued"


async def test_of_a_thousand_parallel_copies_one_counts(ledger: Ledger) -> None:
    receipts = await asyncio.gather(
        *(events.record(ledger, arrival("order-2")) for _ in range(1000))
    )
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    assert len({receipt.event_id for receipt in receipts}) == 1
    assert len({receipt.run_id for receipt in receipts}) == 1
    assert len(await ledger.read(lookup.page, schema.runs, most=10)) == 1
    repeats = await ledger.read(lookup.where, schema.events, duplicate_of=receipts[0].event_id)
    assert len(repeats) == 999


async def test_a_duplicate_with_another_body_says_so_and_keeps_it(ledger: Ledger) -> None:
    first = await events.record(ledger, arrival("order-3", b'{"a":1}'))
    await events.record(ledger, arrival("order-3", b'{"a":1}'))
    await events.record(ledger, arrival("order-3", b'{"a":2}'))
    repeats = await ledger.read(lookup.where, schema.events, duplicate_of=first.event_id)
    assert [(row["body_differs"], bytes(row["body"])) for row in repeats] == [
        (False, b""),
        (True, b'{"a":2}'),
    ]


async def test_an_expired_key_is_new_again(ledger: Ledger) -> None:
    came = arrival("order-4")
    assert came.dedup is not None
    short = replace(came, dedup=replace(came.dedup, window_us=1))
    await events.record(ledger, short)
    await asyncio.sleep(0.002)
    receipt = await events.record(ledger, arrival("order-4"))
    assert not receipt.duplicate


async def test_keys_of_different_sources_do_not_meet(ledger: Ledger) -> None:
    came = arrival("order-5")
    other = arrival("order-5")
    other = replace(other, event=replace(other.event, source="market"))
    receipts = [await events.record(ledger, each) for each in (came, other)]
    assert [receipt.duplicate for receipt in receipts] == [False, False]


async def test_an_event_without_a_task_is_unmatched(ledger: Ledger) -> None:
    receipt = await events.record(ledger, arrival(matched=False))
    assert receipt.run_id is None
    row = await ledger.read(lookup.one, schema.events, id=receipt.event_id)
    assert row is not None
    assert row["fate"] == "unmatched"


async def test_a_rejected_request_is_kept_with_its_reason(ledger: Ledger) -> None:
    event = arrival().event
    await ledger.write(events.REJECT, Rejection(event, "token_wrong", "Send the right one."))
    row = await ledger.read(lookup.one, schema.events, id=event.id)
    assert row is not None
    assert (row["fate"], row["reason"]) == ("rejected", "token_wrong: Send the right one.")


async def test_expired_keys_are_pruned(ledger: Ledger) -> None:
    came = arrival("order-6")
    assert came.dedup is not None
    await events.record(ledger, replace(came, dedup=replace(came.dedup, window_us=1)))
    await events.record(ledger, arrival("order-7"))
    await asyncio.sleep(0.002)
    gone = await ledger.write(DROP_AGED, DropAged("dedup", await ledger.read(ledger_now), 10))
    assert gone.counts == {"dedup": 1}
