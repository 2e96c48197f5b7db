"""Steps on variables."""

from collections.abc import Awaitable
from typing import Literal

from pydantic import AliasChoices, Field

from hub.stack.step import Step, Value, text_of
from hub.stack.turn import Turn


class AssignStep(Step):
    """Gives a variable a value."""

    name: Value = Field(description="The variable.")
    value: Value = Field(description="Its value.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        self.observe(turn, path)
        scope = turn.scope
        value = self.value.evaluate(scope)
        scope.assign(text_of(self.name.evaluate(scope), "name"), value)
        if self.as_ is not None:
            scope.assign(self.as_, value)
        if not self._observes:
            turn.trace(path, self.function)
        return None


class CreateVariable(AssignStep):
    """Makes a variable."""

    function: Literal["create_variable"]


class UpdateVariable(AssignStep):
    """Gives a variable a new value."""

    function: Literal["update_variable"]
    name: Value = Field(
        validation_alias=AliasChoices("variable", "name"), description="The variable."
    )
