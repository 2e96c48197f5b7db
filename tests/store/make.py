"""Rows for the tests of the store."""

from hub.model.delivery import Attempt, ClaimedDelivery, DeliveryStart, DeliveryStatus, Settlement
from hub.model.event import Arrival, DedupKey, Event
from hub.model.ids import new_id
from hub.model.run import ClaimedRun, RunStart
from hub.store import runs
from hub.store.ledger import Ledger

LEASE_US = 60_000_000


def arrival(key: str | None = None, body: bytes = b"{}", *, matched: bool = True) -> Arrival:
    """An event of the source ``shop``, with one run unless told."""
    event = Event(new_id("evt"), "shop", None, 1, "POST", "", "", "127.0.0.1", "[]", body)
    dedup = DedupKey(key, LEASE_US, body[:16]) if key else None
    started = (RunStart(new_id("run"), "shop/sell", "{}", event_id=event.id),) if matched else ()
    return Arrival(event, dedup, started)


def run_start(**given: object) -> RunStart:
    """A run to be queued."""
    return RunStart(**{"id": new_id("run"), "task": "shop/sell", "input": "{}", **given})  # type: ignore[arg-type]  # any of its fields


def delivery_start(destination: str = "till", key: str | None = None) -> DeliveryStart:
    """A delivery to be made."""
    return DeliveryStart(
        new_id("dlv"),
        destination,
        b"{}",
        "application/json",
        new_id("run"),
        ordering_key=key and f"{destination}:{key}",
    )


def settlement(
    delivery: ClaimedDelivery, status: DeliveryStatus = DeliveryStatus.DELIVERED, delay_us: int = 0
) -> Settlement:
    """What follows from an attempt."""
    attempt = Attempt(new_id("att"), delivery.attempts + 1, 1, 5, 200, "delivered", "Taken.", "ok")
    return Settlement(
        delivery.id,
        delivery.fence,
        attempt,
        status,
        delay_us,
        True,
        False,
        None,
        delivery.ordering_key,
    )


async def claim_runs(ledger: Ledger, worker: str = "wrk_1", most: int = 10) -> list[ClaimedRun]:
    """Claim due runs."""
    return await ledger.write(runs.CLAIM, runs.Claim(worker, "normal", most, LEASE_US))
