"""What a connector is: it knows one tool's dialect and translates. It does no I/O.

A connector is any object with these members, offered by a package under the entry point group
``hub.connectors``. Verification, dedup, retries, breakers, pacing, the address guard, signing
and logs exist once in the hub; a connector says only what its tool sends, wants and means.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from hub.model.destination import Pacing
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json
from hub.model.value import value

WEWEB = "weweb"
"""In a list of origins: those of WeWeb's editor and previews."""


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


@value(frozen=True, slots=True)
class Parsed:
    """What a source's request says: its value and, where the tool names one, its type."""

    value: Json
    event_type: str | None = None
    message_id: str | None = None
    """The sender's own id of it, which stays the same when it sends it again."""


@value(frozen=True, slots=True)
class Reply:
    """What a challenge is answered with."""

    body: str
    content_type: str = "text/plain"


@value(frozen=True, slots=True)
class Verdict:
    """How an answer is to be read, with a sentence for the person who looks at it."""

    outcome: Outcome
    message: str
    retry_after_s: float | None = None


@runtime_checkable
class Connector(Protocol):
    """The plug. Pure: same input, same output, no I/O, no state."""

    @property
    def name(self) -> str:
        """The word that stands in ``{"connector": …}``: lower case, digits, hyphens."""
        ...

    def parse(self, request: InboundRequest) -> Parsed:
        """Read a verified request.

        Raises:
            InvalidError: the body is not what this tool sends; says what to change.
        """
        ...

    def knows(self, host: str, path: str) -> bool:
        """Whether an address is surely this tool's, so that its answers are read as such."""
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


@runtime_checkable
class Verifies(Protocol):
    """A connector that knows how its tool signs: sources may say ``verify: {mode: preset}``."""

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """Check a request; any of the secrets may fit.

        Raises:
            SignatureError: says what is missing or wrong, and what to change.
        """
        ...

    def check_secret(self, secret: str) -> None:
        """Check that a secret can be used, before it is kept.

        Raises:
            InvalidError: ``secret_invalid``; the message never repeats the secret.
        """
        ...


@runtime_checkable
class Paces(Protocol):
    """A connector whose tool takes only so much at a time."""

    @property
    def pacing(self) -> Pacing:
        """What counts for a destination that sets none itself."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A connector that sees by an address what will go wrong with it."""

    def check(self, url: str) -> Sequence[str]:
        """What the owner of a destination with that address should know."""
        ...


@runtime_checkable
class Signs(Protocol):
    """A connector that can sign as its tool does: samples can then be sent for trying."""

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """The header fields that its tool adds to a request.

        Raises:
            InvalidError: ``secret_invalid``.
        """
        ...


@runtime_checkable
class FromPages(Protocol):
    """A connector whose tool sends from pages in a browser."""

    @property
    def pages(self) -> Sequence[str]:
        """Whose pages may send unless the source says so: origins, or :data:`WEWEB`."""
        ...


@runtime_checkable
class Says(Protocol):
    """A connector whose tool shows text to people: notices of alerts go there as that."""

    def say(self, title: str, text: str) -> Json:
        """The body by which its tool shows them; neither is anything but plain text."""
        ...


@runtime_checkable
class Challenges(Protocol):
    """A connector whose tool asks before it sends: whether this address wants it."""

    def challenge(self, request: InboundRequest) -> Reply | None:
        """What a verified request is answered with if it is such a question, else None."""
        ...
