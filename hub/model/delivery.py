"""Delivery: one payload on its way to one destination; attempt: one try of it."""

import re
from dataclasses import field
from enum import StrEnum
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from hub.model.value import value

_VARIABLE = re.compile(r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_WEBHOOK = re.compile(r"https?://[^\s{}]+|\{\{\s*env\.[A-Za-z_][A-Za-z0-9_]*\s*\}\}|[A-Za-z0-9_-]+")


def _check_webhook(text: str) -> str:
    if not _WEBHOOK.fullmatch(text):
        raise ValueError("Give a URL, {{env.NAME}}, or the name of a destination")
    return text


Webhook: TypeAlias = Annotated[
    str, StringConstraints(max_length=8192), AfterValidator(_check_webhook)
]
"""What is told of the end of a run: a URL, ``{{env.NAME}}``, or a destination's name."""


def is_address(text: str) -> bool:
    """Whether it is a URL, or an expression that gives one, rather than a destination's name."""
    return ":" in text or "{" in text


def side_of(address: str) -> str:
    """What stands for the other side where no destination does: the origin of a URL.

    ``https://example.com:443``, or ``env.NAME``; no name that a person gives looks like it.
    """
    found = _VARIABLE.fullmatch(address)
    if found is not None:
        return f"env.{found[1]}"
    parts = urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    host = (parts.hostname or "").lower()
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def is_side(name: str) -> bool:
    """Whether it is the name that :func:`side_of` gives, rather than a destination's."""
    return "." in name or ":" in name


def variable_of(address: str) -> str | None:
    """The name of the variable that holds the URL, if one does."""
    found = _VARIABLE.fullmatch(address)
    return None if found is None else found[1]


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    CANCELLED = "cancelled"


HELD = "held"
"""What a waiting delivery is called while its destination, or one before it, holds it back."""
ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.CANCELLED)


@value(frozen=True, slots=True)
class DeliveryStart:
    """A delivery to be made. Its bytes are rendered once, before the commit."""

    id: str
    destination: str
    body: bytes = field(repr=False)
    content_type: str
    idempotency_key: str
    event_id: str | None = None
    run_id: str | None = None
    url: str | None = None
    """Where it goes if no destination says so: a URL, or ``{{env.NAME}}``."""
    ordering_key: str | None = None
    """Of those with the same one the first to have come goes first."""
    failure: str | None = None
    """Why it cannot be sent: it is a dead letter from the beginning."""


@value(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker holds by a lease."""

    id: str
    destination: str
    body: bytes = field(repr=False)
    content_type: str
    idempotency_key: str
    attempts: int
    """Those made before this one."""
    spent: int
    """Those of them that count against the retry schedule."""
    pressed_for_us: int
    """How long back-pressure has lasted; 0 when there is none."""
    fence: int
    event_id: str | None
    run_id: str | None
    created_at: int
    url: str | None = None
    ordering_key: str | None = None


@value(frozen=True, slots=True)
class Attempt:
    """One try: what was answered and how it was read."""

    id: str
    n: int
    started_at: int
    duration_ms: int
    status_code: int | None
    outcome: str
    message: str
    response_body: str | None


@value(frozen=True, slots=True)
class Settlement:
    """An attempt and what follows from it for its delivery."""

    delivery_id: str
    fence: int
    attempt: Attempt
    status: DeliveryStatus
    delay_us: int
    """Until the next try, for ``retrying``."""
    spends: bool
    """The try counts against the retry schedule (back-pressure does not)."""
    pressed: bool
    reason: str | None
    ordering_key: str | None = None
