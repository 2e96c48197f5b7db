"""Comparing in the same time whatever is sent: everything given with everything expected."""

import hashlib
import hmac
from collections.abc import Iterable

from hub.errors import SignatureError

FUTURE_S = 60.0
"""How far ahead a sender's clock may be."""


def any_equal(expected: Iterable[bytes], given: Iterable[bytes]) -> bool:
    """Compares all with all: which one fits does not show in the time it takes."""
    wanted, equal = list(expected), 0
    for one in given:
        for other in wanted:
            equal |= hmac.compare_digest(one, other)
    return bool(equal)


def digest_of(text: str) -> bytes:
    """Of one length whatever the text's, so that comparing tells nothing of that either."""
    return hashlib.sha256(exact(text)).digest()


def exact(text: str) -> bytes:
    """Any text as bytes, whatever a header field was decoded to."""
    return text.encode("utf-8", "surrogatepass")


def check_age(age_s: float, field: str, tolerance_s: float, future_s: float) -> None:
    """Refuse a signature that is too old, or not yet made.

    Raises:
        SignatureError: ``timestamp_stale``, ``timestamp_future``.
    """
    if -future_s <= age_s <= tolerance_s:
        return
    if age_s < 0:
        raise SignatureError(
            f"{field} lies more than {future_s:g} s ahead. Set the sender's clock, "
            "and send the unit that is asked for: seconds are no milliseconds.",
            code="timestamp_future",
        )
    raise SignatureError(
        f"{field} is more than {tolerance_s:g} s old. Sign each try anew, "
        "with the time at which it is sent.",
        code="timestamp_stale",
    )
