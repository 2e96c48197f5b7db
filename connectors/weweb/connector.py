"""WeWeb: its REST API plugin as a sender, straight from the visitor's browser."""

from hub.connector import (
    WEWEB,
    Connector,
    Parsed,
    Verdict,
    classify_by_status,
    event_type,
    parse_content,
)
from hub.model.http import InboundRequest, OutboundResponse, Pairs


class WeWeb:
    """What WeWeb sends; what takes the hub's requests there is plain HTTP."""

    name = "weweb"
    pages = (WEWEB,)
    """Its editor, its previews; a site's own domain is set on the source."""

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, or the query; the type stands in ``event`` or ``type``."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "event", "type"))

    def knows(self, host: str, path: str) -> bool:
        """None: sites have domains of their own."""
        return False

    def headers(self, payload: bytes) -> Pairs:
        """None: a token belongs to the destination."""
        return ()

    def limit_bytes(self) -> int | None:
        """None is told."""
        return None

    def classify(self, response: OutboundResponse) -> Verdict:
        """As HTTP reads it."""
        return classify_by_status(response)


CONNECTOR: Connector = WeWeb()
