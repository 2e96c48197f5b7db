import pytest

from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.event import Rejection
from hub.model.ids import new_id
from hub.model.run import Ending, Failure, RunStatus
from hub.model.segment import Segment
from hub.store import fates
from hub.store.due import claim_any
from hub.store.events import REJECT, record
from hub.store.fates import EventsWanted, event_in_full, events_page
from hub.store.ledger import Ledger
from hub.store.segments import COMMIT
from hub.store.settling import SETTLE
from tests.store.make import LEASE_US, arrival, claim_runs, settlement

FAILED = Ending(RunStatus.FAILED, None, None, Failure("broken", "It broke."))
DONE = Ending(RunStatus.SUCCEEDED, None)


async def fate_of(ledger: Ledger, event_id: str) -> str:
    row = await ledger.read(event_in_full, event_id)
    assert row is not None
    rows, _ = await ledger.read(events_page, EventsWanted(most=100))
    assert {each["id"]: each["fate"] for each in rows}[event_id] == row["fate"]
    fate: str = row["fate"]
    return fate


async def end_run(ledger: Ledger, ending: Ending, *starts: DeliveryStart) -> None:
    (run,) = await claim_runs(ledger)
    segment = Segment(run.id, run.fence, 0, ending=ending, deliveries=list(starts))
    await ledger.write(COMMIT, segment)


async def settle_all(ledger: Ledger, status: DeliveryStatus) -> None:
    for delivery in await claim_any(ledger, "wrk_1", 10, LEASE_US):
        await ledger.write(SETTLE, settlement(delivery, status))


def delivery_of(event_id: str) -> DeliveryStart:
    return DeliveryStart(new_id("dlv"), "till", b"{}", "application/json", "k", event_id=event_id)


async def test_an_event_whose_deliveries_are_held_back_is_held(ledger: Ledger) -> None:
    came = arrival("order-1")
    await record(ledger, came)
    start = delivery_of(came.event.id)
    await end_run(ledger, Ending(RunStatus.SUCCEEDED, "v"), start)
    for held_by, fate in (((), "running"), (("desk",), "running"), (("till",), "held")):
        row = await ledger.read(event_in_full, came.event.id, held_by)
        assert row is not None
        assert row["fate"] == fate
        wanted = EventsWanted(most=10, fate=fate, held_by=held_by)
        (row,), _ = await ledger.read(events_page, wanted)
        assert row["id"] == came.event.id
    await settle_all(ledger, DeliveryStatus.DELIVERED)
    row = await ledger.read(event_in_full, came.event.id, ("till",))
    assert row is not None
    assert row["fate"] == "delivered"


async def test_an_event_without_work_is_unmatched(ledger: Ledger) -> None:
    event_id = (await record(ledger, arrival(matched=False))).event_id
    assert await fate_of(ledger, event_id) == "unmatched"


async def test_a_refused_event_is_rejected(ledger: Ledger) -> None:
    event = arrival().event
    await ledger.write(REJECT, Rejection(event, "signature_wrong", "No."))
    assert await fate_of(ledger, event.id) == "rejected"


async def test_a_second_event_is_a_duplicate_and_counted(ledger: Ledger) -> None:
    first = (await record(ledger, arrival("k"))).event_id
    again = arrival("k")
    await record(ledger, again)
    assert await fate_of(ledger, again.event.id) == "duplicate"
    row = await ledger.read(event_in_full, first)
    assert row is not None
    assert row["duplicates"] == 1


async def test_an_event_runs_until_its_work_has_ended(ledger: Ledger) -> None:
    event_id = (await record(ledger, arrival())).event_id
    assert await fate_of(ledger, event_id) == "running"
    await end_run(ledger, DONE, delivery_of(event_id))
    assert await fate_of(ledger, event_id) == "running"
    await settle_all(ledger, DeliveryStatus.RETRYING)
    assert await fate_of(ledger, event_id) == "running"
    await settle_all(ledger, DeliveryStatus.DELIVERED)
    assert await fate_of(ledger, event_id) == "delivered"


@pytest.mark.parametrize("what", ["run", "delivery"])
async def test_an_event_whose_work_failed_is_dead(ledger: Ledger, what: str) -> None:
    event_id = (await record(ledger, arrival())).event_id
    await end_run(ledger, FAILED if what == "run" else DONE, delivery_of(event_id))
    ended = DeliveryStatus.DEAD if what == "delivery" else DeliveryStatus.DELIVERED
    await settle_all(ledger, ended)
    assert await fate_of(ledger, event_id) == "dead"
    row = await ledger.read(event_in_full, event_id)
    assert row is not None
    assert (len(row["runs"]), len(row["deliveries"])) == (1, 1)


async def test_pages_filter_by_fate_source_and_time(ledger: Ledger) -> None:
    unmatched = [(await record(ledger, arrival(matched=False))).event_id for _ in range(3)]
    running = (await record(ledger, arrival())).event_id

    async def ids(**given: object) -> list[str]:
        wanted = EventsWanted(**{"most": 10, **given})  # type: ignore[arg-type]  # any of its fields
        return [row["id"] for row in (await ledger.read(events_page, wanted))[0]]

    assert await ids() == [running, *reversed(unmatched)]
    assert await ids(fate="running") == [running]
    assert await ids(fate="held") == []
    assert await ids(source="other") == []
    assert await ids(source="shop", fate="unmatched", before=unmatched[2]) == unmatched[1::-1]
    assert await ids(since=1) == [running, *reversed(unmatched)]
    assert await ids(since=2) == []


async def test_a_rare_fate_is_come_to_page_by_page(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = (await record(ledger, arrival())).event_id
    for _ in range(5):
        await record(ledger, arrival(matched=False))
    monkeypatch.setattr(fates, "WINDOW", 2)
    found, pages, before = [], 0, None
    while pages == 0 or before is not None:
        wanted = EventsWanted(most=10, fate="running", **({"before": before} if before else {}))
        rows, before = await ledger.read(events_page, wanted)
        found += [row["id"] for row in rows]
        pages += 1
    assert (found, pages) == ([rare], 4)
