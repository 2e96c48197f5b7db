"""What every step is: fields that may hold expressions, and what it does in a turn."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from hub.errors import ExpressionError, HubError, StepError
from hub.expr import Compiled, DictContext, compile_value, truthy
from hub.model.json import MAX_DEPTH, Json, depth_of, dumps_text
from hub.model.time import US_PER_S
from hub.stack.patience import MAX_WAIT_S, Retry
from hub.stack.turn import NOT_DONE, Turn

MAX_COUNT = 2**62


def compiled(value: Any) -> Compiled:
    """A field's value, compiled, for pydantic; its fault has the kind ``expression``."""
    try:
        return compile_value(value)
    except ExpressionError as error:
        raise PydanticCustomError(
            "expression", "{message}", {"message": error.message, **error.details}
        ) from error


Value = Annotated[Compiled, PlainValidator(compiled), WithJsonSchema({})]
"""A field of any JSON value, in which any text may be or hold an expression."""

OptionalValue = Annotated[Compiled | None, PlainValidator(compiled), WithJsonSchema({})]
"""The same where it may be left out; a ``null`` that is written is a value too."""


def checked(check: Callable[[Json], object]) -> AfterValidator:
    """Has a value that is written out checked when it is loaded, as a run would check it."""

    def validate(value: Compiled | None) -> Compiled | None:
        if value is not None and value.is_literal:
            try:
                check(value.evaluate(_NOTHING))
            except HubError as error:
                fault = {"message": error.message}
                raise PydanticCustomError("expression", "{message}", fault) from error
        return value

    return AfterValidator(validate)


_NOTHING = DictContext()
_ALIASES = {
    "publish_realtime_message": "realtime_publish",
    "foreach_loop": "for_each_loop",
    "for_each": "for_each_loop",
    "loop": "for_each_loop",
    "if": "conditional",
    "try": "try_catch",
    "wait": "sleep",
    "return": "return_response",
    "query_records": "query_all_records",
    "update_record": "edit_record",
    "api_request": "external_api_request",
    "http_request": "external_api_request",
}


def canonical(name: str) -> str:
    """A function's name as the language spells it: ``Add Record`` is ``add_record``."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_").replace("/", "_")
    return _ALIASES.get(plain, plain)


class Step(BaseModel):
    """A step of a stack. Frozen; compiled when it is loaded.

    Steps that only compute are computed again on resume. Where their expressions read the clock
    or ``env``, what they read is journaled, so that they compute the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    touches_world: ClassVar[bool] = False
    """It is done once, and what it gave is journaled; else it is computed again on resume."""

    function: str
    id: str | None = Field(None, description="A name of your own for the step.")
    description: str | None = Field(None, description="A remark for people.")
    as_: str | None = Field(None, alias="as", description="The variable that gets the result.")
    if_: OptionalValue = Field(None, alias="if", description="The step runs only if this holds.")
    timeout: OptionalValue = Field(
        None, description="Milliseconds: what has not begun by then fails."
    )
    timeout_s: OptionalValue = Field(None, description="The same in seconds.")
    retry: Retry | None = Field(None, description="Tries again where it fails.")

    @cached_property
    def plain(self) -> bool:
        """Nothing is asked of it but to be performed."""
        asked = (self.if_, self.timeout, self.timeout_s, self.retry)
        return all(each is None for each in asked)

    def limit_us(self, turn: Turn) -> int | None:
        """How long it may take, if it says."""
        if self.timeout is not None:
            value = self.timeout.evaluate(turn.scope)
            return int(number_of(value, "timeout", least=0, most=1000 * MAX_WAIT_S) * 1000)
        if self.timeout_s is not None:
            value = self.timeout_s.evaluate(turn.scope)
            return int(number_of(value, "timeout_s", least=0, most=MAX_WAIT_S) * US_PER_S)
        return None

    @field_validator("function", mode="before")
    @classmethod
    def _canonical(cls, name: Any) -> Any:
        return canonical(name) if isinstance(name, str) else name

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        """Do the step; what it gives, if anything, is to be awaited."""
        raise NotImplementedError

    def parts(self) -> Iterator["Compiled | Step"]:
        """The expressions that it holds, and the steps."""
        for name in type(self).model_fields:
            yield from _parts_of(getattr(self, name))

    def names(self) -> Iterator[str]:
        """Every root name that the step's expressions read, nested steps included."""
        for part in self.parts():
            if isinstance(part, Compiled):
                yield from part.names
            else:
                yield from part.names()

    def wanted(self, turn: Turn, path: str) -> bool:
        """Whether the step's ``if`` holds."""
        return self.if_ is None or truthy(settled(self.if_, turn, f"{path}?", "if"))

    def compute(self, value: Compiled, turn: Turn, path: str) -> Json:
        """What the step's expression gives; noted as the step's trace."""
        result = settled(value, turn, path, self.function)
        turn.trace(path, self.function)
        return result


class Composed:
    """A field's value that is more than one expression."""

    parts: tuple[Compiled, ...]
    """Its expressions."""

    def shown(self, turn: Turn) -> Json:
        """What it comes to, as it would be written without expressions."""
        raise NotImplementedError


def _parts_of(value: Any) -> Iterator[Compiled | Step]:
    if isinstance(value, (Compiled, Step)):
        yield value
    elif isinstance(value, Composed):
        yield from value.parts
    elif isinstance(value, (tuple, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _parts_of(each)


def settled(value: Compiled, turn: Turn, path: str, function: str) -> Json:
    """What an expression gives, the same whenever it is computed again.

    Where it may read the clock or ``env``, what it reads is journaled under ``path``.
    """
    if not _observes(value):
        return value.evaluate(turn.scope)
    [result] = settled_all([value], turn, path, function)
    return result


def settled_all(
    values: Sequence[Compiled | None], turn: Turn, path: str, function: str
) -> list[Json]:
    """The same of several expressions of one step; None for those that are left out."""
    scope = turn.scope
    observes = any(_observes(each) for each in values if each is not None)
    seen = turn.replayed(path) if observes else NOT_DONE
    if seen is not NOT_DONE:
        scope.recall(seen)
    results = [each and each.evaluate(scope) for each in values]
    if observes and seen is NOT_DONE:
        turn.record(path, function, scope.observed())
    return results


def _observes(value: Compiled) -> bool:
    return value.reads.clock or bool(value.reads.env)


class WorldStep(Step):
    """A step that touches the world: done once, its result journaled."""

    touches_world: ClassVar[bool] = True

    @property
    def binds(self) -> str | None:
        """The variable that gets the result."""
        return self.as_

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        if self.binds is not None:
            turn.scope.check(self.binds)
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
        if self.binds is not None:
            turn.scope.assign(self.binds, output)


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


def number_of(value: Json, field: str, *, least: float, most: float) -> float:
    """A field's value as a number within bounds; decimal text is its number.

    Raises:
        StepError: ``field_invalid``.
    """
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise StepError(
        f"{field!r} must be a number from {least:,} to {most:,} and came out as {_shown(value)}.",
        code="field_invalid",
    )


def whole_of(value: Json, field: str, *, least: int, most: int) -> int:
    """A field's value as a whole number within bounds; decimal text is its number.

    Raises:
        StepError: ``field_invalid``.
    """
    number = number_of(value, field, least=least, most=most)
    if number != int(number):
        raise StepError(
            f"{field!r} must be a whole number and came out as {_shown(value)}.",
            code="field_invalid",
        )
    return int(number)


def _shown(value: Json) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return kinds.get(type(value)) or f"{str(value)[:60]!r}"
