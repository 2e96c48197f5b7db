"""Steps that repeat."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from hub.errors import StepError
from hub.expr import truthy
from hub.model.json import Json
from hub.stack.branches import Branch, run_branches
from hub.stack.interpret import BreakLoop, ContinueLoop, StepFailed, is_catchable, run_steps
from hub.stack.step import OptionalValue, Step, Value, settled, whole_of
from hub.stack.steps.control import branches_of
from hub.stack.turn import MAX_STEPS, Turn

if TYPE_CHECKING:
    from hub.stack.steps import AnyStep


async def ends_loop(steps: "Sequence[Step]", turn: Turn, prefix: str) -> bool:
    """Run a round; whether it breaks the loop off."""
    try:
        await run_steps(steps, turn, prefix)
    except ContinueLoop:
        return False
    except BreakLoop:
        return True
    return False


class ForEachLoop(Step):
    """Runs a stack for every item of a list; ``loop_item`` and ``loop_index`` name it."""

    function: Literal["for_each_loop"]
    array: Value = Field(description="The list.")
    function_stack: "tuple[AnyStep, ...]" = Field(
        validation_alias=AliasChoices("function_stack", "inner_functions", "functions", "steps"),
        description="Runs for each item.",
    )
    concurrency: OptionalValue = Field(
        None, description="So many items at once, each with a copy of the names."
    )
    on_error: Literal["stop", "continue"] = Field(
        "stop", description="Whether a failed item ends the loop; if not, the others go on."
    )

    @model_validator(mode="after")
    def _as_needs_branches(self) -> Self:
        if self.as_ is not None and self.concurrency is None:
            raise ValueError(
                "'as' gets what the branches of a loop with 'concurrency' made; without it the "
                "steps share their variables: use one of those"
            )
        return self

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        items = self.compute(self.array, turn, path)
        if items is None or items == []:
            if self.as_ is not None:
                turn.scope.assign(self.as_, [])
            return None
        if not isinstance(items, list):
            raise StepError("'array' must be a list.", code="field_invalid")
        most = branches_of(self.concurrency, turn)
        if most is None:
            return self._one_by_one(items, turn, path)
        return self._side_by_side(items, turn, path, most)

    async def _one_by_one(self, items: list[Any], turn: Turn, path: str) -> None:
        reserved = turn.scope.reserved
        outer = reserved["loop_item"], reserved["loop_index"]
        try:
            for index, item in enumerate(items):
                reserved["loop_item"], reserved["loop_index"] = item, index
                if await self._round(turn, f"{path}/{index}/"):
                    return
        finally:
            reserved["loop_item"], reserved["loop_index"] = outer

    async def _round(self, turn: Turn, prefix: str) -> bool:
        try:
            return await ends_loop(self.function_stack, turn, prefix)
        except StepFailed as failed:
            if self.on_error == "stop" or not is_catchable(failed.error):
                raise
        return False

    async def _side_by_side(self, items: list[Any], turn: Turn, path: str, most: int) -> None:
        branches = [self._branch(f"{path}/{n}/", item, n) for n, item in enumerate(items)]
        go_on = self.on_error == "continue"
        made = await run_branches(turn, branches, most=most, go_on=go_on)
        if self.as_ is not None:
            turn.scope.assign(self.as_, made)

    def _branch(self, prefix: str, item: Json, index: int) -> Branch:
        async def work(turn: Turn) -> bool:
            reserved = turn.scope.reserved
            reserved["loop_item"], reserved["loop_index"] = item, index
            return await ends_loop(self.function_stack, turn, prefix)

        return Branch(prefix, work)


class WhileLoop(Step):
    """Runs a stack as long as a condition holds; ``loop_index`` counts the rounds."""

    function: Literal["while_loop"]
    condition: Value = Field(description="Looked at before each round.")
    function_stack: "tuple[AnyStep, ...]" = Field(description="Runs in each round.")
    max: OptionalValue = Field(
        None, description="More rounds are an error; without it the run's own limit of steps."
    )

    def perform(self, turn: Turn, path: str) -> Awaitable[None]:
        turn.trace(path, self.function)
        return self._loop(turn, path)

    async def _loop(self, turn: Turn, path: str) -> None:
        most = self._most(turn, path)
        reserved = turn.scope.reserved
        outer, index = reserved["loop_index"], 0
        try:
            while await self._holds(turn, f"{path}/{index}?"):
                if index >= most:
                    raise StepError(
                        f"The condition still holds after {most:,} rounds (max).", code="loop_limit"
                    )
                reserved["loop_index"] = index
                if await ends_loop(self.function_stack, turn, f"{path}/{index}/"):
                    return
                index += 1
        finally:
            reserved["loop_index"] = outer

    async def _holds(self, turn: Turn, path: str) -> bool:
        """Looking counts as a step: its clock is its own, and it is journaled by itself."""
        waiting = turn.begin_step(path)
        if waiting is not None:
            await waiting
        return truthy(settled(self.condition, turn, path, self.function))

    def _most(self, turn: Turn, path: str) -> int:
        if self.max is None:
            return MAX_STEPS
        value = settled(self.max, turn, f"{path}/max?", self.function)
        return whole_of(value, "max", least=0, most=MAX_STEPS)
