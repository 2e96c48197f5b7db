"""The interpreter: walks a stack's steps, and says where a run failed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hub.errors import HubError, StepError, StoreError
from hub.stack.turn import MAX_DEPTH, Turn

if TYPE_CHECKING:
    from hub.stack.step import Step


class StepFailed(Exception):  # noqa: N818 - says what happened to the step
    """A step failed; carries its path and why."""

    def __init__(self, path: str, error: HubError) -> None:
        super().__init__(f"{path}: {error.message}")
        self.path = path
        self.error = error


async def run_steps(steps: "Sequence[Step]", turn: Turn, prefix: str) -> None:
    """Run steps in order. Their paths are ``prefix`` and their place.

    Raises:
        StepFailed: the first step that failed.
        StoreError, LeaseLost, SegmentConflict: the turn cannot go on.
    """
    turn.depth += 1
    if turn.depth > MAX_DEPTH:
        raise StepFailed(prefix.rsplit("/", 2)[0], _too_deep())
    for place, step in enumerate(steps):
        path = f"{prefix}{place}"
        try:
            waiting = turn.begin_step(path)
            if waiting is not None:
                await waiting
            if step.if_ is not None and not step.wanted(turn, path):
                continue
            waiting = step.perform(turn, path)
            if waiting is not None:
                await waiting
        except StoreError:
            raise
        except HubError as error:
            raise StepFailed(path, error) from error
    turn.depth -= 1


def _too_deep() -> StepError:
    return StepError(f"Stacks are nested deeper than {MAX_DEPTH}.", code="limit_depth")
