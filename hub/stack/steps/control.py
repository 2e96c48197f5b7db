"""Steps that choose and repeat."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from hub.errors import StepError
from hub.expr import truthy
from hub.stack.interpret import run_steps
from hub.stack.step import Step, Value
from hub.stack.turn import Turn

if TYPE_CHECKING:
    from hub.stack.steps import AnyStep


class Conditional(Step):
    """Runs one of two stacks."""

    function: Literal["conditional"]
    condition: Value = Field(description="What decides.")
    true_stack: "tuple[AnyStep, ...]" = Field((), description="Runs if it holds.")
    false_stack: "tuple[AnyStep, ...]" = Field((), description="Runs if it does not.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        holds = truthy(self.compute(self.condition, turn, path))
        steps = self.true_stack if holds else self.false_stack
        if not steps:
            return None
        return run_steps(steps, turn, f"{path}/{'true' if holds else 'false'}/")


class ForEachLoop(Step):
    """Runs a stack for every item of a list; ``loop_item`` and ``loop_index`` name it."""

    function: Literal["for_each_loop"]
    array: Value = Field(description="The list.")
    function_stack: "tuple[AnyStep, ...]" = Field(description="Runs for each item.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        items = self.compute(self.array, turn, path)
        if items is None or items == []:
            return None
        if not isinstance(items, list):
            raise StepError("'array' must be a list.", code="field_invalid")
        return self._loop(items, turn, path)

    async def _loop(self, items: list[Any], turn: Turn, path: str) -> None:
        reserved = turn.scope.reserved
        outer = reserved["loop_item"], reserved["loop_index"]
        for index, item in enumerate(items):
            reserved["loop_item"], reserved["loop_index"] = item, index
            await run_steps(self.function_stack, turn, f"{path}/{index}/")
        reserved["loop_item"], reserved["loop_index"] = outer
