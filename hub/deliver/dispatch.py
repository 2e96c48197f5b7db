"""Dispatch: which deliveries this worker takes, and when each of them may leave."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import structlog

from hub import fault_points
from hub.connector import Connector
from hub.deliver.attempt import Attempter
from hub.deliver.gating import asked_of
from hub.deliver.share import fair_shares, limit_of
from hub.errors import StoreError
from hub.jobs import Drain
from hub.model.delivery import ENDED, ClaimedDelivery, is_side
from hub.outbound.gates import HORIZON_S, Asked, Gates, Grant
from hub.store.catalog import Catalog
from hub.store.due import CLAIM, ClaimDue, Due, Wanted, due_destinations
from hub.store.ledger import Ledger
from hub.store.queues import DELIVERIES

_BATCH = 50
_REPLAYS_FIRST = 5
"""Every so manieth claim takes replays before live ones: neither starves the other."""
_GATHERED_S = HORIZON_S / 2
"""Slots are asked for some at a time: they are given out ahead, so none is late by that."""
_HELD_S = 1.0
"""For so long a gate's no is believed: somebody may have opened it by hand meanwhile."""
_log = structlog.get_logger("hub.deliver")


@dataclass(frozen=True, slots=True)
class Permit:
    """A delivery that may leave at ``at_s`` by the loop's clock."""

    delivery: ClaimedDelivery
    at_s: float
    probe: str | None


