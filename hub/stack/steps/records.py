"""Steps on records of tables."""

from collections.abc import Awaitable
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.errors import StepError
from hub.model.json import Json
from hub.model.query import Direction, Query
from hub.model.record import RESERVED_FIELDS, Record, check_table, check_text
from hub.model.time import from_iso, to_iso
from hub.stack.scope import check_name
from hub.stack.step import (
    OptionalValue,
    Step,
    Value,
    check_levels,
    count_of,
    object_of,
    settled,
)
from hub.stack.turn import NOT_DONE, Turn

_IDS_END = 2**63


class RecordStep(Step):
    """A step on one table, done once; its result takes the table's name."""

    touches_world: ClassVar[bool] = True

    table: Value = Field(description="The table; it appears on first use.")

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


class AddRecord(RecordStep):
    """Adds a record; the table's name then holds it, with its ``id``."""

    function: Literal["add_record"]
    data: Value = Field(description="The record's fields.")

    async def act(self, turn: Turn, table: str) -> Json:
        doc = dict(object_of(self.data.evaluate(turn.scope), "data"))
        if "id" in doc:
            raise StepError("'id' is given by the hub: leave it out of 'data'.", code="id_given")
        now = turn.scope.now_us()
        created_at = _moment(doc.pop("created_at", None), now)
        doc.pop("updated_at", None)
        check_levels(check_text(doc), "data")
        record = Record(table, await turn.world.take_id(table), doc, created_at, now)
        turn.effects.added[table, record.id] = record
        return record.as_fields()


class EditRecord(RecordStep):
    """Merges ``data`` into a record at top level; a missing one raises."""

    function: Literal["edit_record"]
    record_id: Value = Field(description="The record's id.")
    data: Value = Field(description="The fields to change.")

    async def act(self, turn: Turn, table: str) -> Json:
        wanted = self.record_id.evaluate(turn.scope)
        record_id = _record_id(wanted)
        changes = object_of(self.data.evaluate(turn.scope), "data")
        record = record_id and await _current(turn, table, record_id)
        if not record:
            named = "null" if wanted is None else str(wanted)[:60]
            raise StepError(f"There is no record {named} in {table}.", code="record_not_found")
        refuse_own_fields(changes)
        doc = {**record.doc, **changes}
        check_levels(check_text(doc), "data")
        changed = Record(table, record.id, doc, record.created_at, turn.scope.now_us(), record.rev)
        key = (table, record.id)
        added = turn.effects.added
        (added if key in added else turn.effects.edited)[key] = changed
        return changed.as_fields()

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, or the table's name where that does not hide something else."""
        held = None if self.as_ else turn.scope.variables.get(table)
        if held is None or (isinstance(held, dict) and held.get("id") == output["id"]):
            turn.scope.assign(self.as_ or table, output)


class GetRecord(RecordStep):
    """Reads one record by ``record_id``, or the first that matches; ``null`` if there is none."""

    function: Literal["get_record"]
    record_id: OptionalValue = Field(None, description="The record's id; null gives null.")
    filter: OptionalValue = Field(None, description="Fields and the values that they must have.")
    sort: OptionalValue = Field(None, description="Which one is the first.")

    async def act(self, turn: Turn, table: str) -> Json:
        if self.record_id is not None:
            record_id = _record_id(self.record_id.evaluate(turn.scope))
            found = await _current(turn, table, record_id) if record_id else None
            return found.as_fields() if found else None
        query = Query(table, _equal(self.filter, turn), _sorting(self.sort, turn), limit=1)
        records = await _find(turn, query)
        return records[0].as_fields() if records else None


class QueryAllRecords(RecordStep):
    """Reads every record that matches; the table's name then holds the list."""

    function: Literal["query_all_records"]
    filter: OptionalValue = Field(None, description="Fields and the values that they must have.")
    sort: OptionalValue = Field(None, description='`{"field": "asc"}` or a list of such.')
    limit: OptionalValue = Field(None, description="At most so many; without it all.")
    offset: OptionalValue = Field(None, description="Leave out so many first.")

    async def act(self, turn: Turn, table: str) -> Json:
        limit = self.limit and self.limit.evaluate(turn.scope)
        offset = self.offset and self.offset.evaluate(turn.scope)
        query = Query(
            table,
            _equal(self.filter, turn),
            _sorting(self.sort, turn),
            limit=None if limit is None else count_of(limit, "limit"),
            offset=0 if offset is None else count_of(offset, "offset"),
        )
        return [record.as_fields() for record in await _find(turn, query)]


def refuse_own_fields(changes: dict[str, Any]) -> None:
    """Raise StepError ``field_reserved`` where ``changes`` names what the hub itself sets."""
    for name in RESERVED_FIELDS:
        if name in changes:
            raise StepError(
                f"{name!r} is set by the hub: leave it out of 'data'.", code="field_reserved"
            )


async def _current(turn: Turn, table: str, record_id: int) -> Record | None:
    """A record as the open segment leaves it, else as it is committed."""
    pending = turn.effects.pending(table, record_id)
    if pending is not None:
        return pending
    await turn.course.settle()
    found = await turn.world.get_record(table, record_id)
    return turn.effects.pending(table, record_id) or found  # another branch was quicker


async def _find(turn: Turn, query: Query) -> list[Record]:
    if turn.effects.touch(query.table):
        await turn.commit()
    else:
        await turn.course.settle()
    return await turn.world.find_records(query)


def _record_id(value: Json) -> int | None:
    """The id that a value stands for; None where no record can have it."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int):
        return value if 0 < value < _IDS_END else None
    raise StepError(
        f"'record_id' must be a number and came out as {str(value)[:60]!r}.", code="field_invalid"
    )


def _moment(value: Json, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, str):
        try:
            moment = from_iso(value)
            to_iso(moment)  # its offset may take it out of the calendar
        except (ValueError, OverflowError):
            pass
        else:
            return moment
    raise StepError("'created_at' must be an ISO 8601 date and time.", code="field_invalid")


def _equal(found: Any, turn: Turn) -> tuple[tuple[str, Json], ...]:
    if found is None:
        return ()
    wanted = object_of(found.evaluate(turn.scope), "filter")
    for path, value in wanted.items():
        if path.startswith("$") or isinstance(value, (dict, list)):
            raise StepError(
                f"The filter on {path!r} must come out as text, a number, true, false or null.",
                code="filter_invalid",
            )
    return tuple(wanted.items())


def _sorting(found: Any, turn: Turn) -> tuple[tuple[str, Direction], ...]:
    value = found and found.evaluate(turn.scope)
    if value is None:
        return ()
    parts = value if isinstance(value, list) else [value]
    pairs = [pair for part in parts for pair in object_of(part, "sort").items()]
    for path, direction in pairs:
        if direction not in ("asc", "desc"):
            raise StepError(f"The sort by {path!r} must be 'asc' or 'desc'.", code="sort_invalid")
    return tuple(pairs)
