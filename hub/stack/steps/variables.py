"""Steps on variables."""

from collections.abc import Awaitable
from typing import Literal

from pydantic import AliasChoices, Field

from hub.stack.step import Step, Value, settled, text_of
from hub.stack.turn import Turn


class AssignStep(Step):
    """Gives a variable a value."""

    name: Value = Field(description="The variable.")
    value: Value = Field(description="Its value.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        scope = turn.scope
        value = self.compute(self.value, turn, path)
        name = settled(self.name, turn, f"{path}/name?", self.function)
        scope.assign(text_of(name, "name"), value)
        if self.as_ is not None:
            scope.assign(self.as_, value)
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
