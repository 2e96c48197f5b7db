"""Pruning: a pass over what is kept, from the oldest on; what is over goes, a few rows at a time.

A pass goes on where the one before ended, for what stayed will mostly stay. Once a day it begins
from the beginning again.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable

import structlog

from hub.model.ids import Prefix, first_id
from hub.retention.pace import Pace
from hub.retention.purging import Purger
from hub.retention.terms import Keep, Terms
from hub.store.ledger import Ledger, Write
from hub.store.retention import (
    AGED,
    DROP_AGED,
    DROP_ATTEMPTS,
    DROP_DELIVERIES,
    DROP_EVENTS,
    DROP_RUN_ATTEMPTS,
    DROP_RUNS,
    OF_DELIVERIES,
    OF_RUNS,
    DropAged,
    DropEvents,
    Dropped,
    DropRows,
    Past,
    Span,
    Tries,
    Window,
    deliveries_window,
    events_window,
    ledger_now,
    rejected_window,
    runs_window,
    sources_with_events,
)

PASS_S = 45.0
"""A pass ends after that; the next minute's goes on."""
_WINDOW = 1_000
_AGAIN_S = 86_400.0
_log = structlog.get_logger("hub.retention")


class Pruner:
    """Removes what is over; one of its kind works at a time in the whole hub."""

    def __init__(self, ledger: Ledger, terms: Callable[[], Terms]) -> None:
        self._ledger = ledger
        self._purger = Purger(ledger)
        self._terms = terms
        self._pace = Pace(ledger.dialect)
        self._begin = asyncio.Event()
        self._after: dict[str, str] = {}
        self._from_beginning_at = time.monotonic()
        self._kinds = deque(
            (
                self._events,
                self._rejected,
                self._runs,
                self._deliveries,
                self._attempts,
                self._run_attempts,
                self._aged,
            )
        )

    def begin(self) -> None:
        """Have a pass begin, unless one is under way."""
        self._begin.set()

    async def follow(self) -> None:
        """Make passes for ever, whenever told to begin; the supervisor runs it."""
        while True:
            await self._begin.wait()
            try:
                await self._purger.go_on(PASS_S)  # somebody has asked for these
                await self.prune()
            finally:
                self._begin.clear()

    async def prune(self, seconds: float = PASS_S) -> dict[str, int]:
        """Make one pass, for so long at most; gives the numbers of rows that went, by tables.

        Raises:
            StoreError: the database does not answer; what went has gone.
        """
        began = time.monotonic()
        if began - self._from_beginning_at > _AGAIN_S:
            self._after, self._from_beginning_at = {}, began
        one = _Pass(self._terms(), await self._ledger.read(ledger_now), began, seconds)
        try:
            for kind in tuple(self._kinds):
                if one.is_over:
                    break
                await kind(one)
                self._kinds.rotate(-1)  # what comes too late goes first the next time
            self._pace.keep_up(one.used)
        finally:
            gone = {name: count for name, count in one.counts.items() if count}
            if gone:
                _log.info("rows.pruned", took_s=round(time.monotonic() - began, 1), **gone)
        return gone

    async def _events(self, one: "_Pass") -> None:
        after = ""
        while sources := await self._ledger.read(sources_with_events, after):
            for source, oldest in sources:
                if one.is_over:
                    return
                await self._of_source(one, source, oldest)
            after = sources[-1][0]

    async def _of_source(self, one: "_Pass", source: str, oldest: str) -> None:
        keep = one.terms.of(source)
        until, ended = first_id("evt", one.now_us - keep.events), keep.ended(one.now_us)
        if oldest >= until:
            return

        async def look(span: Span) -> Window:
            return await self._ledger.read(events_window, source, span, ended)

        async def drop(ids: tuple[str, ...]) -> Dropped:
            return await self._ledger.write(DROP_EVENTS, DropEvents(ids, ended))

        await self._walk(one, f"events:{source}", until, look, drop)

    async def _rejected(self, one: "_Pass") -> None:
        ended = one.terms.keep.ended(one.now_us)

        async def look(span: Span) -> Window:
            return await self._ledger.read(rejected_window, span)

        async def drop(ids: tuple[str, ...]) -> Dropped:
            return await self._ledger.write(DROP_EVENTS, DropEvents(ids, ended))

        until = first_id("evt", one.now_us - one.terms.rejected)
        await self._walk(one, "rejected", until, look, drop)

    async def _runs(self, one: "_Pass") -> None:
        async def look(span: Span) -> Window:
            return await self._ledger.read(runs_window, span, one.over(Keep.of_run))

        await self._past(one, "run", one.terms.keep.runs, look, DROP_RUNS)

    async def _deliveries(self, one: "_Pass") -> None:
        async def look(span: Span) -> Window:
            return await self._ledger.read(deliveries_window, span, one.over(Keep.of_delivery))

        keep_us = min(one.terms.keep.events, one.terms.keep.dead)
        await self._past(one, "dlv", keep_us, look, DROP_DELIVERIES)

    async def _past(
        self,
        one: "_Pass",
        prefix: Prefix,
        keep_us: int,
        look: "_Look",
        write: Write[DropRows, Dropped],
    ) -> None:
        before = one.now_us - keep_us

        async def drop(ids: tuple[str, ...]) -> Dropped:
            return await self._ledger.write(write, DropRows(ids, before))

        await self._walk(one, prefix, first_id(prefix, before), look, drop)

    async def _attempts(self, one: "_Pass") -> None:
        await self._tries(one, "dlv", OF_DELIVERIES, DROP_ATTEMPTS)

    async def _run_attempts(self, one: "_Pass") -> None:
        await self._tries(one, "run", OF_RUNS, DROP_RUN_ATTEMPTS)

    async def _tries(
        self, one: "_Pass", prefix: Prefix, tries: Tries, write: Write[tuple[str, ...], Dropped]
    ) -> None:
        before = one.now_us - one.terms.attempts

        async def look(span: Span) -> Window:
            return await self._ledger.read(tries.window, span, before)

        async def drop(ids: tuple[str, ...]) -> Dropped:
            return await self._ledger.write(write, ids)

        await self._walk(one, f"tries:{prefix}", first_id(prefix, before), look, drop)

    async def _aged(self, one: "_Pass") -> None:
        for name in AGED:
            before = one.now_us - one.terms.aged.get(name, 0)
            more = True
            while more and not one.is_over:
                size = self._pace.size
                dropped = await self._ledger.write(DROP_AGED, DropAged(name, before, size))
                more = dropped.rows == size
                await self._went(one, dropped)

    async def _walk(
        self, one: "_Pass", name: str, until: str, look: "_Look", drop: "_Drop"
    ) -> None:
        """Go through the rows before an id, from where the last pass ended."""
        more = True
        while more and not one.is_over:
            began = time.monotonic()
            window = await look(Span(self._after.get(name, ""), until, _WINDOW))
            await self._pace.pause(time.monotonic() - began)
            for part in self._pace.parts(window.free):
                await self._went(one, await drop(part))
                if one.is_over:
                    return
            if window.last is not None:
                self._after[name] = window.last
            more = window.more

    async def _went(self, one: "_Pass", dropped: Dropped) -> None:
        one.counts.update(dropped.counts)
        await self._pace.rest(dropped)


_Look = Callable[[Span], Awaitable[Window]]
_Drop = Callable[[tuple[str, ...]], Awaitable[Dropped]]


class _Pass:
    """One pass: what holds for it, and what has gone so far."""

    def __init__(self, terms: Terms, now_us: int, began_s: float, seconds: float) -> None:
        self.terms = terms
        self.now_us = now_us
        self.counts: Counter[str] = Counter()
        self._began_s = began_s
        self._seconds = seconds

    @property
    def used(self) -> float:
        """How much of its time is gone; 1: all of it."""
        return (time.monotonic() - self._began_s) / self._seconds if self._seconds else 1.0

    @property
    def is_over(self) -> bool:
        """Its time is up."""
        return self.used >= 1

    def over(self, keep_of: Callable[[Keep, Past], int]) -> Callable[[Past], bool]:
        """Whether the time of a run or a delivery is over, by the terms of its source."""
        return lambda past: (
            past.finished_at < self.now_us - keep_of(self.terms.of(past.source), past)
        )
