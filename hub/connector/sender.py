"""Tools that only send: told by where things stand in what they send, and how they sign it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.connector.plug import Parsed, Verdict
from hub.connector.reading import MAX_TYPE, classify_by_status, parse_body
from hub.model.filter import value_at
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json
from hub.model.scheme import Scheme
from hub.signature import key_of, sign_scheme, verify_scheme

_HEADER = "header:"
_LONGEST_ID = 200


@dataclass(frozen=True)
class Sender:
    """A connector for a tool that sends, and takes nothing.

    A place is a path into the body, such as ``data.id``, or ``header:X-Event``.
    """

    name: str
    scheme: Scheme
    """How it signs."""
    types: tuple[str, ...] = ("type",)
    """Places of the event's type; the first that holds one counts."""
    ids: tuple[str, ...] = ()
    """Places of the sender's own id of a message, which stays when it is sent again."""
    reads: Callable[[InboundRequest], Json] = parse_body

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, with its type and its id."""
        value = self.reads(request)
        return Parsed(
            value,
            _found(self.types, request, value, MAX_TYPE),
            _found(self.ids, request, value, _LONGEST_ID),
        )

    def verify(self, secrets: Sequence[str], request: InboundRequest, now_s: float) -> None:
        """After its scheme."""
        verify_scheme(self.scheme, secrets, request, now_s)

    def sign(self, secret: str, request: InboundRequest, now_s: float) -> Pairs:
        """After its scheme."""
        return sign_scheme(self.scheme, secret, request, now_s)

    def check_secret(self, secret: str) -> None:
        """Whether it can be read as the scheme says."""
        key_of(self.scheme, secret)

    def knows(self, host: str, path: str) -> bool:
        """None: it takes nothing."""
        return False

    def headers(self, payload: bytes) -> Pairs:
        """None: it takes nothing."""
        return ()

    def limit_bytes(self) -> int | None:
        """None: it takes nothing."""
        return None

    def classify(self, response: OutboundResponse) -> Verdict:
        """As HTTP reads it."""
        return classify_by_status(response)


def _found(
    places: tuple[str, ...], request: InboundRequest, value: Json, longest: int
) -> str | None:
    for place in places:
        if place.startswith(_HEADER):
            found: Json = request.headers.get(place.removeprefix(_HEADER))
        else:
            found = value_at(value, place)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if isinstance(found, str) and 0 < len(found) <= longest and found.isprintable():
            return found
    return None
