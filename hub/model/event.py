"""Event: one request to a source, recorded before it is answered."""

from enum import StrEnum

from hub.model.delivery import DeliveryStart
from hub.model.run import RunStart
from hub.model.value import value

EMITTED = "hub"
"""The source of events that stacks emit; nobody may create a source of that name."""


class Recorded(StrEnum):
    """How a request was taken; an event's full fate also says what became of its work."""

    RECORDED = "recorded"
    UNMATCHED = "unmatched"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@value(frozen=True, slots=True)
class Event:
    """A request as it is kept. Secrets in ``headers`` are masked before it is made."""

    id: str
    source: str
    type: str | None
    received_at: int
    method: str
    path: str
    query: str
    ip: str
    headers: str
    """A JSON list of ``[name, value]``."""
    body: bytes


@value(frozen=True, slots=True)
class DedupKey:
    """What makes two requests to a source the same, and for how long."""

    key: str
    window_us: int
    body_hash: bytes


@value(frozen=True, slots=True)
class Arrival:
    """An event with all that is committed together with it."""

    event: Event
    dedup: DedupKey | None
    runs: tuple[RunStart, ...]
    deliveries: tuple[DeliveryStart, ...] = ()
    reason: str | None = None
    """Why nothing runs for it, where that is not for want of a task."""


@value(frozen=True, slots=True)
class Receipt:
    """What the sender is told."""

    event_id: str
    """Of a duplicate: the first one's."""
    run_id: str | None
    duplicate: bool


@value(frozen=True, slots=True)
class Rejection:
    """A request that was not taken, with the reason."""

    event: Event
    code: str
    message: str
