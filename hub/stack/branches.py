"""Branches: stacks of one run that go on side by side, each with a copy of the names."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.errors import LimitError
from hub.stack.interpret import Flow, StepFailed, is_catchable
from hub.stack.ports import Parked
from hub.stack.turn import Turn


@dataclass(frozen=True, slots=True)
class Branch:
    """One of them: ``work`` runs it in a turn of its own; True: no further one need begin."""

    prefix: str
    """What the paths of its steps begin with."""
    work: Callable[[Turn], Awaitable[bool]]


@dataclass(slots=True)
class _Together:
    """How far they are."""

    turn: Turn
    branches: Sequence[Branch]
    go_on: bool
    """What fails does not keep the others from beginning."""
    results: list[Any] = field(init=False)
    failures: dict[int, StepFailed] = field(default_factory=dict)
    signals: dict[int, Flow] = field(default_factory=dict)
    limits: dict[int, StepFailed | LimitError] = field(default_factory=dict)
    due_us: list[int] = field(default_factory=list)
    """When those that are parked go on."""
    is_closed: bool = False
    """No further one begins."""
    next: int = 0

    def __post_init__(self) -> None:
        self.results = [None] * len(self.branches)

    async def take_turns(self, place: int | None) -> None:
        """Run one branch after the other; one that is parked keeps its place among them."""
        while place is not None and await self._is_over(place):
            await asyncio.sleep(0)  # a branch that never waits lets the others begin
            place = self._another()

    def _another(self) -> int | None:
        """The next branch; when no further one begins, those still that had begun before."""
        while self.next < len(self.branches):
            place, self.next = self.next, self.next + 1
            if not self.is_closed or self._had_begun(place):
                return place
        return None

    def _had_begun(self, place: int) -> bool:
        return self.turn.course.journal.begun(self.branches[place].prefix)

    async def _is_over(self, place: int) -> bool:
        turn = self.turn.branch()
        try:
            if await self.branches[place].work(turn):
                self.is_closed = True
        except StepFailed as failed:
            self._fail(place, failed)
            return True
        except LimitError as limit:
            self.limits[place], self.is_closed = limit, True
            return True
        except Parked as parked:
            self.due_us.append(parked.until_us)
            return False
        except Flow as flow:
            self.signals[place], self.is_closed = flow, True
        self.results[place] = turn.scope.own
        return True

    def _fail(self, place: int, failed: StepFailed) -> None:
        if not is_catchable(failed.error):
            self.limits[place], self.is_closed = failed, True
            return
        self.failures[place] = failed
        self.results[place] = {"error": error_of(failed)}
        self.is_closed |= not self.go_on

    def outcome(self) -> list[Any]:
        """What they gave, when none of them can go on now; see :func:`run_branches`."""
        if self.limits:
            raise self.limits[min(self.limits)]
        if self.due_us:
            raise Parked(min(self.due_us))
        if self.failures and not self.go_on:
            raise self.failures[min(self.failures)]
        if self.signals:
            raise self.signals[min(self.signals)]
        return self.results


async def run_branches(
    turn: Turn, branches: Sequence[Branch], *, most: int, go_on: bool = False
) -> list[Any]:
    """Run them, at most so many at once; gives for each the variables that it made.

    After a failure no further one begins, those under way end, and the first failure by place is
    raised; with ``go_on`` all are run, and a failed one gives ``{"error": …}``.

    Raises:
        StepFailed: one failed.
        LimitError: one is over a limit of the run.
        Parked: none can go on now.
        Flow: one leaves the step; those under way have ended.
        LeaseLost, SegmentConflict, SegmentRefused, StoreError: the others are cancelled.
    """
    together = _Together(turn, branches, go_on)
    together.next = at_once = min(most, len(branches))
    await _all([asyncio.ensure_future(together.take_turns(place)) for place in range(at_once)])
    return together.outcome()


async def _all(workers: Sequence["asyncio.Future[None]"]) -> None:
    """Wait for all; if the turn cannot go on, nobody does."""
    if not workers:
        return
    try:
        done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for worker in done:
            worker.result()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def error_of(failed: StepFailed) -> dict[str, Any]:
    """What a stack sees of a failure: ``{message, code, step, status, body}``."""
    error = failed.error
    return {
        "message": error.message,
        "code": error.code,
        "step": failed.path,
        "status": error.details.get("status"),
        "body": error.details.get("body"),
    }
