"""Deliveries sent again, edited, or not sent at all: one by its id, or many by what they are.

Many go chunk by chunk, each committed by itself, so that nobody waits for the database long.
Whoever is told no by a chunk asks again: what was done is done, and is not chosen any more.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.errors import ConflictError, HubError, InvalidError, NotFoundError
from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.json import Json
from hub.model.masking import MASK
from hub.model.time import to_iso
from hub.store.chosen import WAITING, Chosen, Found, find_chosen
from hub.store.deliveries import REPLAY, RERENDER, START_DELIVERY, Rerender
from hub.store.ledger import Ledger
from hub.store.lookup import one
from hub.store.many import CANCEL, REPLAY_MANY, Cancel, ReplayMany
from hub.store.schema import deliveries

MOST = 100_000
"""So many are done at once."""
RATE_PER_S = 20.0
MIN_RATE_PER_S, MAX_RATE_PER_S = 0.001, 10_000.0
BY_HAND = "It was cancelled by hand. Replay it to have it sent all the same."
_CHUNK = 1_000
_LONGEST_S = 20.0
"""After that no further chunk is begun: who asked is waiting for an answer."""


async def delivery_row(ledger: Ledger, delivery_id: str) -> dict[str, Any]:
    """A delivery's row.

    Raises:
        NotFoundError: ``delivery_unknown``.
    """
    row = await ledger.read(one, deliveries, id=delivery_id)
    if row is None:
        raise NotFoundError(f"There is no delivery {delivery_id!r}.", code="delivery_unknown")
    return row


async def replay_one(ledger: Ledger, delivery_id: str, rendered: bytes | None = None) -> None:
    """Send an ended delivery again: its own bytes, or JSON that was rendered anew.

    Raises:
        NotFoundError: ``delivery_unknown``.
        ConflictError: ``delivery_under_way``.
    """
    row = await delivery_row(ledger, delivery_id)
    if rendered is None:
        went = await ledger.write(REPLAY, delivery_id)
    else:
        wish = Rerender(delivery_id, rendered, "application/json")
        went = await ledger.write(RERENDER, wish)
    if not went:
        raise under_way(f"is {row['status']}: only one that has ended can be sent again.")


async def send_edited(
    ledger: Ledger, row: Mapping[str, Any], body: bytes, content_type: str
) -> str:
    """Queue another delivery like this one with a body of its own; gives its id.

    The one that it is like stays as it is.

    Raises:
        ConflictError: ``delivery_under_way``.
        InvalidError: ``mask_given``.
    """
    if row["status"] == DeliveryStatus.DELIVERING:
        raise under_way("is under way: edit it once its answer is known.")
    if is_masked(body, row):
        raise InvalidError(
            "The body holds the mask of a secret: send the secret itself, or leave it out.",
            code="mask_given",
        )
    new = new_id("dlv")
    start = DeliveryStart(
        id=new,
        destination=row["destination"],
        body=body,
        content_type=content_type,
        idempotency_key=f"{row['idempotency_key']}:edited:{new}",
        event_id=row["event_id"],
        run_id=row["run_id"],
        url=row["url"],
        ordering_key=row["ordering_key"],
    )
    await ledger.write(START_DELIVERY, start)
    return new


def is_masked(body: bytes, row: Mapping[str, Any]) -> bool:
    """Whether a body holds the mask of a secret that the delivery's own does not hold."""
    mask = MASK.encode()
    return mask in body and mask not in bytes(row["body"])


async def cancel_one(ledger: Ledger, delivery_id: str, reason: str) -> None:
    """End a delivery that waits.

    Raises:
        NotFoundError: ``delivery_unknown``.
        ConflictError: ``delivery_under_way``, ``delivery_ended``.
    """
    await delivery_row(ledger, delivery_id)
    if await ledger.write(CANCEL, Cancel((delivery_id,), reason)):
        return
    status = (await delivery_row(ledger, delivery_id))["status"]
    if status in (DeliveryStatus.DELIVERING, *WAITING):
        raise under_way("is under way: what has left cannot be taken back.")
    raise ConflictError(f"This delivery has ended: it is {status}.", code="delivery_ended")


def under_way(said: str) -> HubError:
    """A delivery stands so that this cannot be done to it now."""
    return ConflictError(f"This delivery {said}", code="delivery_under_way")


def plan_of(found: Found) -> dict[str, Json]:
    """What would be done, for people."""
    counts = Counter(each.destination for each in found.each)
    return {
        "count": len(found.each),
        "left": found.left,
        "oldest": to_iso(found.each[0].created_at) if found.each else None,
        "newest": to_iso(found.each[-1].created_at) if found.each else None,
        "by_destination": dict(sorted(counts.items())),
    }


def takes_s(count: int, rate_per_s: float) -> float:
    """Over how many seconds so many are spread."""
    return round(count / rate_per_s, 3)


@dataclass(frozen=True, slots=True)
class Done:
    """How many it was done to, and how many are left that were chosen as well."""

    count: int
    left: int


async def find(ledger: Ledger, chosen: Chosen, most: int = MOST) -> Found:
    """Those that a filter means, the oldest first, at most so many at once."""
    return await ledger.read(find_chosen, chosen, most)


async def replay_found(ledger: Ledger, found: Found, status: str, rate_per_s: float) -> Done:
    """Send those again that stand at ``status``, spread over time, the oldest first.

    Raises:
        StoreError: not all of it is done; what is done counts.
    """
    ids = [each.id for each in found.each]
    count = passed = 0
    for chunk in _chunks(ids):
        wish = ReplayMany(chunk, status, found.now_us, rate_per_s, count)
        count += await ledger.write(REPLAY_MANY, wish)
        passed += len(chunk)
    return Done(count, found.left + len(ids) - passed)


async def cancel_found(ledger: Ledger, found: Found, reason: str) -> Done:
    """End those that wait. The newest go first: no key's next one gets its turn meanwhile.

    Raises:
        StoreError: not all of it is done; what is done counts.
    """
    ids = [each.id for each in reversed(found.each)]
    count = passed = 0
    for chunk in _chunks(ids):
        count += await ledger.write(CANCEL, Cancel(chunk, reason))
        passed += len(chunk)
    return Done(count, found.left + len(ids) - passed)


def _chunks(ids: list[str]) -> Iterator[tuple[str, ...]]:
    """Parts of them, until there are no more, or the time is up."""
    until = time.monotonic() + _LONGEST_S
    for begin in range(0, len(ids), _CHUNK):
        if begin and time.monotonic() > until:
            return
        yield tuple(ids[begin : begin + _CHUNK])
