"""Keys that issuers publish (JWKS), fetched and kept while they count.

They are asked for through the hub's own client, so that the address guard and the limits on time
and size hold for it too. Whoever sends a token with a key's name that nobody knows can have the
issuer asked once a minute, and no more.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from hub.errors import HubError, InvalidError, OutboundError
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.json import loads
from hub.outbound.client import Sender
from hub.signature import TokenKey, published_keys

_MOST = 1000
_CAP_BYTES = 262_144
_WAIT_S = 10.0
_LASTS_S = 3600.0
"""Where the issuer does not say."""
_LASTS_BETWEEN_S = (300.0, 86_400.0)
_OLD_S = 86_400.0
"""So much longer an old set counts while there is no new one to be had."""
_AGAIN_S = 60.0
_AGAIN_EMPTY_S = 10.0
"""Until an issuer is asked again of which no keys are known."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)
_ASKING = (("accept", "application/jwk-set+json, application/json"),)
_log = structlog.get_logger("hub.jwks")


@dataclass(slots=True, eq=False)
class _Kept:
    """What is known of the keys at one address."""

    url: str
    allow_private: bool
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    keys: tuple[TokenKey, ...] | None = None
    until_s: float = 0.0
    asked_s: float | None = None

    def knows(self, kid: str | None) -> bool:
        """Whether it has a key of that name; any set will do for a token that names none."""
        return self.keys is not None and (kid is None or any(k.kid == kid for k in self.keys))

    def counts(self, now_s: float) -> bool:
        """Whether the set may be used, be it old."""
        return self.keys is not None and now_s < self.until_s + _OLD_S

    def does(self, kid: str | None, now_s: float) -> bool:
        """Whether nobody need be asked."""
        return now_s < self.until_s and self.knows(kid)

    def may_ask(self, now_s: float) -> bool:
        """Whether the last time is long enough ago."""
        pause_s = _AGAIN_S if self.counts(now_s) else _AGAIN_EMPTY_S
        return self.asked_s is None or now_s >= self.asked_s + pause_s


class Jwks:
    """The sets of keys that this process knows, by address. ``clock`` gives seconds."""

    def __init__(self, client: Sender, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now_s = clock
        self._kept: OrderedDict[tuple[str, bool], _Kept] = OrderedDict()

    async def keys(
        self, url: str, kid: str | None, *, allow_private: bool = False
    ) -> tuple[TokenKey, ...]:
        """The keys at that address that a token may be signed by which names its key so.

        They are fetched once for all that want them at the same time. While somebody asks for
        newer ones, whoever finds a key in the old set goes on with that.

        Raises:
            OutboundError: ``keys_unavailable``: there are none, neither new nor old. The log says
                why; the message is fit for anybody.
        """
        kept = self._of(url, allow_private)
        in_hand = kept.lock.locked() and kept.counts(self._now_s()) and kept.knows(kid)
        if not in_hand and not kept.does(kid, self._now_s()):
            async with kept.lock:
                if not kept.does(kid, self._now_s()) and kept.may_ask(self._now_s()):
                    await self._renew(kept)
        if kept.keys is None or not kept.counts(self._now_s()):
            raise OutboundError(
                "The keys of this token's issuer cannot be had at the moment: try again in a "
                "minute. The hub's log says what is wrong (keys.missed).",
                code="keys_unavailable",
                may_have_run=False,
            )
        return _fitting(kept.keys, kid)

    def _of(self, url: str, allow_private: bool) -> _Kept:
        place = (url, allow_private)
        found = self._kept.get(place)
        if found is None:
            found = self._kept[place] = _Kept(url, allow_private)
        self._kept.move_to_end(place)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return found

    async def _renew(self, kept: _Kept) -> None:
        try:
            keys, lasts_s = await self._fetch(kept)
        except HubError as error:
            kept.asked_s = self._now_s()
            _log.warning(
                "keys.missed",
                url=kept.url,
                message=error.message,
                old_keys=len(kept.keys or ()) if kept.counts(kept.asked_s) else 0,
            )
            return
        kept.asked_s = self._now_s()
        kept.keys, kept.until_s = keys, kept.asked_s + lasts_s
        _log.info("keys.fetched", url=kept.url, usable=len(keys), lasts_s=lasts_s)

    async def _fetch(self, kept: _Kept) -> tuple[tuple[TokenKey, ...], float]:
        answer = await self._client.send(
            OutboundRequest("GET", kept.url, _ASKING, b""),
            timeout_s=_WAIT_S,
            allow_private=kept.allow_private,
            cap_bytes=_CAP_BYTES,
        )
        if answer.status != 200:
            hint = " Set jwks_url to where it leads." if 300 <= answer.status < 400 else ""
            raise InvalidError(f"The address answers {answer.status}, and no keys.{hint}")
        if answer.truncated:
            raise InvalidError(f"The answer is longer than {_CAP_BYTES:,} bytes.")
        return published_keys(loads(answer.body)), _lasts_s(answer)


def _fitting(keys: tuple[TokenKey, ...], kid: str | None) -> tuple[TokenKey, ...]:
    """Those of that name; where there are none, those that have no name."""
    named = tuple(each for each in keys if kid is None or each.kid == kid)
    return named or tuple(each for each in keys if each.kid is None)


def _lasts_s(answer: OutboundResponse) -> float:
    """How long a set is kept: as its issuer says, within bounds."""
    said = ",".join(answer.headers.all("cache-control"))
    least_s, most_s = _LASTS_BETWEEN_S
    if _NOT_KEPT.search(said):
        return least_s
    age = _MAX_AGE.search(said)
    return _LASTS_S if age is None else min(max(float(age[1]), least_s), most_s)
