"""The step that answers."""

import re
from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import AliasChoices, Field

from hub.errors import StepError
from hub.expr import text_of as as_text
from hub.model.json import Json
from hub.model.run import Answer
from hub.stack.step import OptionalValue, Step, json_of, number_of, object_of
from hub.stack.turn import Turn

_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}")
_REFUSED = frozenset({
    "connection", "content-length", "content-security-policy",
    "content-security-policy-report-only", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "set-cookie", "te", "trailer", "transfer-encoding",
    "upgrade", "x-content-type-options",
})  # fmt: skip
"""Fields of one connection, and those that would speak for the whole origin of the hub."""


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
        body: Json = None
        if self.body is None:
            turn.trace(path, self.function)
        else:
            body = self.compute(self.body, turn, path)
        frame.answer = Answer(json_of(body, "body"), self._status(turn), self._headers(turn))
        return turn.course.answer(frame.answer) if frame is turn.course.frame else None

    def _status(self, turn: Turn) -> int:
        if self.status is None:
            return 200
        value = self.status.evaluate(turn.scope)
        return int(number_of(value, "status", least=200, most=599))

    def _headers(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        if self.headers is None:
            return ()
        given = object_of(self.headers.evaluate(turn.scope), "headers")
        return tuple(_field(name, value) for name, value in given.items())


def _field(name: str, value: Any) -> tuple[str, str]:
    text = as_text(value)
    lower = name.lower()
    if lower in _REFUSED:
        raise StepError(
            f"The header field {name!r} cannot be set by a stack: it speaks for the connection, "
            "or for all pages of the hub.",
            code="header_refused",
        )
    if not (_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(text)):
        raise StepError(
            f"The header field {name[:60]!r} must have a proper name, and a value of printable "
            "ASCII characters.",
            code="header_refused",
        )
    return lower, text
