"""A turn: one claimed run being interpreted, with its open segment.

Effects gather in the segment and are committed together at the next barrier: before anything
leaves the hub, before a read that must see them, at the end, and after 100 steps or 50 ms. A
crash repeats only the open segment, of which nothing was seen.

What all branches of a turn share is its :class:`Course`; a :class:`Turn` is one branch of it,
with the names that it sees.
"""

import asyncio
import hashlib
import re
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hub.errors import HubError, InvalidError, LimitError, StepError, StoreError
from hub.model.answer import Answer
from hub.model.change import Change, Outcome
from hub.model.delivery import DeliveryStart
from hub.model.event import Arrival
from hub.model.json import Json, dumps_text, loads
from hub.model.record import Record
from hub.model.run import ClaimedRun, Ending, RunAttempt, RunStart
from hub.model.segment import Cached, Publication, Segment
from hub.model.time import US_PER_S
from hub.stack.journal import Entry, Failed, Journal, encode, failed_of
from hub.stack.ports import SegmentRefused, StartOver, World
from hub.stack.scope import Scope

if TYPE_CHECKING:
    from hub.stack.task import Task

MAX_STEPS = 100_000
MAX_DEPTH = 64
_SEGMENT_STEPS = 100
_SEGMENT_US = 50_000
_BREATHE_STEPS = 200
_NOTHING: Any = object()
AGAIN = "~~"
"""Stands in a path before the number of a further try of the step."""
_TRIES = re.compile(AGAIN + r"[0-9]+")
_KEY = re.compile(r"[!-~]{1,200}")


@dataclass(slots=True)
class Effects:
    """What the open segment will do when it is committed."""

    added: dict[tuple[str, int], Record] = field(default_factory=dict)
    edited: dict[tuple[str, int], Record] = field(default_factory=dict)
    removed: set[tuple[str, int]] = field(default_factory=set)
    events: list[Arrival] = field(default_factory=list)
    runs: list[RunStart] = field(default_factory=list)
    attempts: list[RunAttempt] = field(default_factory=list)
    cached: dict[str, Cached] = field(default_factory=dict)
    deliveries: list[DeliveryStart] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Answers from outside that steps have taken."""
    progress: str | None = None
    """How far the run has come."""
    awaits: bool = False
    """A step waits for an answer."""
    awaits_event: str | None = None
    """A step waits for an event."""

    def any(self) -> bool:
        """Whether there is anything to commit."""
        return bool(
            self.added
            or self.edited
            or self.removed
            or self.deliveries
            or self.publications
            or self.runs
            or self.events
            or self.attempts
            or self.cached
            or self.taken
            or self.progress
        )

    def pending(self, table: str, record_id: int) -> Record | None:
        """A record as the open segment leaves it."""
        return self.edited.get((table, record_id)) or self.added.get((table, record_id))

    def of_table(self, table: str) -> list[Record]:
        """The records of a table that the open segment adds or changes."""
        changed = (self.added, self.edited)
        return [record for records in changed for key, record in records.items() if key[0] == table]

    def touch(self, table: str) -> bool:
        """Whether the open segment changes that table."""
        return any(
            key[0] == table for keys in (self.added, self.edited, self.removed) for key in keys
        )

    def remove(self, table: str, record_id: int) -> None:
        """Delete a record when this is committed."""
        self.edited.pop((table, record_id), None)
        if self.added.pop((table, record_id), None) is None:
            self.removed.add((table, record_id))


class Frame:
    """One task being carried out in a run: the run's own, or one that ``run_task`` calls."""

    __slots__ = ("answer", "prefix", "task")

    def __init__(self, task: "Task", prefix: str = "") -> None:
        self.task = task
        self.prefix = prefix
        """What the paths of its steps begin with."""
        self.answer: Answer | None = None


