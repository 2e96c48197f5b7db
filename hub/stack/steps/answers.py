"""The step that answers."""

import re
from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import AliasChoices, Field

from hub.errors import StepError
from hub.expr import text_of as as_text
from hub.model.json import Json
from hub.model.run import Answer
from hub.stack.step import OptionalValue, Step, json_of, object_of, settled_all, whole_of
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