class Dispatcher:
    """Claims due deliveries that their gates let through, and has them attempted."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        gates: Gates,
        attempter: Attempter,
        connectors: Mapping[str, Connector],
        *,
        worker: str,
        lease_us: int,
        capacity: int,
        per_destination: int,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._gates = gates
        self._attempter = attempter
        self._connectors = connectors
        self._worker = worker
        self._lease_us = lease_us
        self._per_destination = per_destination
        self._under_way: Counter[str] = Counter()
        self._wants_room: dict[str, int] = {}
        """Whose deliveries wait for their own: to be asked for when so few are under way."""
        self._held_until: dict[str, float] = {}
        self._turn = count(1)
        self._alarm: asyncio.TimerHandle | None = None
        self.drain: Drain[Permit] = Drain(
            DELIVERIES, capacity, self._claim, self._work, self._has_due, _BATCH
        )

    async def _claim(self, most: int) -> list[Permit]:
        if self._catalog.now.all_paused:
            return []
        due = await self._ledger.read(due_destinations, most)
        await self._know([each.destination for each in due])
        shares = self._shares(due, most)
        if not shares:
            return []
        grants = await self._gates.take([self._asked(*each) for each in shares.items()])
        self._hold(grants)
        permitted = {each.name: each for each in grants if each.granted}
        if not permitted:
            return []
        wanted = tuple(self._wanted(each) for each in permitted.values())
        replays_first = next(self._turn) % _REPLAYS_FIRST == 0
        claimed = await self._ledger.write(
            CLAIM, ClaimDue(self._worker, self._lease_us, wanted, replays_first)
        )
        if claimed:
            fault_points.at("delivery.claimed")
        self._under_way.update(delivery.destination for delivery in claimed)
        return self._permits(claimed, permitted)

    async def _know(self, names: list[str]) -> None:
        """Look up those that another process may have set just now: their pace has to count.

        What waits for one that was removed is told so, and not held by the breaker it had.
        """
        new = [each for each in names if not is_side(each) and not self._knows(each)]
        if new:
            await self._catalog.refresh()
        for name in new:
            if not self._knows(name):
                await self._gates.reset(name)

    def _knows(self, name: str) -> bool:
        return name in self._catalog.now.destinations

    def _shares(self, due: list[Due], most: int) -> dict[str, int]:
        """What to ask for: of those that nothing holds back, as many as they have places."""
        wanted: dict[str, int] = {}
        free = self.drain.room
        for each in due:
            name = each.destination
            if not self._may_go(name):
                continue
            wanted[name] = self._places(each, free)
        return fair_shares(wanted, most)

    def _places(self, due: Due, free: int) -> int:
        """How many more; none until half of the places are free, because small claims cost most."""
        under_way = self._under_way[due.destination]
        limit = limit_of(under_way, free, self._per_destination)
        places = limit - under_way
        if due.count <= places:
            return due.count
        self._wants_room[due.destination] = limit // 2
        return places if under_way <= limit // 2 else 0

    def _may_go(self, name: str) -> bool:
        destination = self._catalog.now.destinations.get(name)
        if destination is not None and not destination.takes:
            return False
        until = self._held_until.get(name)
        if until is not None and until <= time.monotonic():
            del self._held_until[name]
            return True
        return until is None

    def _asked(self, name: str, want: int) -> Asked:
        return asked_of(name, want, self._catalog.now.destinations.get(name), self._connectors)

    def _wanted(self, grant: Grant) -> Wanted:
        pacing = self._asked(grant.name, 0).pacing
        return Wanted(grant.name, grant.granted, pacing.concurrency if pacing else None)

    def _hold(self, grants: list[Grant]) -> None:
        """Ask no more for those that may not go now, and be awake when they may."""
        again = [each for each in grants if each.again_s is not None]
        for each in again:
            if not each.granted:
                self._hold_one(each.name, each.again_s or 0.0)
        soonest = min((each.again_s or 0.0 for each in again), default=_HELD_S)
        if soonest < _HELD_S:  # else the tick is early enough
            self._wake_in(soonest + _GATHERED_S)

    def _hold_one(self, name: str, wait_s: float) -> None:
        self._held_until[name] = time.monotonic() + min(wait_s + _GATHERED_S, _HELD_S)

    def _wake_in(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + delay_s
        if self._alarm is not None and not self._alarm.cancelled():
            if loop.time() < self._alarm.when() <= at:
                return
            self._alarm.cancel()
        self._alarm = loop.call_at(at, self.drain.wake)

    def _permits(self, claimed: list[ClaimedDelivery], grants: Mapping[str, Grant]) -> list[Permit]:
        now = asyncio.get_running_loop().time()
        nth: Counter[str] = Counter()
        permits = []
        for delivery in claimed:
            grant = grants[delivery.destination]
            at_s = now + grant.delay_s + nth[delivery.destination] * grant.step_s
            nth[delivery.destination] += 1
            permits.append(Permit(delivery, at_s, grant.probe))
        for grant in grants.values():
            if nth[grant.name] < grant.granted:
                self._miss(grant, nth[grant.name])
        return permits

    def _miss(self, grant: Grant, claimed: int) -> None:
        """Fewer came than might have: others were quicker, or as many as may be are under way."""
        asked = self._asked(grant.name, 1)
        if not claimed:
            self._hold_one(grant.name, 0.0)
            if grant.probe is not None:
                self._gates.report(grant.name, asked.breaker, "none", probe=grant.probe)
        if asked.pacing is not None and asked.pacing.concurrency is not None:
            self._wants_room[grant.name] = asked.pacing.concurrency - 1

    async def _work(self, permit: Permit) -> None:
        delivery = permit.delivery
        freed = False
        try:
            wait_s = permit.at_s - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            settlement = await self._attempter.attempt(delivery, permit.probe)
            freed = delivery.ordering_key is not None and settlement.status in ENDED
        except StoreError as error:  # its lease runs out, and it is sent again with the same key
            _log.warning("delivery.unsettled", delivery=delivery.id, error=error.message)
        finally:
            self._ended(delivery.destination, freed=freed)

    def _ended(self, name: str, *, freed: bool) -> None:
        self._under_way[name] -= 1
        left = self._under_way[name]
        if not left:
            del self._under_way[name]
        has_room = left <= self._wants_room.get(name, -1)
        if has_room or freed:  # it can take more, and nobody else says so
            self._wants_room.pop(name, None)
            self._held_until.pop(name, None)
            self.drain.wake()

    async def _has_due(self) -> bool:
        if self._catalog.now.all_paused:
            return False
        due = await self._ledger.read(due_destinations, 1)
        return bool(self._shares(due, 1))
