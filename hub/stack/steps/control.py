"""Steps that choose, catch and end."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AliasChoices, Field

from hub.errors import StepError
from hub.expr import text_of as as_text
from hub.expr import truthy
from hub.model.time import US_PER_S
from hub.stack.branches import Branch, error_of, run_branches
from hub.stack.interpret import (
    BreakLoop,
    ContinueLoop,
    StepFailed,
    StopTask,
    is_catchable,
    run_steps,
)
from hub.stack.patience import MAX_WAIT_S, pause
from hub.stack.step import OptionalValue, Step, Value, number_of, settled_all, whole_of
from hub.stack.turn import NOT_DONE, Turn

if TYPE_CHECKING:
    from hub.stack.steps import AnyStep

_MOST_BRANCHES = 100


class Conditional(Step):
    """Runs one of two stacks."""

    function: Literal["conditional"]
    condition: Value = Field(description="What decides.")
    true_stack: "tuple[AnyStep, ...]" = Field(
        (),
        validation_alias=AliasChoices("true_stack", "true_functions", "true_steps"),
        description="Runs if it holds.",
    )
    false_stack: "tuple[AnyStep, ...]" = Field(
        (),
        validation_alias=AliasChoices("false_stack", "false_functions", "false_steps"),
        description="Runs if it does not.",
    )

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        holds = truthy(self.compute(self.condition, turn, path))
        steps = self.true_stack if holds else self.false_stack
        if not steps:
            return None
        return run_steps(steps, turn, f"{path}/{'true' if holds else 'false'}/")


class Switch(Step):
    """Runs the stack of the case that a value has."""

    function: Literal["switch"]
    variable: Value = Field(description="The value.")
    cases: "dict[str, tuple[AnyStep, ...]]" = Field(description="Stacks by the value's text.")
    default: "tuple[AnyStep, ...] | None" = Field(None, description="Runs where no case fits.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        name = as_text(self.compute(self.variable, turn, path))
        steps = self.cases.get(name)
        if steps is not None:
            return run_steps(steps, turn, f"{path}/cases/{escaped(name)}/") if steps else None
        if self.default is not None:
            return run_steps(self.default, turn, f"{path}/default/")
        turn.trace(f"{path}/default", "switch", f"No case fits {name[:100]!r}, and no default.")
        return None


class TryCatch(Step):
    """Runs a stack, and another one if a step of it fails; ``error`` says there why."""

    function: Literal["try_catch"]
    try_stack: "tuple[AnyStep, ...]" = Field(description="Is tried.")
    catch_stack: "tuple[AnyStep, ...]" = Field(
        (), description="Runs where a step fails; `error` holds message, code, step, status, body."
    )
    finally_stack: "tuple[AnyStep, ...]" = Field((), description="Runs in either case.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None]:
        turn.trace(path, self.function)
        return self._try(turn, path)

    async def _try(self, turn: Turn, path: str) -> None:
        try:
            await self._caught(turn, path)
        except StepFailed as failed:
            if is_catchable(failed.error):
                await run_steps(self.finally_stack, turn, f"{path}/finally/")
            raise
        except (BreakLoop, ContinueLoop, StopTask):
            await run_steps(self.finally_stack, turn, f"{path}/finally/")
            raise
        else:
            await run_steps(self.finally_stack, turn, f"{path}/finally/")

    async def _caught(self, turn: Turn, path: str) -> None:
        try:
            await run_steps(self.try_stack, turn, f"{path}/try/")
        except StepFailed as failed:
            if not is_catchable(failed.error):
                raise
            reserved = turn.scope.reserved
            before = reserved["error"]
            reserved["error"] = error_of(failed)
            try:
                await run_steps(self.catch_stack, turn, f"{path}/catch/")
            finally:
                reserved["error"] = before


class Parallel(Step):
    """Runs stacks side by side; each sees a copy of the names, ``as`` gets what they made."""

    function: Literal["parallel"]
    stacks: "tuple[tuple[AnyStep, ...], ...] | dict[str, tuple[AnyStep, ...]]" = Field(
        description="A list of stacks, or an object of them; the result has the same shape."
    )
    concurrency: OptionalValue = Field(None, description="How many at once; without it all.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None]:
        turn.trace(path, self.function)
        return self._run(turn, path)

    async def _run(self, turn: Turn, path: str) -> None:
        stacks = self.stacks if isinstance(self.stacks, dict) else dict(enumerate(self.stacks))
        branches = [_branch(f"{path}/{escaped(str(key))}/", steps) for key, steps in stacks.items()]
        most = branches_of(self.concurrency, turn) or _MOST_BRANCHES
        made = await run_branches(turn, branches, most=most)
        if self.as_ is not None:
            named = isinstance(self.stacks, dict)
            turn.scope.assign(self.as_, dict(zip(stacks, made, strict=True)) if named else made)


def _branch(prefix: str, steps: "tuple[AnyStep, ...]") -> Branch:
    async def work(turn: Turn) -> bool:
        await run_steps(steps, turn, prefix)
        return False

    return Branch(prefix, work)


def branches_of(value: OptionalValue, turn: Turn) -> int | None:
    """How many branches may run at once, if that is said.

    Raises:
        StepError: ``field_invalid``.
    """
    if value is None:
        return None
    return whole_of(value.evaluate(turn.scope), "concurrency", least=1, most=_MOST_BRANCHES)


def escaped(name: str) -> str:
    """A part of a path."""
    return name.replace("~", "~0").replace("/", "~1") or "~2"


class Break(Step):
    """Ends the loop that it stands in."""

    function: Literal["break"]

    def perform(self, turn: Turn, path: str) -> None:
        turn.trace(path, self.function)
        raise BreakLoop(path)


class Continue(Step):
    """Ends the round of the loop that it stands in."""

    function: Literal["continue"]

    def perform(self, turn: Turn, path: str) -> None:
        turn.trace(path, self.function)
        raise ContinueLoop(path)


class Stop(Step):
    """Ends the task; it has succeeded."""

    function: Literal["stop"]

    def perform(self, turn: Turn, path: str) -> None:
        turn.trace(path, self.function)
        raise StopTask(path)


class ThrowError(Step):
    """Fails, with a message and a code of your own."""

    function: Literal["throw_error"]
    message: Value = Field(description="What is wrong, for people.")
    code: OptionalValue = Field(None, description="The same for programs; without it `thrown`.")

    def perform(self, turn: Turn, path: str) -> None:
        message, code = settled_all([self.message, self.code], turn, f"{path}?", self.function)
        message = as_text(message)
        raise StepError(
            message[:_LONGEST_MESSAGE] or "A step threw an error without a message.",
            code="thrown" if code is None else as_text(code)[:_LONGEST_CODE] or "thrown",
        )


_LONGEST_MESSAGE, _LONGEST_CODE = 10_000, 100


class Sleep(Step):
    """Waits; for more than two seconds the run is parked and holds no worker."""

    function: Literal["sleep"]
    seconds: Value = Field(
        validation_alias=AliasChoices("seconds", "duration"), description="How long, in seconds."
    )

    touches_world: ClassVar[bool] = True

    async def perform(self, turn: Turn, path: str) -> None:
        delay_us = 0
        if turn.replayed(path) is NOT_DONE:
            value = self.seconds.evaluate(turn.scope)
            delay_us = int(number_of(value, "seconds", least=0, most=MAX_WAIT_S) * US_PER_S)
        await pause(turn, path, delay_us, self.function)
