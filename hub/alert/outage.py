"""An outage of the ledger: it cannot be asked, and no delivery can be queued.

Whoever notices it tells it here and now, by what it still knows of rules and destinations. Of
several processes the first one does, as long as Redis says which one that is.
"""

import time
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub import keys
from hub.alert.aims import Aims
from hub.alert.notice import notice_of
from hub.alert.sending import Speaker
from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.model.alert import Alert, Phase, Standing
from hub.model.condition import LEDGER_UNAVAILABLE
from hub.model.time import now_us

_ANSWER_S = 1.0
_log = structlog.get_logger("hub.alerts")


@dataclass(slots=True)
class _Told:
    """That it was told, to whom, and when last."""

    destinations: tuple[str, ...]
    at: float = field(default_factory=time.monotonic)


class Outage:
    """One for a process."""

    def __init__(self, hub: Hub, speaker: Speaker) -> None:
        self._hub = hub
        self._speaker = speaker
        self._began: float | None = None
        self._began_us = 0
        self._told: dict[str, _Told] = {}

    async def lasts(self, error: StoreError) -> None:
        """The ledger does not answer; tell of it once that has lasted."""
        if self._began is None:
            self._began, self._began_us = time.monotonic(), now_us()
            _log.error("ledger.lost", error=error.message)
        lasted_s = time.monotonic() - self._began
        for slug, rule in self._rules().items():
            told = self._told.get(slug)
            is_due = told is None or time.monotonic() - told.at >= rule.quiet_s
            if is_due and lasted_s >= rule.wait_s and await self._is_first(slug, rule):
                heard = await self._tell(slug, rule, Phase.FIRING)
                if heard:
                    self._told[slug] = _Told(heard)
                else:  # another process, or the next look, may get it through
                    await self._let_go(slug)

    async def is_over(self) -> None:
        """The ledger answers; tell it to whom was told that it did not."""
        if self._began is None:
            return
        _log.warning("ledger.returned", lasted_s=round(time.monotonic() - self._began, 3))
        told, self._told, self._began = self._told, {}, None
        rules = self._rules()
        for slug, each in told.items():
            await self._tell(slug, rules.get(slug), Phase.RESOLVED, each.destinations)
            await self._let_go(slug)

    def _rules(self) -> dict[str, Alert]:
        return {
            slug: each
            for slug, each in self._hub.catalog.now.alerts.items()
            if each.when == LEDGER_UNAVAILABLE and each.enabled
        }

    async def _tell(
        self, slug: str, rule: Alert | None, phase: Phase, heard: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """Send it to whom it concerns; gives those that took it."""
        hub, now = self._hub, now_us()
        standing = Standing(
            rule=slug,
            subject="",
            when=LEDGER_UNAVAILABLE,
            severity="critical" if rule is None else rule.severity.value,
            phase=phase,
            since=now if phase is Phase.RESOLVED else self._began_us,
            value=1.0,
            fired_at=self._began_us,
            is_told=slug in self._told,
            told=heard,
        )
        rules = {} if rule is None else {slug: rule}
        aims = Aims(hub.catalog.now.destinations, hub.settings.alert_destinations)
        notice = notice_of([standing], rules, root=hub.settings.root, now=now)
        notices = dict.fromkeys(aims.of(standing, rule), notice)
        return await self._speaker.send_now(hub.client, notices)

    async def _is_first(self, slug: str, rule: Alert) -> bool:
        """Whether no other process has told it; so it seems to each while Redis is away too."""
        try:
            async with self._redis() as redis:
                life_ms = max(1000, round(rule.quiet_s * 1000))
                return bool(await redis.set(keys.outage(slug), 1, nx=True, px=life_ms))
        except (RedisError, OSError, TimeoutError):
            return True

    async def _let_go(self, slug: str) -> None:
        try:
            async with self._redis() as redis:
                await redis.delete(keys.outage(slug))
        except (RedisError, OSError, TimeoutError) as error:
            _log.debug("outage.remembered", rule=slug, error=str(error))

    def _redis(self) -> Redis:
        redis: Redis = Redis.from_url(
            self._hub.redis_url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S
        )
        return redis
