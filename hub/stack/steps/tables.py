"""What all steps on tables have in common."""

from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar

from pydantic import Field

from hub.model.change import Change, Outcome
from hub.model.filter import EVERYTHING, Filter
from hub.model.json import Json
from hub.model.query import Query
from hub.model.record import Record, check_table
from hub.stack.memory import MAX_BYTES
from hub.stack.scope import check_name
from hub.stack.step import Step, Value, checked, settled
from hub.stack.steps.selection import Fields, Selection
from hub.stack.turn import NOT_DONE, Turn


class TableStep(Step):
    """A step on one table, done once; its result takes the table's name."""

    touches_world: ClassVar[bool] = True

    table: Annotated[Value, checked(check_table)] = Field(
        description="The table; it appears on first use."
    )

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        table = check_table(settled(self.table, turn, f"{path}/table?", self.function))
        check_name(self.as_ or table)
        output = turn.replayed(path)
        if output is not NOT_DONE:
            self.bind(turn, table, output)
            return None
        return self._act(turn, path, table)

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        output = await self.act(turn, table)
        turn.record(path, self.function, output)
        self.bind(turn, table, output)

    async def act(self, turn: Turn, table: str) -> Json:
        """Add the step's effect to the open segment, or read; gives the result."""
        raise NotImplementedError

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind the result to ``as``, else to the table's name."""
        turn.scope.assign(self.as_ or table, output)

    def bind_where_free(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, or the table's name where that does not hide something else."""
        held = None if self.as_ else turn.scope.variables.get(table)
        if held is None or (isinstance(held, dict) and held.get("id") == output["id"]):
            turn.scope.assign(self.as_ or table, output)

    def bind_if_named(self, turn: Turn, output: Json) -> None:
        """Bind the result to ``as``, if that is given."""
        if self.as_ is not None:
            turn.scope.assign(self.as_, output)

    async def decide(
        self,
        turn: Turn,
        path: str,
        table: str,
        change: Change,
        output_of: Callable[[Outcome], Json],
    ) -> None:
        """Commit with a change that is decided there, and bind what it gives."""
        output = await turn.decide(path, self.function, change, output_of)
        self.bind(turn, table, output)


def filter_of(where: Selection | None, turn: Turn, table: str) -> Filter:
    """A filter with the values of now; without one everything matches."""
    return EVERYTHING if where is None else where.filter(turn, table)


def change_of(
    turn: Turn, query: Query, data: Fields, field: str = "data", *, skips: bool = False
) -> Change:
    """The change that a step's fields ask for.

    Raises:
        StepError: ``field_invalid``, ``field_reserved``.
    """
    return Change(
        query,
        turn.scope.real_us(),
        set=data.set(turn, field),
        increase=data.increase(turn, field),
        most_bytes=MAX_BYTES,
        skips=skips,
        spec=turn.world.table(query.table),
    )


async def find(turn: Turn, query: Query) -> list[Record]:
    """Read, behind what the open segment has changed of the table."""
    await see(turn, query.table)
    return await turn.world.find_records(query)


async def see(turn: Turn, table: str) -> None:
    """Make sure that a read sees what was done before."""
    if turn.effects.touch(table):
        await turn.commit()
    else:
        await turn.course.settle()
