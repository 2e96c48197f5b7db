"""The step that answers."""

from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import AliasChoices, Field

from hub.errors import StepError
from hub.expr import text_of as as_text
from hub.model.answer import Answer, field_problem
from hub.model.json import Json
from hub.stack.step import OptionalValue, Step, json_of, object_of, settled_all, whole_of
from hub.stack.turn import Turn


class ReturnResponse(Step):
    """Answers: the run's result, and what an endpoint's caller gets; later steps still run."""

    function: Literal["return_response"]
    body: OptionalValue = Field(
        None, validation_alias=AliasChoices("body", "value", "data"), description="The result."
    )
    status: OptionalValue = Field(None, description="The HTTP status; without it 200.")
    headers: OptionalValue = Field(None, description="Further header fields of the answer.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        frame = turn.frame
        if frame.answer is not None:
            raise StepError("The run has answered already.", code="answered_twice")
        fields = [self.body, self.status, self.headers]
        body, status, headers = settled_all(fields, turn, path, self.function)
        turn.trace(path, self.function)
        frame.answer = Answer(
            json_of(body, "body"),
            200 if self.status is None else whole_of(status, "status", least=200, most=599),
            () if self.headers is None else _fields(headers),
        )
        return turn.course.answer(frame.answer) if frame is turn.course.frame else None


def _fields(headers: Json) -> tuple[tuple[str, str], ...]:
    return tuple(_field(name, value) for name, value in object_of(headers, "headers").items())


def _field(name: str, value: Any) -> tuple[str, str]:
    text = as_text(value)
    problem = field_problem(name, text)
    if problem is not None:
        raise StepError(problem, code="header_refused")
    return name.lower(), text
