"""Does by hand what a worker would do."""

from hub.bootstrap import Hub
from hub.model.delivery import Attempt, DeliveryStart, DeliveryStatus, Settlement
from hub.model.event import Arrival, DedupKey, Event
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.run import ClaimedRun, Ending, RunStart
from hub.model.segment import Segment
from hub.model.time import now_us
from hub.stack.journal import Entry, encode
from hub.store import events, runs
from hub.store.due import claim_any
from hub.store.segments import COMMIT
from hub.store.settling import SETTLE

LEASE_US = 60_000_000


async def record(
    hub: Hub,
    body: bytes = b"{}",
    headers: list[list[str]] | None = None,
    *,
    key: str | None = None,
    task: str | None = None,
    source: str = "shop",
) -> str:
    """An event, with a run of ``task``; gives its own id, also of a duplicate."""
    event = Event(
        id=new_id("evt"),
        source=source,
        type="order.made",
        received_at=now_us(),
        method="POST",
        path="",
        query="",
        ip="127.0.0.1",
        headers=dumps_text(headers or []),
        body=body,
    )
    started = (RunStart(new_id("run"), task, "{}", event_id=event.id),) if task else ()
    dedup = DedupKey(key, LEASE_US, body[:16]) if key else None
    await events.record(hub.ledger, Arrival(event, dedup, started))
    return event.id


async def claim(hub: Hub) -> list[ClaimedRun]:
    """Take the runs that are due."""
    return await hub.ledger.write(runs.CLAIM, runs.Claim("wrk_1", "normal", 10, LEASE_US))


async def finish(
    hub: Hub,
    run: ClaimedRun,
    ending: Ending,
    entries: tuple[Entry, ...] = (),
    starts: tuple[DeliveryStart, ...] = (),
) -> None:
    """End a run that was taken."""
    rows = encode(entries) if entries else b""
    segment = Segment(
        run.id, run.fence, 0, entries=rows, deliveries=list(starts), ending=ending, version="v1"
    )
    await hub.ledger.write(COMMIT, segment)


async def deliver(hub: Hub, run_id: str | None = None, event_id: str | None = None) -> str:
    """Queue a delivery by a run that does nothing else; gives its id."""
    start = RunStart(new_id("run"), "shop/send", "{}")
    await hub.ledger.write(runs.START, start)
    (run,) = await claim(hub)
    queued = DeliveryStart(
        new_id("dlv"), "till", b"{}", "application/json", "key", event_id, run_id or run.id
    )
    segment = Segment(run.id, run.fence, 0, deliveries=[queued])
    await hub.ledger.write(COMMIT, segment)
    return queued.id


async def attempt(hub: Hub, status: DeliveryStatus) -> None:
    """Make one attempt of everything that is due."""
    for each in await claim_any(hub.ledger, "wrk_1", 10, LEASE_US):
        made = Attempt(
            new_id("att"), each.attempts + 1, now_us(), 5, 200, status.value, "Said.", "body"
        )
        settled = Settlement(each.id, each.fence, made, status, 0, True, False, "because")
        await hub.ledger.write(SETTLE, settled)
