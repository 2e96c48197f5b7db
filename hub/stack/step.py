"""What every step is: fields that may hold expressions, and what it does in a turn."""

from collections.abc import Awaitable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr, WithJsonSchema
from pydantic_core import PydanticCustomError

from hub.errors import ExpressionError, StepError
from hub.expr import Compiled, compile_value, truthy
from hub.model.json import Json
from hub.stack.turn import NOT_DONE, Turn


def _compile(value: Any) -> Compiled:
    try:
        return compile_value(value)
    except ExpressionError as error:
        raise PydanticCustomError(
            "expression", "{message}", {"message": error.message, **error.details}
        ) from error


Value = Annotated[Compiled, PlainValidator(_compile), WithJsonSchema({})]
"""A field of any JSON value, in which any text may be or hold an expression."""


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
    if_: Value | None = Field(None, alias="if", description="The step runs only if this holds.")

    _observes: bool = PrivateAttr(default=False)
    _guard_observes: bool = PrivateAttr(default=False)

    def model_post_init(self, context: Any) -> None:
        own = [getattr(self, name) for name in type(self).model_fields if name != "if_"]
        self._observes = any(_observing(value) for value in own)
        self._guard_observes = _observing(self.if_)

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        """Do the step; what it gives, if anything, is to be awaited."""
        raise NotImplementedError

    def bind(self, turn: Turn, output: Json) -> None:
        """Bind the step's result to its name."""
        if self.as_ is not None:
            turn.scope.assign(self.as_, output)

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
        if self._guard_observes:
            observe_clock(turn, f"{path}?", "if")
        holds = self.if_ is None or truthy(self.if_.evaluate(turn.scope))
        turn.scope.begin_step(f"{turn.run.id}:{path}")
        return holds

    def observe(self, turn: Turn, path: str) -> None:
        """Give a computing step the clock that it read the first time."""
        if self._observes:
            observe_clock(turn, path, self.function)


def _observing(value: Any) -> bool:
    return isinstance(value, Compiled) and (value.uses_clock or bool(value.uses_env))


def observe_clock(turn: Turn, path: str, function: str) -> None:
    """Fix the step's clock: from the journal on resume, else read now and journaled."""
    seen = turn.replayed(path)
    if seen is NOT_DONE:
        seen = {"now": turn.scope.now_us()}
        turn.record(path, function, seen)
    turn.scope.begin_step(f"{turn.run.id}:{path}", seen["now"])


class WorldStep(Step):
    """A step that touches the world: done once, its result journaled."""

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
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


def count_of(value: Json, field: str) -> int:
    """A field's value as a whole number from 0.

    Raises:
        StepError: ``field_invalid``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise StepError(
        f"{field!r} must be a whole number from 0 and came out as {_shown(value)}.",
        code="field_invalid",
    )


def _shown(value: Json) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return kinds.get(type(value)) or f"{str(value)[:60]!r}"
