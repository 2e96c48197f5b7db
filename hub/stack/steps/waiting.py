"""The step that waits for somebody outside: a person who approves, an event that is to come."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.errors import StepError
from hub.model.event_wait import EventWait
from hub.model.filter import as_json
from hub.model.ids import made_at
from hub.model.json import Json
from hub.model.time import to_iso
from hub.stack.patience import MAX_WAIT_S
from hub.stack.ports import Parked
from hub.stack.step import OptionalValue, Step, text_of
from hub.stack.steps.selection import OptionalWhere
from hub.stack.turn import NOT_DONE, Turn

_LOOKS_BACK_US = 86_400 * 1_000_000
_USUAL_US = 30 * 86_400 * 1_000_000


class WaitFor(Step):
    """Waits for a call of `run.resume_url`, or for an event; the run is parked meanwhile.

    The result is under `as` or `answer`. Of a call it is `{method, query, body, received_at}`;
    one that comes before the step counts. Of an event, where `event_type`, `source` or `filter`
    is given, it is `{id, source, type, received_at, body}`; those that have come since the run
    was asked for count, of the last day, each for one step. Where the time is over first, that
    is the error `wait_timeout`.
    """

    function: Literal["wait_for"]
    touches_world: ClassVar[bool] = True

    event_type: OptionalValue = Field(
        None, description="The event's type; `*` stands for any text: `order.*`."
    )
    source: OptionalValue = Field(None, description="The source that the event comes to.")
    filter: OptionalWhere = Field(
        None, description="Fields of the event's body and the values that they must have."
    )

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
        if self._is_for_event:
            turn.course.taken_events.append(output["id"])
        turn.scope.assign(self.as_ or "answer", output)

    @property
    def _is_for_event(self) -> bool:
        return not (self.event_type is None and self.source is None and self.filter is None)

    async def _answer(self, turn: Turn, path: str) -> Json:
        until = self._until(turn, path)
        await turn.course.settle()
        for answer_id, payload, received_at in await turn.world.answers_of(turn.run.id):
            is_mine = payload.get("wait") == (path if self._is_for_event else None)
            if is_mine and answer_id not in turn.effects.taken:
                turn.effects.taken.append(answer_id)
                if self._is_for_event:
                    return payload["event"]
                return {**payload, "received_at": to_iso(received_at)}
        if turn.world.now_us() >= until:
            raise StepError(self._in_vain(to_iso(until)), code="wait_timeout")
        if self._is_for_event:
            turn.effects.awaits_event = self._wait(turn, path).as_text()
        else:
            turn.effects.awaits = True
        raise Parked(until)

    def _in_vain(self, until: str) -> str:
        if self._is_for_event:
            return f"No such event has come until {until}."
        return f"Nobody has called the run's URL until {until}."

    def _wait(self, turn: Turn, path: str) -> EventWait:
        """What it waits for, with the values that it had when it began to wait."""
        at = f"{path}/event?"
        wait = turn.replayed(at)
        if wait is NOT_DONE:
            event_type, source = (
                None if each is None else text_of(each.evaluate(turn.scope), name)
                for name, each in (("event_type", self.event_type), ("source", self.source))
            )
            wanted = None if self.filter is None else as_json(self.filter.settled(turn))
            since = max(made_at(turn.run.id), turn.world.now_us() - _LOOKS_BACK_US)
            taken = tuple(turn.course.taken_events)
            wait = EventWait(path, since, event_type, source, wanted, taken).as_text()
            turn.record(at, self.function, wait)
        return EventWait.of_text(wait)

    def _until(self, turn: Turn, path: str) -> Any:
        at = f"{path}/until?"
        until = turn.replayed(at)
        if until is NOT_DONE:
            own_us = super().limit_us(turn)
            wait_us = _USUAL_US if own_us is None else min(own_us, MAX_WAIT_S * 1_000_000)
            until = turn.world.now_us() + wait_us
            turn.record(at, self.function, until)
        return until
