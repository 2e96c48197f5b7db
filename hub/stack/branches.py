"""Branches: stacks of one run that go on side by side, each with a copy of the names."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.stack.interpret import Flow, StepFailed, is_catchable
from hub.stack.ports import Parked
from hub.stack.turn import Turn


@dataclass(frozen=True, slots=True)
class Branch:
    """One of them: ``work`` runs it in a turn of its own; True: no further one need begin."""

    path: str
    work: Callable[[Turn], Awaitable[bool]]


@dataclass(slots=True)
class _Together:
    """How far they are."""

    turn: Turn
    branches: Sequence[Branch]
    go_on: bool
    """What fails does not keep the others from beginning."""
    results: list[Any] = field(init=False)
    failures: list[tuple[int, StepFailed]] = field(default_factory=list)
    due_us: list[int] = field(default_factory=list)
    """When those that are parked go on."""
    flow: Flow | None = None
    """The signal of one of them: no further one begins."""
    next: int = 0

    def __post_init__(self) -> None:
        self.results = [None] * len(self.branches)

    async def take_turns(self) -> None:
        """Run one branch after the other while there are any that have not begun."""
        while self.next < len(self.branches) and (self.go_on or not self.failures):
            place, self.next = self.next, self.next + 1
            await self._run(place)

    async def _run(self, place: int) -> None:
        turn = self.turn.branch()
        try:
            if await self.branches[place].work(turn):
                self.next = len(self.branches)
        except StepFailed as failed:
            if not is_catchable(failed.error):
                raise
            self.failures.append((place, failed))
            self.results[place] = {"error": error_of(failed)}
        except Parked as parked:
            self.due_us.append(parked.until_us)
        except Flow as flow:
            self.flow, self.next = flow, len(self.branches)
            self.results[place] = turn.scope.own
        else:
            self.results[place] = turn.scope.own


async def run_branches(
    turn: Turn, branches: Sequence[Branch], *, most: int, go_on: bool = False
) -> list[Any]:
    """Run them, at most so many at once; gives for each the variables that it made.

    After a failure no further one begins, those under way end, and the first failure by place is
    raised; with ``go_on`` all are run, and a failed one gives ``{"error": …}``.

    Raises:
        StepFailed: one failed.
        Parked: none can go on now.
        Flow: one leaves the step; those under way have ended.
        LeaseLost, SegmentConflict, SegmentRefused, StoreError: the others are cancelled.
    """
    together = _Together(turn, branches, go_on)
    workers = [
        asyncio.ensure_future(together.take_turns()) for _ in range(min(most, len(branches)))
    ]
    await _all(workers)
    if together.due_us:
        raise Parked(min(together.due_us))
    if together.failures and not go_on:
        raise min(together.failures, key=lambda pair: pair[0])[1]
    if together.flow is not None:
        raise together.flow
    return together.results


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
