"""A turn: one claimed run being interpreted, with its open segment.

Effects gather in the segment and are committed together at the next barrier: before a read that
must see them, at the end, and after 100 steps or 50 ms. A crash repeats only the open segment,
of which nothing was seen.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from hub.errors import StepError
from hub.model.delivery import DeliveryStart
from hub.model.json import Json
from hub.model.record import Record
from hub.model.run import ClaimedRun, Ending, RunStart
from hub.model.segment import Publication, Segment
from hub.stack.journal import Entry, Journal
from hub.stack.ports import World
from hub.stack.scope import Scope

MAX_STEPS = 100_000
MAX_DEPTH = 64
_SEGMENT_STEPS = 100
_SEGMENT_US = 50_000
_BREATHE_STEPS = 200
_NOTHING: Any = object()


@dataclass(slots=True)
class Effects:
    """What the open segment will do when it is committed."""

    added: dict[tuple[str, int], Record] = field(default_factory=dict)
    edited: dict[tuple[str, int], Record] = field(default_factory=dict)
    runs: list[RunStart] = field(default_factory=list)
    deliveries: list[DeliveryStart] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)

    def any(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.added or self.edited or self.runs or self.deliveries or self.publications)

    def pending(self, table: str, record_id: int) -> Record | None:
        """A record as the open segment leaves it."""
        return self.edited.get((table, record_id)) or self.added.get((table, record_id))

    def touch(self, table: str) -> bool:
        """Whether the open segment changes that table."""
        return any(key[0] == table for keys in (self.added, self.edited) for key in keys)


class Turn:
    """The state of one turn of a run."""

    __slots__ = (
        "_opened_at",
        "_segment_steps",
        "_started_at",
        "depth",
        "effects",
        "journal",
        "result",
        "run",
        "scope",
        "steps",
        "version",
        "world",
    )

    def __init__(
        self, run: ClaimedRun, version: str, scope: Scope, journal: Journal, world: World
    ) -> None:
        self.run = run
        self.version = version
        self.scope = scope
        self.journal = journal
        self.world = world
        self.effects = Effects()
        self.result: str | None = None
        """JSON text, once the run has answered."""
        self.steps = 0
        self.depth = 0
        self._segment_steps = 0
        self._opened_at = world.now_us()
        self._started_at = 0

    def replayed(self, path: str) -> Json:
        """The result that the journal holds for a step, or :data:`NOT_DONE`."""
        return self.journal.done.get(path, _NOTHING)

    def record(self, path: str, function: str, output: Json) -> None:
        """Journal the result of a step that touched the world."""
        now = self.world.now_us()
        self.journal.fresh.append(
            Entry(path, function, self._started_at, now - self._started_at, output)
        )

    def trace(self, path: str, function: str) -> None:
        """Note a step that can be computed again."""
        self.journal.trace(Entry(path, function, self._started_at, 0, journaled=False))

    def begin_step(self, path: str) -> Awaitable[None] | None:
        """Count the step; what it gives, if anything, is to be awaited before the step.

        That closes a segment that has grown, or lets others run.

        Raises:
            StepError: ``limit_steps``.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise StepError(
                f"The run has made {MAX_STEPS:,} steps, the most that one run may make: "
                "cut the work into batches with background_task.",
                code="limit_steps",
            )
        self.scope.begin_step(f"{self.run.id}:{path}")
        self._started_at = now = self.world.now_us()
        self._segment_steps += 1
        if self.effects.any() and (
            self._segment_steps >= _SEGMENT_STEPS or now - self._opened_at >= _SEGMENT_US
        ):
            return self.commit()
        return asyncio.sleep(0) if self.steps % _BREATHE_STEPS == 0 else None

    async def commit(self, ending: Ending | None = None) -> None:
        """The barrier: everything of the open segment becomes durable, then a new one begins."""
        effects = self.effects
        number = self.journal.segments
        segment = Segment(
            run_id=self.run.id,
            fence=self.run.fence,
            n=number,
            entries=self.journal.take_fresh(),
            added=list(effects.added.values()),
            edited=list(effects.edited.values()),
            runs=effects.runs,
            deliveries=effects.deliveries,
            publications=effects.publications,
            ending=ending,
            version=self.version,
        )
        await self.world.commit(segment)
        self.effects = Effects()
        self._segment_steps = 0
        self._opened_at = self.world.now_us()


NOT_DONE = _NOTHING
"""What :meth:`Turn.replayed` gives for a step without a journal entry."""
