"""Redirects, for what is only read: each hop is checked as the first one is.

What opens private addresses, and whatever could be a secret, is for the host that was named.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import quote, urljoin, urlsplit

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import OutboundRequest, Pairs
from hub.outbound.client import Client
from hub.outbound.streaming import Streamed, StreamLimits

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CARRIED = frozenset({"accept", "accept-language", "user-agent", "range", "if-range"})
"""What another host gets to see of the header fields."""
_PORTS = {"http": 80, "https": 443}
_AS_WRITTEN = "%/:=&?~#+!$,;'@()*[]|"


@asynccontextmanager
async def following(
    client: Client,
    request: OutboundRequest,
    *,
    limits: StreamLimits,
    allow_private: bool = False,
    tls: Tls | None = None,
) -> AsyncIterator[Streamed]:
    """The answer at the end of at most 5 redirects, opened as :meth:`Client.stream` does.

    Every address is checked anew. ``allow_private``, ``tls`` and all header fields but harmless
    ones hold for the host of the request alone, and https never leads to http.

    Raises:
        OutboundError: as :meth:`Client.stream`; ``redirect_refused``.
    """
    until = time.monotonic() + limits.total_s
    home, at = request.url, request
    for _ in range(MOST_REDIRECTS + 1):
        own = _same_host(home, at.url)
        left = replace(limits, total_s=max(0.0, until - time.monotonic()))
        async with client.stream(
            at, limits=left, allow_private=allow_private and own, tls=tls if own else None
        ) as answer:
            if answer.status not in _REDIRECTS:
                yield answer
                return
            where = _next(at.url, answer)
        fields = request.headers if _same_host(home, where) else _harmless(request.headers)
        at = replace(request, url=where, headers=fields)
    raise _refused(f"leads on and on: {MOST_REDIRECTS} redirects are followed at most")


def _next(url: str, answer: Streamed) -> str:
    location = answer.headers.get("location")
    if not location:
        raise _refused(f"answers {answer.status} and says no Location")
    written = quote(location.strip().encode("latin-1"), safe=_AS_WRITTEN)
    try:
        where = urljoin(url, written).partition("#")[0]
    except ValueError as error:
        raise _refused("leads to what is no URL") from error
    if url.startswith("https:") and not where.startswith("https:"):
        raise _refused("leads from https to a URL without it, where anybody could change the data")
    return where


def _harmless(fields: Pairs) -> Pairs:
    return tuple(each for each in fields if each[0].lower() in _CARRIED)


def _same_host(home: str, url: str) -> bool:
    """The same scheme, host and port, or the same host by https where it was http."""
    if url == home:
        return True
    try:
        one, other = urlsplit(home), urlsplit(url)
        ports = [each.port or _PORTS.get(each.scheme) for each in (one, other)]
    except ValueError:
        return False
    if one.hostname != other.hostname:
        return False
    if one.scheme == other.scheme:
        return ports[0] == ports[1]
    return (one.scheme, other.scheme, ports) == ("http", "https", [80, 443])


def _refused(why: str) -> OutboundError:
    return OutboundError(
        f"The URL {why}. Give the URL at which the data themselves are.",
        code="redirect_refused",
        may_have_run=True,
    )
