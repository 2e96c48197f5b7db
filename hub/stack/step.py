"""What every step is: fields that may hold expressions, and what it does in a turn."""

from collections.abc import Awaitable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from hub.errors import ExpressionError, StepError
from hub.expr import Compiled, compile_value, truthy
from hub.model.json import MAX_DEPTH, Json, depth_of, dumps_text
from hub.stack.scope import check_name
from hub.stack.turn import NOT_DONE, Turn

MAX_COUNT = 2**62


def _compile(value: Any) -> Compiled:
    try:
        return compile_value(value)
    except ExpressionError as error:
        raise PydanticCustomError(
            "expression", "{message}", {"message": error.message, **error.details}
        ) from error


Value = Annotated[Compiled, PlainValidator(_compile), WithJsonSchema({})]
"""A field of any JSON value, in which any text may be or hold an expression."""

OptionalValue = Annotated[Compiled | None, PlainValidator(_compile), WithJsonSchema({})]
"""The same where it may be left out; a ``null`` that is written is a value too."""


class Step(BaseModel):
    """A step of a stack. Frozen; compiled when it is loaded.

    Steps that only compute are computed again on resume. Where their expressions read the clock
    or ``env``, what they read is journaled, so that they compute the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    summary: ClassVar[str] = ""
    """One line for the documentation."""

    function: str
    id: str | None = Field(None, description="A name of your own for the step.")
    description: str | None = Field(None, description="A remark for people.")
    as_: str | None = Field(None, alias="as", description="The variable that gets the result.")
    if_: OptionalValue = Field(None, alias="if", description="The step runs only if this holds.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        """Do the step; what it gives, if anything, is to be awaited."""
        raise NotImplementedError

    def names(self) -> Iterator[str]:
        """Every root name that the step's expressions read, nested steps included."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Compiled):
                yield from value.names
            elif isinstance(value, tuple):
                for each in value:
                    if isinstance(each, Step):
                        yield from each.names()

    def wanted(self, turn: Turn, path: str) -> bool:
        """Whether the step's ``if`` holds."""
        return self.if_ is None or truthy(settled(self.if_, turn, f"{path}?", "if"))

    def compute(self, value: Compiled, turn: Turn, path: str) -> Json:
        """What the step's expression gives; noted as the step's trace."""
        if not _observes(value):
            turn.trace(path, self.function)
        return settled(value, turn, path, self.function)


def settled(value: Compiled, turn: Turn, path: str, function: str) -> Json:
    """What an expression gives, the same whenever it is computed again.

    Where it may read the clock or ``env``, what it reads is journaled under ``path``.
    """
    if not _observes(value):
        return value.evaluate(turn.scope)
    seen = turn.replayed(path)
    if seen is not NOT_DONE:
        turn.scope.recall(seen)
        return value.evaluate(turn.scope)
    result = value.evaluate(turn.scope)
    turn.record(path, function, turn.scope.observed())
    return result


def _observes(value: Compiled) -> bool:
    return value.reads.clock or bool(value.reads.env)


class WorldStep(Step):
    """A step that touches the world: done once, its result journaled."""

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        if self.as_ is not None:
            check_name(self.as_)
        output = turn.replayed(path)
        if output is not NOT_DONE:
            self.bind(turn, output)
            return None
        return self._act(turn, path)

    async def _act(self, turn: Turn, path: str) -> None:
        output = await self.act(turn, path)
        turn.record(path, self.function, output)
        self.bind(turn, output)

    async def act(self, turn: Turn, path: str) -> Json:
        """Add the step's effect to the open segment, or read; gives the result."""
        raise NotImplementedError

    def bind(self, turn: Turn, output: Json) -> None:
        """Bind the step's result to its name."""
        if self.as_ is not None:
            turn.scope.assign(self.as_, output)


def text_of(value: Json, field: str) -> str:
    """A field's value as text.

    Raises:
        StepError: ``field_invalid``.
    """
    if isinstance(value, str) and value:
        return value
    raise StepError(
        f"{field!r} must be text and came out as {_shown(value)}.", code="field_invalid"
    )


def object_of(value: Json, field: str) -> dict[str, Any]:
    """A field's value as an object.

    Raises:
        StepError: ``field_invalid``.
    """
    if isinstance(value, dict):
        return value
    raise StepError(
        f"{field!r} must be an object and came out as {_shown(value)}.", code="field_invalid"
    )


def json_of(value: Json, field: str) -> str:
    """A field's value as JSON text, which can be read again.

    Raises:
        StepError: ``json_too_deep``.
        InvalidError: ``json_unfit``.
    """
    text = dumps_text(value)
    check_levels(text, field)
    return text


def check_levels(text: str, field: str) -> None:
    """Raise StepError ``json_too_deep`` for JSON text that could not be read again."""
    if text.count("[") + text.count("{") > MAX_DEPTH and depth_of(text.encode()) > MAX_DEPTH:
        raise StepError(
            f"{field!r} is nested deeper than {MAX_DEPTH} levels: keep a part of it, "
            "or make it text with json_encode.",
            code="json_too_deep",
        )


def count_of(value: Json, field: str) -> int:
    """A field's value as a whole number from 0; one beyond every count is as good as the largest.

    Raises:
        StepError: ``field_invalid``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return min(value, MAX_COUNT)
    raise StepError(
        f"{field!r} must be a whole number from 0 and came out as {_shown(value)}.",
        code="field_invalid",
    )


def _shown(value: Json) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return kinds.get(type(value)) or f"{str(value)[:60]!r}"
