"""Tools that speak plain HTTP: told by where things stand in what they send."""

from collections.abc import Callable
from dataclasses import dataclass

from hub.connector.content import parse_content
from hub.connector.plug import Parsed, Verdict
from hub.connector.reading import MAX_TYPE, classify_by_status
from hub.model.filter import value_at
from hub.model.http import InboundRequest, OutboundResponse, Pairs
from hub.model.json import Json

_HEADER = "header:"
_LONGEST_ID = 200


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A connector for a tool without rules of its own: its answers mean what HTTP says.

    A place is a path into the body, such as ``data.id``, or ``header:X-Event``.
    """

    name: str
    types: tuple[str, ...] = ("type",)
    """Places of the event's type; the first that holds one counts."""
    ids: tuple[str, ...] = ()
    """Places of the sender's own id of a message, which stays when it is sent again."""
    reads: Callable[[InboundRequest], Json] = parse_content
    pages: tuple[str, ...] = ()
    """Whose pages may send from a browser."""

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, with its type and its id."""
        value = self.reads(request)
        return Parsed(
            value,
            _found(self.types, request, value, MAX_TYPE),
            _found(self.ids, request, value, _LONGEST_ID),
        )

    def knows(self, host: str, path: str) -> bool:
        """None: no host speaks for it."""
        return False

    def headers(self, payload: bytes) -> Pairs:
        """None beside the hub's own."""
        return ()

    def limit_bytes(self) -> int | None:
        """None is known."""
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
