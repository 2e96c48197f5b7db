"""Gates: whether a request may leave now. One for each destination, and for each bare origin.

A gate is a circuit breaker, a pacer and the memory of a full other side in one, because all of
them have to agree before anything goes. It stands in Redis and is shared by all workers. Losing
it loses no delivery: a gate that is not there is closed, and its slots begin anew.
"""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub import keys
from hub.ending import let_end
from hub.errors import OutboundError, StoreError
from hub.model.destination import Breaker, Pacing
from hub.model.time import US_PER_S, to_iso
from hub.outbound.gate_scripts import REPORT, RESET, TAKE, TRIP
from hub.outbound.retry import LONGEST_RETRY_AFTER_S

HORIZON_S = 0.2
"""Slots are given out so long ahead: whoever takes one waits for it."""
SPARED_S = 8.0
FIRST_RATE_PER_S = 10.0
"""What a side gets that has just come back, doubled every second until it is spared no more."""
BY_HAND_S = 10 * 365 * 86_400.0
_PROBE_SLACK_S = 10.0
_KNOWN_S = 0.2
_PATIENCE_S = 2.0
_AWAY_S = 5.0
"""For so long after Redis did not answer no step asks it again."""
_GATHERED_S = 0.05
_OUTAGES = (RedisError, OSError, TimeoutError)
_log = structlog.get_logger("hub.gates")

