"""What a connector is: it knows one tool's dialect and translates. It does no I/O.

A connector is any object with these members, offered by a package under the entry point group
``hub.connectors``. Verification, dedup, retries, breakers, pacing, the address guard, signing
and logs exist once in the hub; a connector says only what its tool sends, wants and means.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from hub.errors import InvalidError
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json, loads


class Outcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """Not taken; the same request may be taken later."""
    BACK_PRESSURE = "back_pressure"
    """Not taken because the other side is full or starting; costs no attempt."""
    REFUSED = "refused"
    """The same request will never be taken."""
    GONE = "gone"
    """The address will never take anything again (410)."""
    UNKNOWN = "unknown"
    """No answer, and the other side may have acted. Retried with the same idempotency key."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a source's request says: its value and, where the tool names one, its type."""

    value: Json
    event_type: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer is to be read, with a sentence for the person who looks at it."""

    outcome: Outcome
    message: str
    retry_after_s: float | None = None


@runtime_checkable
class Connector(Protocol):
    """The plug. Pure: same input, same output, no I/O, no state."""

    name: str
    """The word that stands in ``{"connector": …}``: lower case, digits, hyphens."""

    def parse(self, request: InboundRequest) -> Parsed:
        """Read a verified request.

        Raises:
            InvalidError: the body is not what this tool sends; says what to change.
        """
        ...

    def headers(self, payload: bytes) -> Pairs:
        """Fields that this tool wants on a request beside the hub's own."""
        ...

    def limit_bytes(self) -> int | None:
        """The largest body that the tool takes, or None."""
        ...

    def classify(self, response: OutboundResponse) -> Verdict:
        """What the tool means by this answer."""
        ...


def parse_json(request: InboundRequest) -> Json:
    """The body as JSON, whatever JSON media type it claims; a bodiless request is ``{}``.

    Raises:
        InvalidError: ``content_type_unsupported``, ``json_broken``, ``json_too_deep``.
    """
    kind = (request.headers.get("content-type") or "application/json").partition(";")[0]
    kind = kind.strip().lower()
    if not request.body:
        return {}
    if kind != "application/json" and not kind.endswith("+json"):
        raise InvalidError(
            f"This source takes JSON, not {kind or 'an empty content type'}. "
            "Send the body as application/json.",
            code="content_type_unsupported",
        )
    return loads(request.body)


def retry_after_s(response: OutboundResponse) -> float | None:
    """The seconds of a ``Retry-After`` field, or None. Dates are left to the schedule."""
    text = (response.headers.get("retry-after") or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def classify_by_status(response: OutboundResponse) -> Verdict:
    """The reading that HTTP itself gives: connectors begin here and add what they know."""
    status, wait = response.status, retry_after_s(response)
    if 200 <= status < 300:
        return Verdict(Outcome.DELIVERED, f"Taken with {status}.")
    if status == 410:
        return Verdict(Outcome.GONE, "410 Gone: this address takes nothing any more.")
    if status == 429:
        return Verdict(Outcome.BACK_PRESSURE, "429: too many requests.", wait)
    if status in (408, 409, 425) or status >= 500:
        return Verdict(Outcome.RETRY, f"Answered {status}.", wait)
    if 300 <= status < 400:
        return Verdict(Outcome.REFUSED, f"{status}: redirects are not followed; set the new URL.")
    return Verdict(Outcome.REFUSED, f"Refused with {status}.")
