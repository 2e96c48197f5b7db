"""Purging: what people ask to be removed goes now, with all that came of it.

Nothing that goes on is cancelled: what has not ended stays, and is counted as left. A purge is a
row; whatever process comes next goes on with it from the last step that was committed.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import structlog

from hub.errors import NotFoundError
from hub.model.filter import parse_filter
from hub.model.ids import first_id, new_id
from hub.model.purge import Purge, PurgeStatus, Wanted
from hub.model.query import Query
from hub.retention.matching import input_says, says
from hub.retention.pace import Pace
from hub.store.ledger import Ledger
from hub.store.lookup import LAST
from hub.store.purges import (
    START_PURGE,
    STEP,
    Content,
    StartPurge,
    Step,
    contents,
    event_ids,
    event_of_key,
    find_purge,
    inputs,
    repeats_of,
    run_ids,
    running_purges,
)
from hub.store.records import REMOVE_WHERE
from hub.store.retention import DropEvents, Dropped, Ended, ledger_now

_RECORDS, _EVENTS, _RUNS = "records", "events", "runs"
_LOOKED_AT = 500
_READ_AT_ONCE = 32
"""Bodies are large: no more of them are held than these."""
_log = structlog.get_logger("hub.retention")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the next step is about, and where the one after it begins; None: it was the last."""

    events: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    sources: frozenset[str] = field(default_factory=frozenset)
    records: int = 0
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would be about; ``complete``: all was looked through."""

    events: int
    runs: int
    complete: bool


class Purger:
    """Carries purges out."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pace = Pace(ledger.dialect)

    async def start(self, wanted: Wanted) -> str:
        """Commit a purge; gives its id. It goes on whatever happens to this process."""
        purge_id = new_id("pur")
        await self._ledger.write(START_PURGE, StartPurge(purge_id, wanted, _beginning(wanted)))
        return purge_id

    async def plan(self, wanted: Wanted, seconds: float) -> Plan:
        """Look through what a purge would, for so long at most, and remove nothing."""
        until = time.monotonic() + seconds
        events = runs = 0
        position: str | None = _beginning(replace(wanted, tables=()))
        while position is not None and time.monotonic() < until:
            found = await self._look(wanted, position)
            events, runs = events + len(found.events), runs + len(found.runs)
            position = found.position
        return Plan(events, runs, position is None)

    async def meant(self, wanted: Wanted) -> AsyncIterator[tuple[str, ...]]:
        """The ids of the events that are meant, part by part."""
        position: str | None = _beginning(replace(wanted, tables=()))
        while position is not None and position.startswith(_EVENTS):
            found = await self._look(wanted, position)
            if found.events:
                yield found.events
            position = found.position

    async def work(self, purge_id: str, seconds: float) -> Purge:
        """Go on with a purge for so long, or to its end; gives how it stands.

        Raises:
            NotFoundError: ``purge_unknown``.
            StoreError: the database does not answer; what is removed is removed.
        """
        until = time.monotonic() + seconds
        purge = await self.find(purge_id)
        while purge.status is PurgeStatus.RUNNING and time.monotonic() < until:
            await self._step(purge)
            purge = await self.find(purge_id)
            if purge.status is PurgeStatus.DONE:
                told = {"matched": purge.matched, "left": purge.left}
                _log.info("purge.finished", purge=purge.id, **told, **purge.counts)
        return purge

    async def go_on(self, seconds: float) -> None:
        """Go on with all that are not done, for so long at most, the oldest first."""
        until = time.monotonic() + seconds
        for purge_id in await self._ledger.read(running_purges):
            await self.work(purge_id, until - time.monotonic())

    async def find(self, purge_id: str) -> Purge:
        """A purge by its id.

        Raises:
            NotFoundError: ``purge_unknown``.
        """
        found = await self._ledger.read(find_purge, purge_id)
        if found is None:
            raise NotFoundError(f"There is no purge {purge_id!r}.", code="purge_unknown")
        return found

    async def _step(self, purge: Purge) -> None:
        found = await self._look(purge.wanted, purge.position, remove=True)
        now = await self._ledger.read(ledger_now)
        began = time.perf_counter()
        drop = DropEvents(found.events, Ended(now, now, now), runs=found.runs, files=True)
        keys = tuple((source, purge.wanted.value or "") for source in sorted(found.sources))
        await self._ledger.write(STEP, Step(purge, found.position, drop, keys, found.records))
        if found.events or found.runs:
            await self._pace.rest(Dropped(took_s=time.perf_counter() - began))

    async def _look(self, wanted: Wanted, position: str, *, remove: bool = False) -> _Found:
        phase, _, after = position.partition(" ")
        if phase == _RECORDS:
            return await self._records(wanted) if remove else _Found()
        if phase == _RUNS:
            return await self._runs(wanted, after)
        if wanted.by == "key":
            return await self._of_key(wanted)
        return await self._events(wanted, after)

    async def _records(self, wanted: Wanted) -> _Found:
        """The records that hold the value, which go at once."""
        gone = 0
        for table, name in wanted.tables:
            query = Query(table, parse_filter({name: wanted.value}))
            gone += await self._ledger.write(REMOVE_WHERE, query)
        return _Found(records=gone, position=_beginning(replace(wanted, tables=())))

    async def _of_key(self, wanted: Wanted) -> _Found:
        source, key = wanted.source or "", wanted.value or ""
        event = await self._ledger.read(event_of_key, source, key)
        ids = [] if event is None else [event]
        repeats = await self._ledger.read(repeats_of, ids)
        return _Found(events=(*ids, *repeats), sources=frozenset({source}))

    async def _events(self, wanted: Wanted, after: str) -> _Found:
        most = self._pace.size if wanted.by is None else _LOOKED_AT
        until = LAST if wanted.until is None else first_id("evt", wanted.until)
        ids = await self._ledger.read(event_ids, after, until, most, wanted.source)
        more = len(ids) == most
        position = f"{_EVENTS} {ids[-1]}" if more else _after_events(wanted)
        if wanted.by is None:
            return _Found(events=tuple(ids), position=position)
        meant: list[Content] = []
        for begin in range(0, len(ids), _READ_AT_ONCE):
            some = await self._ledger.read(contents, ids[begin : begin + _READ_AT_ONCE])
            meant += [replace(each, body=b"") for each in some if says(wanted, each)]
        first = [each.id for each in meant]
        repeats = await self._ledger.read(repeats_of, first)
        return _Found(
            events=tuple(dict.fromkeys([*first, *repeats])),
            sources=frozenset(each.source for each in meant),
            position=position,
        )

    async def _runs(self, wanted: Wanted, after: str) -> _Found:
        until = LAST if wanted.until is None else first_id("run", wanted.until)
        most = self._pace.size if wanted.by is None else _LOOKED_AT
        ids: Sequence[str] = await self._ledger.read(run_ids, after, until, most)
        position = f"{_RUNS} {ids[-1]}" if len(ids) == most else None
        if wanted.by is not None:
            given = await self._ledger.read(inputs, ids)
            ids = [run_id for run_id, text in given if input_says(wanted, text)]
        return _Found(runs=tuple(ids), position=position)


def _beginning(wanted: Wanted) -> str:
    if wanted.tables:
        return _RECORDS
    return f"{_EVENTS} {first_id('evt', wanted.since or 0)}"


def _after_events(wanted: Wanted) -> str | None:
    """Runs that no event began are of no source, and have no header."""
    is_of_runs = wanted.source is None and (wanted.by is None or wanted.by.startswith("body:"))
    return f"{_RUNS} {first_id('run', wanted.since or 0)}" if is_of_runs else None
