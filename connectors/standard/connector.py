"""Any sender or receiver that speaks Standard Webhooks, and plain JSON over HTTP."""

from hub.connector import Connector, Parsed, Verdict, classify_by_status, event_type, parse_content
from hub.model.http import InboundRequest, OutboundResponse, Pairs


class Standard:
    """JSON with its type in ``type``; answers mean what HTTP says."""

    name = "standard"

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, and the event type that it names."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "type"))

    def knows(self, host: str, path: str) -> bool:
        """None: no host speaks for it."""
        return False

    def headers(self, payload: bytes) -> Pairs:
        """None: the hub's own fields are those of Standard Webhooks."""
        return ()

    def limit_bytes(self) -> int | None:
        """None: the specification sets no limit."""
        return None

    def classify(self, response: OutboundResponse) -> Verdict:
        """As HTTP reads it."""
        return classify_by_status(response)


CONNECTOR: Connector = Standard()
