"""The interpreter: walks a stack's steps, and says where a run failed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from hub.errors import HubError, LimitError, StoreError
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
        Flow: a step leaves this stack.
        Parked, StoreError, LeaseLost, SegmentConflict, SegmentRefused: the turn cannot go on.
    """
    turn.depth += 1
    if turn.depth > MAX_DEPTH:
        turn.depth -= 1
        raise StepFailed(prefix.rsplit("/", 2)[0], _too_deep())
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
                    await _within_limit(step, turn, path)
            except StoreError:
                raise
            except HubError as error:
                note_failure(step, turn, path, error)
                raise StepFailed(path, error) from error
    finally:
        turn.depth -= 1


async def _within_limit(step: "Step", turn: Turn, path: str) -> None:
    before, limit_us = turn.deadline_us, step.limit_us(turn)
    if limit_us is not None:
        until = turn.world.now_us() + limit_us
        turn.deadline_us = min(until, before) if before else until
    try:
        if step.retry is None:
            await _once(step, turn, path)
        else:
            await _again_and_again(step, step.retry, turn, path)
    finally:
        turn.deadline_us = before


async def _once(step: "Step", turn: Turn, path: str) -> None:
    waiting = step.perform(turn, path)
    if waiting is not None:
        await waiting


async def _again_and_again(step: "Step", retry: Retry, turn: Turn, path: str) -> None:
    """Each try has a path of its own, ``3``, ``3~~1``, ``3~~2``, so it is journaled apart."""
    for n in range(1, retry.max + 1):
        before = path if n == 1 else f"{path}{AGAIN}{n - 1}"
        try:
            await _once(step, turn, before)
        except StepFailed as failed:
            if not is_catchable(failed.error):
                raise
        except HubError as error:
            if not is_catchable(error):
                raise
            note_failure(step, turn, before, error)
        else:
            return
        await pause(turn, f"{path}{AGAIN}{n}?", retry.pause_us(n, f"{turn.run.id}:{path}:{n}"))
    await _once(step, turn, f"{path}{AGAIN}{retry.max}")


def note_failure(step: "Step", turn: Turn, path: str, error: HubError) -> None:
    """Put a failure into the journal: that of a step that touched the world counts on resume."""
    turn.note_failure(path, step.function, failed_of(error), journaled=step.touches_world)


def is_catchable(error: HubError) -> bool:
    """Whether a stack may go on after it: a refusal, a timeout, bad data; never a run's limit."""
    return not isinstance(error, (StoreError, LimitError))


def _too_deep() -> LimitError:
    return LimitError(f"Stacks are nested deeper than {MAX_DEPTH}.", code="limit_depth")
