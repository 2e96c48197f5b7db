"""Guessing: whoever shows wrong keys again and again is looked at no more for a while.

It is counted by address, in each server for itself and in bounded memory; what an address may
get wrong comes back steadily. Whatever opens something with a secret that people type or
programs are set with may ask here.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Final

from hub.errors import AccessError
from hub.model.source import Limit
from hub.receive.pace import Pace

WRONG: Final = Limit(requests=30, per_s=300.0)
"""So many wrong ones are looked at in five minutes, and then one every ten seconds."""
_NETWORK_BITS: Final = 64
"""Of IPv6: whoever has one address of a network of this size has them all."""


class Guesses:
    """Counts what addresses get wrong."""

    def __init__(self, limit: Limit = WRONG, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._pace = Pace(clock)

    def check(self, address: str) -> None:
        """Ask before something is looked at; what is right and known already need not ask.

        Raises:
            AccessError: ``too_many_requests``: nothing is looked at; ``retry_after_s`` says when
                again.
        """
        try:
            self._pace.check(_whose(address), self._limit)
        except AccessError as error:
            wait_s = error.details["retry_after_s"]
            raise AccessError(
                f"Too many wrong keys came from this address: try again in {wait_s} s.",
                code=error.code,
                retry_after_s=wait_s,
            ) from None

    def wrong(self, address: str) -> None:
        """What was looked at was wrong."""
        with suppress(AccessError):  # many came at once; the next is not looked at
            self._pace.take(_whose(address), self._limit)


def _whose(address: str) -> str:
    """What is counted together: an address, of IPv6 its network."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:  # a unix socket, or a name that a proxy gave
        return address[:100]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> (128 - _NETWORK_BITS))
    return str(parsed)
