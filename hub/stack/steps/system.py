"""How busy the hub is, for stacks that give way."""

from typing import Literal

from pydantic import Field

from hub.errors import StepError
from hub.model.json import Json, dumps_text
from hub.stack.step import OptionalValue, Value, WorldStep
from hub.stack.turn import Turn

_LONGEST = 500
METRICS = ("cpu_usage", "memory_usage", "active_tasks")


class SetProgress(WorldStep):
    """Tells how far the run has come: who looks at it sees that with the next commit."""

    function: Literal["set_progress"]
    done: Value = Field(description="How many are done.")
    total: OptionalValue = Field(None, description="Of how many.")
    message: OptionalValue = Field(None, description="What it is at.")

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        done, total = (
            None if each is None else each.evaluate(scope) for each in (self.done, self.total)
        )
        for name, value in (("done", done), ("total", total)):
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise StepError(f"{name!r} must be a number.", code="field_invalid")
        message = None if self.message is None else self.message.evaluate(scope)
        if message is not None:
            message = (message if isinstance(message, str) else dumps_text(message))[:_LONGEST]
        progress = {"done": done, "total": total, "message": message}
        turn.effects.progress = dumps_text(progress)
        return progress


class GetSystemMetrics(WorldStep):
    """Reads how busy the machine is, in percent, and how many runs the whole hub is at.

    A container's limits count. The result is `system_metrics`, or what `as` says.
    """

    function: Literal["get_system_metrics"]
    metrics: OptionalValue = Field(
        None, description=f"Which ones: {', '.join(METRICS)}; without it all."
    )

    async def act(self, turn: Turn, path: str) -> Json:
        wanted = METRICS if self.metrics is None else self.metrics.evaluate(turn.scope)
        names = METRICS if wanted is None else wanted
        if not isinstance(names, (list, tuple)) or any(each not in METRICS for each in names):
            raise StepError(
                f"'metrics' must be a list of {', '.join(METRICS)}.", code="field_invalid"
            )
        found = await turn.world.system_metrics()
        return {name: found[name] for name in names}

    def bind(self, turn: Turn, output: Json) -> None:
        """Bind the figures to ``as``, else to ``system_metrics``."""
        turn.scope.assign(self.as_ or "system_metrics", output)
