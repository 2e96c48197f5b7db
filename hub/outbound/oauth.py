"""Tokens of authorization servers, by client credentials (RFC 6749, 4.4), kept while they count.

A token is asked for through the hub's own client, so that the address guard and the limits on
time and size hold for it too. It stays in this process, and is nowhere written.
"""

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from hub.errors import InvalidError, OutboundError
from hub.model.destination import AuthOAuth2, Tls
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.json import loads
from hub.outbound.client import Sender

_MOST = 1000
_CAP_BYTES = 65_536
_LONGEST_TOKEN = 7500
_LONGEST_WAIT_S = 30.0
_LASTS_S = 300.0
"""Where the server does not say (RFC 6749, 5.1: it should)."""
_EARLY_S = 60.0
"""So long before its end a token is renewed, but for at most a fifth of its life."""
_OURS_TO_MEND = (400, 401, 403)
"""RFC 6749, 5.2: what asks for a token is wrong, and asking again does not help."""
_NEVER_ASKED = ("url_invalid", "address_refused", "request_invalid")


@dataclass(frozen=True, slots=True)
class Reach:
    """How a destination is reached, and so its authorization server."""

    timeout_s: float
    allow_private: bool = False
    tls: Tls | None = None


@dataclass(slots=True, eq=False)
class _Kept:
    """What is known of one destination's token."""

    auth: AuthOAuth2
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str | None = field(default=None, repr=False)
    until_s: float = 0.0
    failure: OutboundError | None = None
    failed_s: float = 0.0


class Tokens:
    """The tokens of this process's destinations, by their slugs. ``clock`` gives seconds."""

    def __init__(self, client: Sender, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now_s = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def token(self, slug: str, auth: AuthOAuth2, reach: Reach) -> str:
        """A token that still counts: the one that is kept, or a fresh one.

        It is fetched once for all that want it at the same time; a failure is told to all of
        those, and whoever comes later tries again.

        Raises:
            OutboundError: ``token_refused``, where asking again would not help, else
                ``token_failed``. Nothing of the delivery was sent.
        """
        asked_s = self._now_s()
        kept = self._of(slug, auth)
        async with kept.lock:
            if kept.token is not None and self._now_s() < kept.until_s:
                return kept.token
            if kept.failure is not None and kept.failed_s >= asked_s:
                raise _failure(kept.failure.message, kept.failure.code)
            kept.failure = kept.token = None
            try:
                token, lasts_s = await self._fetch(auth, reach)
            except OutboundError as error:
                kept.failure, kept.failed_s = error, self._now_s()
                raise
            kept.token = token
            kept.until_s = self._now_s() + lasts_s - min(_EARLY_S, lasts_s / 5)
            return token

    def forget(self, slug: str, token: str) -> None:
        """Throw a token away that was not taken, unless it has been replaced already."""
        kept = self._kept.get(slug)
        if kept is not None and kept.token == token:
            kept.token = None

    def _of(self, slug: str, auth: AuthOAuth2) -> _Kept:
        found = self._kept.get(slug)
        if found is None or found.auth != auth:
            found = self._kept[slug] = _Kept(auth)
        self._kept.move_to_end(slug)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return found

    async def _fetch(self, auth: AuthOAuth2, reach: Reach) -> tuple[str, float]:
        try:
            answer = await self._client.send(
                _asking(auth),
                timeout_s=min(reach.timeout_s, _LONGEST_WAIT_S),
                allow_private=reach.allow_private,
                tls=reach.tls,
                cap_bytes=_CAP_BYTES,
            )
        except OutboundError as error:
            code = "token_refused" if error.code in _NEVER_ASKED else "token_failed"
            message = f"No token could be asked for at token_url. {error.message}"
            raise _failure(message, code) from error
        return _read(answer)


def _asking(auth: AuthOAuth2) -> OutboundRequest:
    """The request for a token: RFC 6749, 4.4.2 and 2.3.1."""
    form = {"grant_type": "client_credentials", "scope": auth.scope, "audience": auth.audience}
    headers = [("content-type", "application/x-www-form-urlencoded")]
    headers.append(("accept", "application/json"))
    if auth.style == "basic":
        headers.append(("authorization", basic_of(auth.client_id, auth.client_secret)))
    else:
        form |= {"client_id": auth.client_id, "client_secret": auth.client_secret}
    body = urlencode({name: value for name, value in form.items() if value is not None})
    return OutboundRequest("POST", auth.token_url, tuple(headers), body.encode())


def basic_of(client_id: str, client_secret: str) -> str:
    """How a client proves itself in ``Authorization``: RFC 6749, 2.3.1."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _read(answer: OutboundResponse) -> tuple[str, float]:
    """The token, and for how many seconds it counts: RFC 6749, 5.1."""
    said = _said(answer)
    if not 200 <= answer.status < 300:
        raise _refusal(answer.status, said)
    token, kind = said.get("access_token"), said.get("token_type", "bearer")
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not _is_plain(token):
        raise _failure(
            "The authorization server's answer holds no usable access_token.", "token_failed"
        )
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _failure(
            "The authorization server gives tokens of another kind than Bearer.", "token_refused"
        )
    return token, _lasts_s(said.get("expires_in"))


def _lasts_s(given: Any) -> float:
    """In seconds; some servers write the number as a text."""
    try:
        lasts_s = float(given)
    except (TypeError, ValueError):
        return _LASTS_S
    return lasts_s if 0 < lasts_s < 10**9 else _LASTS_S


def _refusal(status: int, said: dict[str, Any]) -> OutboundError:
    reason = " ".join(
        said[name][:200]
        for name in ("error", "error_description")
        if isinstance(said.get(name), str)
    )
    told = f"{status} {reason}".strip()
    if status in _OURS_TO_MEND:
        return _failure(
            f"The authorization server gives no token: {told}. Check client_id, client_secret, "
            "scope and style of the destination's auth.",
            "token_refused",
        )
    return _failure(f"The authorization server gives no token now: {told}.", "token_failed")


def _said(answer: OutboundResponse) -> dict[str, Any]:
    try:
        said = {} if answer.truncated else loads(answer.body)
    except InvalidError:
        return {}
    return said if isinstance(said, dict) else {}


def _is_plain(token: str) -> bool:
    """Whether it can stand in a header field."""
    return token.isascii() and token.isprintable() and " " not in token


def _failure(message: str, code: str) -> OutboundError:
    return OutboundError(" ".join(message.split()), code=code, may_have_run=False)
