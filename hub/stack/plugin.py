"""Functions of your own: what a plug-in package adds to the language.

::

    from hub.stack.plugin import Invocation, function

    @function("score_lead")
    async def score_lead(email: str, visits: int = 0, *, call: Invocation) -> dict[str, int]:
        \"""How promising a lead is.\"""
        return {"score": visits * 2}

A package offers the module under the entry point group ``hub.functions``; loading it registers
what it decorates. A step passes its fields as the parameters, by name and with their types
checked; ``as`` gets the result, which must be JSON. The function is called once, after all that
led to it is committed, and again only if the hub died before its result was: the idempotency
key of an ``Invocation`` is the same each time. A plain function runs in a thread.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from hub.errors import HubError, StepError
from hub.model.json import Json, loads
from hub.stack.journal import Failed
from hub.stack.step import Step, canonical, json_of
from hub.stack.steps import STEPS
from hub.stack.turn import NOT_DONE, Turn

Implementation = TypeVar("Implementation", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Invocation:
    """Which step of which run calls, for a function that wants to know."""

    run_id: str
    path: str
    idempotency_key: str
    """The same whenever this step is done again."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A function that a plug-in offers."""

    name: str
    call: Callable[..., Any]
    shape: type[BaseModel]
    """Its parameters."""
    wants: str | None
    """The parameter that gets the invocation."""

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.call) or "").partition("\n")[0]

    def perform(
        self, step: Step, turn: Turn, path: str, fields: dict[str, Any]
    ) -> Awaitable[None] | None:
        """Call it as a step, once."""
        output = turn.replayed(path)
        if output is NOT_DONE:
            return self._perform(step, turn, path, fields)
        _bind(step, turn, output)
        return None

    async def _perform(self, step: Step, turn: Turn, path: str, fields: dict[str, Any]) -> None:
        try:
            output = await self._output(turn, path, fields)
        except StepError as error:  # a resumed run takes that as it was
            failed = Failed(error.code, error.message, error.details)
            turn.note_failure(path, self.name, failed, journaled=True)
            raise
        turn.record(path, self.name, output)
        _bind(step, turn, output)

    async def _output(self, turn: Turn, path: str, fields: dict[str, Any]) -> Json:
        arguments = self._arguments(fields)
        if self.wants is not None:
            arguments[self.wants] = Invocation(turn.run.id, path, turn.key(path))
        await turn.commit()  # it may tell the world, so what led to it comes first
        try:
            async with asyncio.timeout(turn.left_s()) as limit:
                output = await self._called(arguments)
            return loads(json_of(output, "the result"))
        except TimeoutError as error:
            if limit.expired():
                raise StepError(f"{self.name} took too long (timeout).", code="timeout") from error
            raise self._failure(error) from error
        except HubError as error:
            raise StepError(error.message, code=error.code, **error.details) from error
        except Exception as error:
            raise self._failure(error) from error

    def _arguments(self, fields: dict[str, Any]) -> dict[str, Any]:
        try:
            given = self.shape.model_validate(deepcopy(fields))  # it may change them in place
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise StepError(
                f"{self.name} does not take this: {place}: {first['msg']}.", code="field_invalid"
            ) from None
        shapes = self.shape.model_fields
        return {str(shape.alias): getattr(given, name) for name, shape in shapes.items()}

    async def _called(self, arguments: dict[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self.call):
            return await self.call(**arguments)
        return await asyncio.to_thread(self.call, **arguments)

    def _failure(self, error: Exception) -> StepError:
        return StepError(
            f"{self.name} failed: {type(error).__name__}: {error}", code="function_failed"
        )


FUNCTIONS: dict[str, Plugin] = {}
"""Every function that has been registered, by its name."""


def function(name: str) -> Callable[[Implementation], Implementation]:
    """Register a function of your own under a name.

    Raises:
        ValueError: the name is taken, or a step could not pass the parameters.
    """

    def register(call: Implementation) -> Implementation:
        if canonical(name) in STEPS:
            raise ValueError(f"{name} is a function of the hub's own: choose another name")
        if name in FUNCTIONS:
            raise ValueError(f"two functions are named {name}: choose another name")
        FUNCTIONS[name] = plugin_of(name, call)
        return call

    return register


def plugin_of(name: str, call: Callable[..., Any]) -> Plugin:
    """A function as a step calls it; ValueError where a step could not pass its parameters."""
    fields: dict[str, Any] = {}
    wants = None
    for each in inspect.signature(call, eval_str=True).parameters.values():
        if each.annotation is Invocation:
            wants = each.name
            continue
        _check_parameter(name, each)
        kind = Any if each.annotation is each.empty else each.annotation
        default = ... if each.default is each.empty else each.default
        # the alias is what a step writes: a field of a model cannot have every name
        fields[f"field_{each.name}"] = (kind, Field(default, alias=each.name))
    config = ConfigDict(extra="forbid", frozen=True)
    return Plugin(name, call, create_model(f"{name}_fields", __config__=config, **fields), wants)


def _check_parameter(name: str, parameter: inspect.Parameter) -> None:
    if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        raise ValueError(
            f"{name}: a step passes parameters by name, and {parameter.name!r} has none"
        )
    if parameter.name in _EVERY_STEP_HAS:
        raise ValueError(
            f"{name}: every step has a field {parameter.name!r}: give the parameter another name"
        )


_EVERY_STEP_HAS = {shape.alias or name for name, shape in Step.model_fields.items()}


def _bind(step: Step, turn: Turn, output: Any) -> None:
    if step.as_ is not None:
        turn.scope.assign(step.as_, output)
