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
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from hub.errors import HubError, StepError
from hub.model.json import loads
from hub.stack.step import Step, json_of
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
            given = self.shape.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise StepError(
                f"{self.name} does not take this: {place}: {first['msg']}.", code="field_invalid"
            ) from None
        await turn.commit()  # it may tell the world, so what led to it comes first
        arguments: dict[str, Any] = {name: getattr(given, name) for name in self.shape.model_fields}
        if self.wants is not None:
            run_id = turn.run.id
            arguments[self.wants] = Invocation(run_id, path, turn.key(path))
        output = loads(json_of(await self._called(arguments), "the result"))
        turn.record(path, self.name, output)
        _bind(step, turn, output)

    async def _called(self, arguments: dict[str, Any]) -> Any:
        try:
            if inspect.iscoroutinefunction(self.call):
                return await self.call(**arguments)
            return await asyncio.to_thread(self.call, **arguments)
        except HubError:
            raise
        except Exception as error:
            raise StepError(
                f"{self.name} failed: {type(error).__name__}: {error}", code="function_failed"
            ) from error


FUNCTIONS: dict[str, Plugin] = {}
"""Every function that has been registered, by its name."""


def function(name: str) -> Callable[[Implementation], Implementation]:
    """Register a function of your own under a name; ValueError where that is taken."""

    def register(call: Implementation) -> Implementation:
        if name in FUNCTIONS:
            raise ValueError(f"two functions are named {name}")
        FUNCTIONS[name] = _plugin(name, call)
        return call

    return register


def _plugin(name: str, call: Callable[..., Any]) -> Plugin:
    fields: dict[str, Any] = {}
    wants = None
    for each in inspect.signature(call, eval_str=True).parameters.values():
        if each.annotation is Invocation:
            wants = each.name
            continue
        kind = Any if each.annotation is each.empty else each.annotation
        fields[each.name] = (kind, Field(... if each.default is each.empty else each.default))
    config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=False)
    return Plugin(name, call, create_model(f"{name}_fields", __config__=config, **fields), wants)


def _bind(step: Step, turn: Turn, output: Any) -> None:
    if step.as_ is not None:
        turn.scope.assign(step.as_, output)