class Course:
    """What the branches of a turn share: the journal, the open segment, the limits."""

    __slots__ = (
        "_committing",
        "_opened_at",
        "_over",
        "_segment_steps",
        "awaited",
        "effects",
        "facts",
        "frame",
        "journal",
        "key_base",
        "max_steps",
        "queue_row",
        "raw",
        "round",
        "run",
        "scheduled_for",
        "shift_us",
        "steps",
        "taken_events",
        "until_us",
        "version",
        "world",
    )

    def __init__(
        self, run: ClaimedRun, frame: Frame, version: str, journal: Journal, world: World
    ) -> None:
        self.run = run
        self.frame = frame
        """The run's own task."""
        self.version = version
        self.journal = journal
        self.world = world
        self.max_steps = MAX_STEPS
        self.until_us = sys.maxsize
        """By the world's clock: when the active time of this turn is over."""
        self.facts: dict[str, Json] = {}
        """What tasks read of the run: event, run, auth, request."""
        self.queue_row: int | None = None
        """The row of ``task_queue`` that the run is for."""
        self.taken_events: list[str] = [] if run.event_id is None else [run.event_id]
        """Those that its steps have waited for, and the one that began it."""
        self.awaited = False
        """Somebody may wait for its answer."""
        self.round = 0
        """How often it has started over."""
        self.scheduled_for = run.due_at
        """When it was to begin."""
        self.shift_us = 0
        """How far the clock of a schedule's run lies behind."""
        self.raw: Any = None
        """The request as it came, where a step of the endpoint's stack asks for it."""
        self.key_base = f"{run.id}:"
        """What idempotency keys begin with."""
        self.effects = Effects()
        self.steps = 0
        self._segment_steps = 0
        self._opened_at = world.now_us()
        self._committing = asyncio.Lock()
        self._over: BaseException | None = None
        """Why nothing more can be committed: what comes later builds on what is not there."""

    def count(self, now: int) -> Awaitable[None] | None:
        """Count a step; what it gives, if anything, is to be awaited before the step.

        That closes a segment that has grown, or lets others run.

        Raises:
            LimitError: ``limit_steps``, ``limit_time``.
        """
        if now > self.until_us:
            raise LimitError(
                "The run has worked for as long as it may at a time (timeout): "
                "cut the work into batches with background_task.",
                code="limit_time",
            )
        self.steps += 1
        if self.steps > self.max_steps:
            raise LimitError(
                f"The run has made {self.max_steps:,} steps, the most that it may make "
                "(max_steps): cut the work into batches with background_task.",
                code="limit_steps",
            )
        self._segment_steps += 1
        if self.effects.any() and (
            self._segment_steps >= _SEGMENT_STEPS or now - self._opened_at >= _SEGMENT_US
        ):
            return self._close()
        return asyncio.sleep(0) if self.steps % _BREATHE_STEPS == 0 else None

    async def _close(self) -> None:
        await self.commit()

    def record(
        self, path: str, function: str, started_at: int, output: Json, note: str | None = None
    ) -> None:
        """Journal a result."""
        took = self.world.now_us() - started_at
        self.journal.add(Entry(path, function, started_at, took, output, note=note))

    async def commit(
        self,
        ending: Ending | None = None,
        answer: Answer | None = None,
        parked_until_us: int | None = None,
        change: Change | None = None,
        over_in_us: int | None = None,
    ) -> Outcome | None:
        """The barrier: everything of the open segment becomes durable, and a new one is open.

        One at a time; what other branches add meanwhile belongs to the next segment. After one
        that failed no other is made: it could hold what builds on the lost one. Gives what came
        of a ``change``, whose journal row is one more.

        Raises:
            LeaseLost, SegmentConflict, SegmentRefused, StoreError: the turn cannot go on.
        """
        async with self._committing:
            if self._over is not None:
                raise self._over
            effects, self.effects = self.effects, Effects()
            self._segment_steps = 0
            number = self.journal.segments
            segment = Segment(
                run_id=self.run.id,
                fence=self.run.fence,
                n=number,
                steps=self.journal.took(),
                entries=self.journal.take_fresh(),
                added=list(effects.added.values()),
                edited=list(effects.edited.values()),
                removed=sorted(effects.removed),
                change=change,
                events=effects.events,
                runs=effects.runs,
                attempts=effects.attempts,
                cached=list(effects.cached.values()),
                deliveries=effects.deliveries,
                publications=effects.publications,
                taken=effects.taken,
                progress=effects.progress,
                awaits=effects.awaits,
                awaits_event=effects.awaits_event,
                answer=answer,
                ending=ending,
                concurrency_key=self.run.concurrency_key,
                tells=self.run.completion_webhook is not None,
                delay_us=over_in_us
                if parked_until_us is None
                else max(0, parked_until_us - self.world.now_us()),
                over=None if over_in_us is None else self._next_round(),
                version=self.version,
            )
            try:
                outcome = await self.world.commit(segment)
            except asyncio.CancelledError:
                self._over = StoreError("A commit was broken off: whether it was made is open.")
                raise
            except InvalidError as error:
                self._over = SegmentRefused(error)
                raise self._over from error
            except BaseException as error:
                self._over = error
                raise
            if change is not None:
                self.journal.segments += 1
            self._opened_at = self.world.now_us()
            return outcome

    def _next_round(self) -> str:
        """The context of the run when it starts over."""
        context = loads(self.run.context) if self.run.context else {}
        return dumps_text({**context, "round": self.round + 1})

    async def answer(self, answer: Answer) -> None:
        """An awaited answer leaves when all before it is committed; any other one waits."""
        if self.awaited:
            await self.commit(answer=answer)
            self.world.answered(self.run.id, answer)

    def starts_over(self, delay_s: float) -> StartOver:
        """The signal that ends this turn, to begin again at the first step after a while."""
        return StartOver(int(delay_s * US_PER_S))

    async def settle(self) -> None:
        """Wait for a commit that is under way, so that a read sees it."""
        if self._committing.locked():
            async with self._committing:
                pass


