"""Dispatch: which deliveries this worker takes, so that one slow destination cannot fill it."""

from collections import Counter
from collections.abc import Callable

import structlog

from hub import fault_points
from hub.deliver.attempt import Attempter
from hub.errors import StoreError
from hub.jobs import Drain
from hub.model.delivery import ClaimedDelivery
from hub.store.deliveries import CLAIM, ClaimDue, has_due_deliveries
from hub.store.ledger import Ledger
from hub.store.queues import DELIVERIES

_log = structlog.get_logger("hub.deliver")


class Dispatcher:
    """Claims due deliveries and has them attempted."""

    def __init__(
        self,
        ledger: Ledger,
        attempter: Attempter,
        *,
        is_paused: Callable[[], bool] = lambda: False,
        worker: str,
        lease_us: int,
        capacity: int,
        per_destination: int,
    ) -> None:
        self._ledger = ledger
        self._attempter = attempter
        self._is_paused = is_paused
        self._worker = worker
        self._lease_us = lease_us
        self._full_above = per_destination // 2
        self._under_way: Counter[str] = Counter()
        self._passed_over: set[str] = set()
        # whatever one claim brings, nobody gets more than what is theirs
        batch = per_destination - self._full_above
        self.drain: Drain[ClaimedDelivery] = Drain(
            DELIVERIES, capacity, self._claim, self._work, self._has_due, batch
        )

    async def _claim(self, most: int) -> list[ClaimedDelivery]:
        if self._is_paused():
            return []
        full = tuple(slug for slug, count in self._under_way.items() if count > self._full_above)
        self._passed_over.update(full)
        asked = ClaimDue(self._worker, most, self._lease_us, full)
        claimed = await self._ledger.write(CLAIM, asked)
        if claimed:
            fault_points.at("delivery.claimed")
        self._under_way.update(delivery.destination for delivery in claimed)
        return claimed

    async def _work(self, delivery: ClaimedDelivery) -> None:
        try:
            await self._attempter.attempt(delivery)
        except StoreError as error:  # its lease runs out, and it is sent again with the same key
            _log.warning("delivery.unsettled", delivery=delivery.id, error=error.message)
        finally:
            self._ended(delivery.destination)

    def _ended(self, slug: str) -> None:
        self._under_way[slug] -= 1
        left = self._under_way[slug]
        if not left:
            del self._under_way[slug]
        if slug in self._passed_over and left <= self._full_above:
            self._passed_over.discard(slug)  # it can take more, and nobody else says so
            self.drain.wake()

    async def _has_due(self) -> bool:
        return not self._is_paused() and await self._ledger.read(has_due_deliveries)
