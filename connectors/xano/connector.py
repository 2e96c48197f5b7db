"""Xano: its External API Request as a sender, its API endpoints as destinations."""

from hub.connector import (
    Connector,
    Outcome,
    Parsed,
    Reading,
    Verdict,
    classify_by_text,
    event_type,
    parse_content,
    text_of,
)
from hub.model.http import InboundRequest, OutboundResponse, Pairs

_HOSTS = (".xano.io", ".xano.com")

# What Xano's answers mean where HTTP alone does not say it: its errors are JSON with a code.
_READINGS = (
    Reading(
        400,
        "ERROR_CODE_INPUT_ERROR",
        Outcome.REFUSED,
        "An input of the endpoint is missing or of another type: look at its Inputs in Xano.",
    ),
    Reading(401, "", Outcome.REFUSED, "The endpoint wants a token: set it in this destination."),
    Reading(403, "", Outcome.REFUSED, "The token may not do this: look at the endpoint in Xano."),
    Reading(
        404,
        "",
        Outcome.REFUSED,
        "Xano knows no such endpoint: copy its URL again, it must be published and take POST.",
    ),
    Reading(
        429, "", Outcome.BACK_PRESSURE, "The workspace's plan takes no more requests now.", 20.0
    ),
    Reading(
        500,
        "ERROR_FATAL",
        Outcome.RETRY,
        "The endpoint's function stack failed: see Request History in Xano.",
    ),
)


class Xano:
    """What Xano sends, takes and means."""

    name = "xano"

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, or the query; the type stands in ``event`` or ``type``."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "event", "type"))

    def knows(self, host: str, path: str) -> bool:
        """The hosts of Xano's instances."""
        return host.endswith(_HOSTS)

    def headers(self, payload: bytes) -> Pairs:
        """None: a token belongs to the destination."""
        return ()

    def limit_bytes(self) -> int | None:
        """None that is the same for all plans."""
        return None

    def classify(self, response: OutboundResponse) -> Verdict:
        """By the codes in Xano's errors."""
        return classify_by_text(_READINGS, response, text_of(response))


CONNECTOR: Connector = Xano()
