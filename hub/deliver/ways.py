"""What came of a request, as its gate counts it."""

from hub.connector import Outcome
from hub.errors import InvalidError, OutboundError
from hub.outbound.gates import Way

_NEVER_SENT = ("url_invalid", "address_refused", "request_invalid", "breaker_open", "token_refused")


def was_tried(error: OutboundError | InvalidError) -> bool:
    """Whether it was tried to send it: what the hub itself refuses says nothing of the side."""
    return not isinstance(error, InvalidError) and error.code not in _NEVER_SENT


def way_of_error(error: OutboundError | InvalidError) -> Way:
    """No answer came."""
    return "bad" if was_tried(error) else "none"


def way_of(outcome: Outcome, *, answered: bool) -> Way:
    """What an outcome says of the other side: whoever answers a refusal is there."""
    match outcome:
        case Outcome.DELIVERED:
            return "good"
        case Outcome.REFUSED if answered:
            return "good"
        case Outcome.RETRY | Outcome.UNKNOWN:
            return "bad"
        case _:
            return "none"
