"""The step that waits for somebody outside: a person who approves, a workflow that is through."""

from typing import Any, ClassVar, Literal

from hub.errors import StepError
from hub.model.json import Json
from hub.model.time import to_iso
from hub.stack.patience import MAX_WAIT_S
from hub.stack.ports import Parked
from hub.stack.step import Step
from hub.stack.turn import NOT_DONE, Turn

_USUAL_US = 30 * 86_400 * 1_000_000


class WaitFor(Step):
    """Waits for a call of `run.resume_url`; the run is parked and holds no worker.

    The result is `{method, query, body, received_at}`, under `as` or `answer`. Where the time is
    over first, that is the error `wait_timeout`. A call that comes before the step counts.
    """

    function: Literal["wait_for"]
    touches_world: ClassVar[bool] = True

    def limit_us(self, turn: Turn) -> int | None:
        """Its time is that of the waiting, and no deadline around it."""
        return None

    async def perform(self, turn: Turn, path: str) -> None:
        if self.as_ is not None:
            turn.scope.check(self.as_)
        output = turn.replayed(path)
        if output is NOT_DONE:
            output = await self._answer(turn, path)
            turn.record(path, self.function, output)
        turn.scope.assign(self.as_ or "answer", output)

    async def _answer(self, turn: Turn, path: str) -> Json:
        until = self._until(turn, path)
        await turn.course.settle()
        for answer_id, payload, received_at in await turn.world.answers_of(turn.run.id):
            if answer_id not in turn.effects.taken:
                turn.effects.taken.append(answer_id)
                return {**payload, "received_at": to_iso(received_at)}
        if turn.world.now_us() >= until:
            raise StepError(
                f"Nobody has called the run's URL until {to_iso(until)}.", code="wait_timeout"
            )
        turn.effects.awaits = True
        raise Parked(until)

    def _until(self, turn: Turn, path: str) -> Any:
        at = f"{path}/until?"
        until = turn.replayed(at)
        if until is NOT_DONE:
            own_us = super().limit_us(turn)
            wait_us = _USUAL_US if own_us is None else min(own_us, MAX_WAIT_S * 1_000_000)
            until = turn.world.now_us() + wait_us
            turn.record(at, self.function, until)
        return until
