"""The interpreter: walks a stack's steps, and says where a run failed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from hub.errors import HubError, LimitError, StepError, StoreError
from hub.model.time import US_PER_S
from hub.stack.journal import failed_of
from hub.stack.patience import Retry, pause
from hub.stack.turn import AGAIN, MAX_DEPTH, Turn

if TYPE_CHECKING:
    from hub.stack.step import Step


class StepFailed(Exception):  # noqa: N818 - says what happened to the step
    """A step failed; carries its path and why."""

    def __init__(self, path: str, error: HubError) -> None:
        super().__init__(f"{path}: {error.message}")
        self.path = path
        self.error = error


class Flow(Exception):  # noqa: N818 - a signal that a stack gives, not a fault
    """A step leaves the stack that it stands in: no ``try_catch`` holds it up."""

    word: ClassVar[str]

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path
        """The step's."""

    def astray(self) -> StepError:
        """What it is where nothing around it could be left so."""
        return StepError(
            f"{self.word!r} stands outside any loop: put it into one, or use 'stop'.",
            code="outside_loop",
        )


class BreakLoop(Flow):
    """The loop ends."""

    word = "break"


class ContinueLoop(Flow):
    """The round ends."""

    word = "continue"


class StopTask(Flow):
    """The task ends, and has succeeded."""

    word = "stop"


async def run_steps(steps: "Sequence[Step]", turn: Turn, prefix: str) -> None:
    """Run steps in order. Their paths are ``prefix`` and their place.

    Raises:
        StepFailed: the first step that failed.
        LimitError: ``limit_depth``.
        Flow: a step leaves this stack.
        Parked, StoreError, LeaseLost, SegmentConflict, SegmentRefused: the turn cannot go on.
    """
    if turn.depth == MAX_DEPTH:
        raise LimitError(f"Stacks are nested deeper than {MAX_DEPTH}.", code="limit_depth")
    turn.depth += 1
    try:
        for place, step in enumerate(steps):
            path = f"{prefix}{place}"
            try:
                waiting = turn.begin_step(path)
                if waiting is not None:
                    await waiting
                if step.plain:
                    waiting = step.perform(turn, path)
                    if waiting is not None:
                        await waiting
                elif step.wanted(turn, path):
                    await _with_care(step, turn, path)
            except HubError as error:
                raise _failed(step, turn, path, error) from error
    finally:
        turn.depth -= 1


async def _with_care(step: "Step", turn: Turn, path: str) -> None:
    if step.retry is None:
        await _in_time(step, turn, path)
    else:
        await _again_and_again(step, step.retry, turn, path)


async def _in_time(step: "Step", turn: Turn, path: str) -> None:
    """Perform it, in the time that it has."""
    before, limit_us = turn.deadline_us, step.limit_us(turn)
    if limit_us is not None:
        until = turn.world.now_us() + limit_us
        turn.deadline_us = min(until, before) if before else until
    try:
        waiting = step.perform(turn, path)
        if waiting is not None:
            await waiting
    finally:
        turn.deadline_us = before


async def _again_and_again(step: "Step", retry: Retry, turn: Turn, path: str) -> None:
    """Each try has a path of its own, ``3``, ``3~~1``, ``3~~2``, so it is journaled apart.

    Each has the step's time, and its own clock and chance. Where the other side, or its breaker,
    says when to come again, no pause is shorter.
    """
    asked_us = 0
    for n in range(retry.max + 1):
        at = path
        if n > 0:
            at = f"{path}{AGAIN}{n}"
            pause_us = retry.pause_us(n, f"{turn.run.id}:{path}:{n}")
            await pause(turn, f"{at}/pause?", max(pause_us, asked_us))
            waiting = turn.begin_step(at)
            if waiting is not None:
                await waiting
        try:
            await _in_time(step, turn, at)
        except StepFailed as error:
            failed = error
        except HubError as error:
            failed = _failed(step, turn, at, error)
        else:
            return
        if n == retry.max or not is_catchable(failed.error):
            raise failed
        asked_us = int((failed.error.details.get("retry_after_s") or 0) * US_PER_S)


def _failed(step: "Step", turn: Turn, path: str, error: HubError) -> StepFailed:
    """Put a failure into the journal: that of a step that touched the world counts on resume.

    Raises:
        StoreError: it is one, which is no failure of the step.
    """
    if isinstance(error, StoreError):
        raise error
    turn.note_failure(path, step.function, failed_of(error), journaled=step.touches_world)
    return StepFailed(path, error)


def is_catchable(error: HubError) -> bool:
    """Whether a stack may go on after it: a refusal, a timeout, bad data; never a run's limit."""
    return not isinstance(error, (StoreError, LimitError))
