"""What becomes of deliveries, live on ``deliveries``: only while somebody listens.

A view and no record: what Redis does not take is dropped, and the ledger tells all of it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from hub.channels import Channels
from hub.errors import HubError
from hub.model.channel import DELIVERIES
from hub.model.delivery import ClaimedDelivery, DeliveryStatus, Settlement
from hub.model.json import dumps_text
from hub.model.message import Message
from hub.model.time import now_us, to_iso
from hub.observe.wanted import Wanted

_MOST = 10_000
_BATCH = 200
_GATHER_S = 0.02
"""A busy worker's news go together."""
_PUBLISH_S = 5.0
_PAUSE_S = 1.0
_log = structlog.get_logger("hub.deliveries")


@dataclass(frozen=True, slots=True)
class _News:
    """How a delivery stands after an attempt, or after it was cancelled."""

    id: str
    event_id: str | None
    run_id: str | None
    destination: str
    status: str
    attempt: int
    at: int
    status_code: int | None = None
    outcome: str | None = None
    next_attempt_at: int | None = None

    def message(self) -> Message:
        """The same however often it is told."""
        told = {
            "id": self.id,
            "event_id": self.event_id,
            "run_id": self.run_id,
            "destination": self.destination,
            "status": self.status,
            "attempt": self.attempt,
            "status_code": self.status_code,
            "outcome": self.outcome,
            "next_attempt_at": self.next_attempt_at and to_iso(self.next_attempt_at),
        }
        mark = f"{self.id}:{self.attempt}:{self.status}"
        return Message(mark, DELIVERIES, self.status, dumps_text(told), self.at)


class DeliveryNews:
    """Takes what has become of deliveries, and publishes it if somebody listens."""

    def __init__(self, channels: Channels, wanted: Wanted) -> None:
        self._channels = channels
        self._wanted = wanted
        self._waiting: deque[_News] = deque()
        self._any = asyncio.Event()
        self.dropped = 0
        """News that somebody listened for, and that could not be published."""

    def settled(self, delivery: ClaimedDelivery, settlement: Settlement) -> None:
        """An attempt was made, and is committed; returns at once."""
        attempt, now = settlement.attempt, now_us()
        retries = settlement.status is DeliveryStatus.RETRYING
        self._take(
            _News(
                delivery.id,
                delivery.event_id,
                delivery.run_id,
                delivery.destination,
                settlement.status.value,
                attempt.n,
                now,
                attempt.status_code,
                attempt.outcome,
                now + settlement.delay_us if retries else None,
            )
        )

    def cancelled(self, row: Mapping[str, Any]) -> None:
        """A delivery, by its row, was cancelled; returns at once."""
        named = {name: row[name] for name in ("id", "event_id", "run_id", "destination")}
        status = DeliveryStatus.CANCELLED.value
        self._take(_News(**named, status=status, attempt=row["attempts"], at=now_us()))

    def _take(self, news: _News) -> None:
        if len(self._waiting) == _MOST:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(news)
        self._any.set()

    async def follow(self) -> None:
        """Publish for ever; the supervisor runs it."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._waiting:
                if await self._wanted.now(DELIVERIES):
                    some = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                    await self._publish(some)
                else:
                    self._waiting.clear()
            await asyncio.sleep(_GATHER_S)

    async def _publish(self, some: list[_News]) -> None:
        try:
            async with asyncio.timeout(_PUBLISH_S):
                await self._channels.publish([each.message() for each in some])
        except (HubError, TimeoutError) as error:
            self.dropped += len(some)
            _log.warning("deliveries.dropped", count=len(some), reason=str(error))
            await asyncio.sleep(_PAUSE_S)