Way = Literal["good", "bad", "none"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Up to ``want`` requests to one side; ``timeout_s`` is how long one of them may take."""

    name: str
    want: int
    breaker: Breaker
    timeout_s: float
    pacing: Pacing | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """So many may go, the first after a delay, the others one step after the other."""

    name: str
    granted: int
    delay_s: float
    step_s: float
    probe: str | None
    """The token of a probe: what comes of this one request opens or closes the breaker."""
    again_s: float | None
    """When to ask again for what was not granted."""
    held: bool = False
    """Nothing goes: the breaker is open, or the other side has no room."""


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker has opened, has opened again after a probe, or has closed."""

    name: str
    what: Literal["opened", "reopened", "closed"]
    until_us: int
    """When a probe goes; 0 once it is closed."""


@dataclass(frozen=True, slots=True)
class GateState:
    """How a gate stands. Times are microseconds since the epoch."""

    state: Literal["closed", "open", "half_open"] = "closed"
    since_us: int | None = None
    calls: int = 0
    """Of the window; while it is open, of the window that opened it."""
    failed: int = 0
    next_probe_us: int | None = None
    by_hand: bool = False
    not_before_us: int | None = None
    """The other side said that it has no room until then."""
    good_us: int | None = None
    """When something was last taken."""

    @property
    def failure_rate(self) -> float:
        """From 0 to 1."""
        return self.failed / self.calls if self.calls else 0.0


@dataclass(slots=True)
class _Count:
    breaker: Breaker
    good: int = 0
    bad: int = 0
    full_s: float = 0.0
    probe: str = ""
    way: Way = "none"

    @property
    def is_pressing(self) -> bool:
        """Somebody may have to be stopped by it, or waits for it."""
        return self.bad > 0 or self.full_s > 0 or bool(self.probe)


class Gates:
    """The gates in Redis. ``now_us`` stands in for the clock of Redis, in tests."""

    def __init__(self, redis: Redis, now_us: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._now_us = now_us
        self._take = redis.register_script(TAKE)
        self._report = redis.register_script(REPORT)
        self._trip = redis.register_script(TRIP)
        self._reset = redis.register_script(RESET)
        self._counts: dict[str, _Count] = {}
        self._reporting: asyncio.Task[None] | None = None
        self._known: frozenset[str] = frozenset()
        self._known_at = self._away_until = -math.inf
        self.on_change: Callable[[Change], None] = lambda change: None

    async def take(self, asked: Sequence[Asked]) -> list[Grant]:
        """What may go of what is asked for, in its order.

        Raises:
            StoreError: ``redis_unavailable``: nothing may go.
        """
        if not asked:
            return []
        tokens = [secrets.token_hex(8) for _ in asked]
        arguments: list[Any] = [self._clock()]
        for each, token in zip(asked, tokens, strict=True):
            arguments += _asked(each, token)
        async with _bounded():
            replies = await self._take([keys.gate(each.name) for each in asked], arguments)
        return [
            _grant(each.name, token, reply)
            for each, token, reply in zip(asked, tokens, replies, strict=True)
        ]

    async def admit(self, asked: Asked) -> str | None:
        """Let one request through, at its pace; the token if it is a probe.

        It waits for its slot, but not for a breaker. While Redis is away it is let through.

        Raises:
            OutboundError: ``breaker_open``; ``details`` has ``retry_after_s``.
        """
        if time.monotonic() < self._away_until:
            return None
        try:
            if asked.pacing is None and asked.name not in await self.not_closed():
                return None
            (grant,) = await self.take([asked])
            while not grant.granted and not grant.held:
                await asyncio.sleep(grant.again_s or 0.0)
                (grant,) = await self.take([asked])
        except StoreError:
            self._away_until = time.monotonic() + _AWAY_S
            return None
        if grant.granted:
            await asyncio.sleep(grant.delay_s)
            return grant.probe
        wait_s = grant.again_s or 0.0
        at = to_iso(int(time.time() * US_PER_S + wait_s * US_PER_S))
        raise OutboundError(
            f"{asked.name} has failed too often and is left alone until {at}.",
            code="breaker_open",
            retry_after_s=wait_s,
        )

    async def not_closed(self) -> frozenset[str]:
        """The names of the gates that are open or half open, as they were a moment ago.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        if time.monotonic() - self._known_at > _KNOWN_S:
            async with _bounded():
                names = await self._redis.smembers(keys.NOT_CLOSED)  # type: ignore[misc]  # an awaitable in asyncio
            self._known = frozenset(name.decode() for name in names)
            self._known_at = time.monotonic()
        return self._known

    def report(
        self,
        name: str,
        breaker: Breaker,
        way: Way,
        *,
        probe: str | None = None,
        full_s: float = 0.0,
    ) -> None:
        """Say what came of a request: taken, failed, or neither. It is told within a moment.

        ``full_s``: the other side has no room for so long.
        """
        count = self._counts.setdefault(name, _Count(breaker))
        count.breaker = breaker
        count.good += way == "good"
        count.bad += way == "bad"
        count.full_s = max(count.full_s, min(full_s, LONGEST_RETRY_AFTER_S))
        if probe is not None:
            count.probe, count.way = probe, way
        if self._reporting is None:
            self._reporting = asyncio.create_task(self._tell_all(), name="gate-reports")

    async def close(self) -> None:
        """Let what is being told be told."""
        if self._reporting is not None:
            await let_end([self._reporting], within_s=1)

    async def states(self, names: Sequence[str], window_s: float = 60.0) -> list[GateState]:
        """How gates stand, in the order of their names.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        async with _bounded():
            pipe = self._redis.pipeline(transaction=False)
            pipe.time()
            for name in names:
                pipe.hgetall(keys.gate(name))
            (seconds, us), *found = await pipe.execute()
        now = self._now_us() if self._now_us else seconds * US_PER_S + us
        return [_state(each, now, window_s) for each in found]

    async def trip(self, name: str, for_s: float | None = None) -> int:
        """Open a breaker by hand, for a time or until it is reset; gives until when.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        wait_us = int((for_s or BY_HAND_S) * US_PER_S)
        async with _bounded():
            until = await self._trip(
                [keys.gate(name), keys.NOT_CLOSED], [self._clock(), name, wait_us]
            )
        self._known_at = -math.inf
        self.on_change(Change(name, "opened", int(until)))
        return int(until)

    async def reset(self, name: str) -> bool:
        """Close a breaker by hand, and forget what it counted; whether it was not closed.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        async with _bounded():
            was = await self._reset([keys.gate(name), keys.NOT_CLOSED], [self._clock(), name])
        self._known_at = -math.inf
        if was:
            self.on_change(Change(name, "closed", 0))
        return bool(was)

    def _clock(self) -> str | int:
        return self._now_us() if self._now_us else ""

    async def _tell_all(self) -> None:
        """Tell what was reported, and once more for what was reported meanwhile."""
        try:
            while self._counts:
                if not any(each.is_pressing for each in self._counts.values()):
                    await asyncio.sleep(_GATHERED_S)  # what was taken can wait for more of it
                counts, self._counts = self._counts, {}
                await self._tell(counts)
        finally:
            self._reporting = None

    async def _tell(self, counts: Mapping[str, _Count]) -> None:
        names = [*counts]
        arguments: list[Any] = [self._clock()]
        for name, count in counts.items():
            arguments += _counted(name, count)
        gates = [keys.gate(name) for name in names]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                replies = await self._report([*gates, keys.NOT_CLOSED], arguments)
        except _OUTAGES as error:  # it is gone, and with it what it would have been added to
            _log.debug("report.lost", gates=len(names), error=str(error))
            return
        for name, (what, until) in zip(names, replies, strict=True):
            if what:
                self._known_at = -math.inf
                self.on_change(Change(name, what.decode(), int(until)))


def _asked(asked: Asked, token: str) -> Iterator[object]:
    pacing = asked.pacing
    requests = pacing.requests if pacing is not None and pacing.requests is not None else 0
    yield asked.want
    yield requests
    yield _us(pacing.per_s if pacing is not None else 1.0)
    yield _us(HORIZON_S)
    yield _us(max(asked.breaker.open_s, asked.breaker.longest_open_s))
    yield _us(asked.timeout_s + HORIZON_S + _PROBE_SLACK_S)
    yield token
    yield _us(LONGEST_RETRY_AFTER_S)
    yield FIRST_RATE_PER_S
    yield _us(SPARED_S)


def _grant(name: str, token: str, reply: Sequence[int]) -> Grant:
    granted, delay, step, is_probe, again, held = reply
    return Grant(
        name,
        granted,
        delay / US_PER_S,
        step / US_PER_S,
        token if is_probe else None,
        None if again < 0 else again / US_PER_S,
        bool(held),
    )


def _counted(name: str, count: _Count) -> Iterator[object]:
    breaker = count.breaker
    yield from (name, count.good, count.bad, count.probe, count.way)
    yield breaker.min_calls
    yield breaker.failure_rate
    yield _us(breaker.window_s)
    yield _us(breaker.open_s)
    yield _us(max(breaker.open_s, breaker.longest_open_s))
    yield _us(count.full_s)


def _us(seconds: float) -> int:
    return round(seconds * US_PER_S)


def _state(found: Mapping[bytes, bytes], now: int, window_s: float) -> GateState:
    tenth = now // round(window_s * US_PER_S / 10)
    calls = failed = 0
    for n in range(10):
        at = found.get(b"t%d" % n)
        if at is not None and 0 <= tenth - int(at) < 10:
            bad = int(found[b"b%d" % n])
            calls += int(found[b"g%d" % n]) + bad
            failed += bad
    if b"state" in found:
        calls, failed = (_number(found, name) or 0 for name in (b"calls", b"failed"))
    full = _number(found, b"not_before")
    state = found.get(b"state", b"closed").decode()
    return GateState(
        state=state,  # type: ignore[arg-type]  # what the scripts write
        since_us=_number(found, b"since"),
        calls=calls,
        failed=failed,
        next_probe_us=_number(found, b"until") if state == "open" else None,
        by_hand=b"by_hand" in found,
        not_before_us=full if full is not None and full > now else None,
        good_us=_number(found, b"good_at"),
    )


def _number(found: Mapping[bytes, bytes], name: bytes) -> int | None:
    value = found.get(name)
    return None if value is None else int(value)


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """No longer than a moment: a Redis that is silent is as good as none."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            yield
    except _OUTAGES as error:
        raise StoreError(
            "Redis does not answer: nothing leaves the hub until it does.",
            code="redis_unavailable",
        ) from error
