"""Make.com: custom webhooks as destinations, its HTTP module as a sender."""

from urllib.parse import urlsplit

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
from hub.model.destination import Pacing
from hub.model.http import InboundRequest, OutboundResponse, Pairs

_HOSTS = (".make.com", ".make.celonis.com")
LIMIT_BYTES = 5 * 1024 * 1024
_QUEUE_WAIT_S = 60.0
_RATE_WAIT_S = 10.0  # Make counts 300 requests per 10 seconds
_PAGE = (
    "This is a page of Make, not a webhook: copy the address that the Webhooks module shows "
    "(https://hook.ZONE.make.com/…)."
)
_KEY = "Check the API key of the webhook and of this destination (x-make-apikey)."

_READINGS = (
    Reading(
        400,
        "queue is full",
        Outcome.BACK_PRESSURE,
        "The scenario does not keep up, or is off: turn it on, or let it run more often.",
        _QUEUE_WAIT_S,
    ),
    Reading(
        400,
        "",
        Outcome.REFUSED,
        "The body does not fit the webhook's data structure: "
        "redetermine the structure with a sample, or change what is sent.",
    ),
    Reading(401, "", Outcome.REFUSED, _KEY),
    Reading(403, "", Outcome.REFUSED, f"{_KEY} If the webhook limits addresses, add the hub's."),
    Reading(
        404,
        "",
        Outcome.REFUSED,
        "Make knows no webhook of this address: copy the address from the webhook again.",
    ),
    Reading(
        410,
        "",
        Outcome.GONE,
        "Make switches a webhook off after 5 days without a scenario: turn the scenario on, "
        "then replay what was not delivered.",
    ),
    Reading(413, "", Outcome.REFUSED, "Make takes bodies of up to 5 MB: send less, or a link."),
    Reading(
        429,
        "",
        Outcome.BACK_PRESSURE,
        "Make takes 300 requests in 10 seconds.",
        _RATE_WAIT_S,
    ),
    Reading(502, "", Outcome.RETRY, "If the body is near 5 MB, it may be too large for Make."),
    Reading(
        504,
        "",
        Outcome.UNKNOWN,
        "The scenario may have run all the same: let it answer before its long steps.",
    ),
)


class Make:
    """What Make sends, takes and means."""

    name = "make"
    pacing = Pacing(requests=300, per_s=10.0)
    """What Make counts for a webhook."""

    def parse(self, request: InboundRequest) -> Parsed:
        """The body, or the query; the type stands in ``event`` or ``type``."""
        value = parse_content(request)
        return Parsed(value, event_type(value, "event", "type"))

    def knows(self, host: str, path: str) -> bool:
        """The hosts of Make's webhooks."""
        return host.startswith("hook.") and host.endswith(_HOSTS)

    def check(self, url: str) -> tuple[str, ...]:
        """A page of Make's own is no webhook."""
        host = urlsplit(url).hostname or ""
        if host.endswith(_HOSTS) and not host.startswith("hook."):
            return (_PAGE,)
        return ()

    def headers(self, payload: bytes) -> Pairs:
        """None: the API key belongs to the destination."""
        return ()

    def limit_bytes(self) -> int | None:
        """5 MB, whatever the plan."""
        return LIMIT_BYTES

    def classify(self, response: OutboundResponse) -> Verdict:
        """Make's own meanings of 400, 410, 429 and of its gateway's answers."""
        return classify_by_text(_READINGS, response, text_of(response))


CONNECTOR: Connector = Make()