class Turn:
    """One branch of a turn, with its scope. Steps see their run through it."""

    __slots__ = ("_started_at", "course", "deadline_us", "depth", "frame", "scope")

    def __init__(
        self, course: Course, frame: Frame, scope: Scope, depth: int = 0, deadline_us: int = 0
    ) -> None:
        self.course = course
        self.frame = frame
        self.scope = scope
        self.depth = depth
        self.deadline_us = deadline_us
        """By the world's clock: later than this no step of the branch begins; 0 for never."""
        self._started_at = 0

    @property
    def run(self) -> ClaimedRun:
        """The run."""
        return self.course.run

    @property
    def world(self) -> World:
        """The effects that steps have."""
        return self.course.world

    @property
    def effects(self) -> Effects:
        """What the open segment will do."""
        return self.course.effects

    def branch(self, giving: Collection[str] = ()) -> "Turn":
        """Another branch, with a copy of the names, to which these are given anew."""
        scope = self.scope.branch(giving)
        return type(self)(self.course, self.frame, scope, self.depth, self.deadline_us)

    def call(self, task: "Task", scope: Scope, prefix: str) -> "Turn":
        """A task called in this run, with names of its own."""
        return type(self)(self.course, Frame(task, prefix), scope, self.depth, self.deadline_us)

    def key(self, path: str) -> str:
        """The idempotency key of a step: the same for each further try of it.

        It goes into header fields, so what would not fit there is digested.
        """
        key = self._key_base(path)
        if _KEY.fullmatch(key):
            return key
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.run.id}:{digest}"

    def _key_base(self, path: str) -> str:
        return self.course.key_base + _TRIES.sub("", path)

    def context_for(self, task: str) -> str | None:
        """What a run that this one starts is told of who asked for it.

        A task that asks for itself where something failed hands its key base on, so that what
        is done again carries the same keys as what may have gone through.
        """
        auth, error = self.scope.reserved["auth"], self.scope.reserved["error"]
        context = {} if auth is None else {"auth": auth}
        if error is not None and task == self.frame.task.full_name:
            context["key_base"] = self._key_base(self.frame.prefix)
        return dumps_text(context) if context else None

    def replayed(self, path: str) -> Json:
        """The result that the journal holds for a step, or :data:`NOT_DONE`.

        Raises:
            StepError: the step failed then, and fails again in the same way.
        """
        found = self.course.journal.done.get(path, _NOTHING)
        if found.__class__ is Failed:
            raise found.error()
        return found

    def record(self, path: str, function: str, output: Json, note: str | None = None) -> None:
        """Journal the result of a step that touched the world."""
        self.course.record(path, function, self._started_at, output, note)

    def note_failure(self, path: str, function: str, failed: Failed, *, journaled: bool) -> None:
        """Note that a step failed; ``journaled``: so it does when the run is resumed."""
        journal = self.course.journal
        if journal.holds(path):
            return
        took = self.world.now_us() - self._started_at
        entry = Entry(path, function, self._started_at, took, None, journaled, failed)
        if journaled:
            journal.add(entry)
        else:
            journal.trace(entry)

    def trace(self, path: str, function: str, note: str | None = None) -> None:
        """Note a step that can be computed again."""
        entry = Entry(path, function, self._started_at, 0, journaled=False, note=note)
        self.course.journal.trace(entry)

    def begin_step(self, path: str) -> Awaitable[None] | None:
        """A step begins; what this gives, if anything, is to be awaited before it.

        Raises:
            StepError: ``timeout``.
            LimitError: ``limit_steps``, ``limit_time``.
        """
        course = self.course
        self._started_at = now = course.world.now_us()
        self.scope.begin_step(f"{course.run.id}:{course.round or ''}{path}")
        if self.deadline_us:
            self.check_deadline(now, f"{path}!")
        return course.count(now)

    def check_deadline(self, us: int, path: str) -> None:
        """Refuse what would begin at ``us``, if that is too late.

        It is journaled under ``path``: a resumed run, which has its time anew, is as late.

        Raises:
            StepError: ``timeout``.
        """
        self.replayed(path)
        if 0 < self.deadline_us < us:
            error = StepError(
                "The time for this is over (timeout): give it more, or do less at once.",
                code="timeout",
            )
            self.note_failure(path, "timeout", Failed(error.code, error.message), journaled=True)
            raise error

    def left_s(self) -> float | None:
        """The seconds until the deadline, None if there is none."""
        return (self.deadline_us - self.world.now_us()) / US_PER_S if self.deadline_us else None

    async def commit(self) -> None:
        """See :meth:`Course.commit`."""
        await self.course.commit()

    async def decide(
        self, path: str, function: str, change: Change, output_of: Callable[[Outcome], Json]
    ) -> Json:
        """Commit, with a change that is decided there and journaled there, be it a failure.

        Raises:
            HubError: the change could not be done, or ``output_of`` says that nothing was.
        """
        decision = _Decision(path, function, self._started_at, output_of, self.world)
        decided = replace(change, entry=decision.journal)
        outcome = await self.course.commit(change=decided)
        assert outcome is not None  # noqa: S101 - there was a change
        output, error = decision.settle(outcome)
        self.course.journal.done[path] = output if error is None else failed_of(error)
        if error is not None:
            raise error
        return output


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a step makes of a change that was decided in the commit."""

    path: str
    function: str
    started_at: int
    output_of: Callable[[Outcome], Json]
    world: World

    def settle(self, outcome: Outcome) -> tuple[Json, HubError | None]:
        """The step's result, or its failure."""
        if outcome.error is not None:
            return None, outcome.error
        try:
            return self.output_of(outcome), None
        except HubError as error:
            return None, error

    def journal(self, outcome: Outcome) -> bytes:
        """The journal row that tells it."""
        output, error = self.settle(outcome)
        took = self.world.now_us() - self.started_at
        failure = None if error is None else failed_of(error)
        entry = Entry(self.path, self.function, self.started_at, took, output, failure=failure)
        return encode([entry])


NOT_DONE = _NOTHING
"""What :meth:`Turn.replayed` gives for a step without a journal entry."""
