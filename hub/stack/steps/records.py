"""Steps on single records, and on lists of them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hub.errors import StepError
from hub.model.adding import new_doc
from hub.model.change import Change, Outcome
from hub.model.filter import Compare
from hub.model.json import Json
from hub.model.query import Query
from hub.model.record import Record, check_text
from hub.stack.memory import MAX_BYTES
from hub.stack.step import OptionalValue, Value, checked, object_of
from hub.stack.steps.pending import current_record, look_for_rivals
from hub.stack.steps.selection import (
    Data,
    Limit,
    NewFields,
    OptionalWhere,
    SortBy,
    after_of,
    limit_of,
    sort_of,
)
from hub.stack.steps.tables import TableStep, change_of, filter_of, find
from hub.stack.turn import Turn

_IDS_END = 2**63


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


RecordId = Annotated[OptionalValue, checked(_record_id)]
"""A field that holds a record's id."""


class AddRecord(TableStep):
    """Adds a record; the table's name then holds it, with its ``id``."""

    function: Literal["add_record"]
    data: NewFields = Field(description="The record's fields.")

    async def act(self, turn: Turn, table: str) -> Json:
        [record] = await add_records(turn, table, [self.data.evaluate(turn.scope)], "data")
        return record.as_fields()


class BulkAddRecords(TableStep):
    """Adds a list of records, all or none; the table's name then holds them."""

    function: Literal["bulk_add_records"]
    records: Value = Field(description="A list of objects.")

    async def act(self, turn: Turn, table: str) -> Json:
        given = self.records.evaluate(turn.scope)
        if not isinstance(given, list):
            raise StepError("'records' must be a list of objects.", code="field_invalid")
        added = await add_records(turn, table, given, "records")
        return [record.as_fields() for record in added]


class _OneRecord(TableStep):
    """A step on a record that is there: by its id, or the first that matches."""

    record_id: RecordId = Field(None, description="The record's id.")
    where: OptionalWhere = Field(None, description="Instead: the first record that matches.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "_OneRecord":
        if (self.record_id is None) == (self.where is None):
            raise ValueError("Give either 'record_id' or 'where'")
        return self

    def meant(self, turn: Turn, table: str) -> Query:
        """The query for that record alone."""
        if self.where is not None:
            return Query(table, self.where.filter(turn, table), limit=1)
        record_id = _record_id(self.record_id and self.record_id.evaluate(turn.scope))
        return Query(table, Compare("id", "$eq", record_id), limit=1)

    def missing(self, turn: Turn, table: str) -> StepError:
        """There is no such record."""
        if self.record_id is None:
            return StepError(f"No record of {table} matches.", code="record_not_found")
        wanted = self.record_id.evaluate(turn.scope)
        named = "null" if wanted is None else str(wanted)[:60]
        return StepError(f"There is no record {named} in {table}.", code="record_not_found")


class EditRecord(_OneRecord):
    """Merges ``data`` into a record at top level; a missing one raises.

    ``{"count": {"$inc": 1}}`` adds to a number, and no other run's change is lost by it.
    """

    function: Literal["edit_record"]
    data: Data = Field(description="The fields to change.")

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        if self.where is None and not self.data.increases:
            await super()._act(turn, path, table)
            return
        missing = self.missing(turn, table)

        def edited(outcome: Outcome) -> Json:
            if not outcome.records:
                raise missing
            return outcome.records[0].as_fields()

        change = change_of(turn, self.meant(turn, table), self.data)
        await self.decide(turn, path, table, change, edited)

    async def act(self, turn: Turn, table: str) -> Json:
        record_id = _record_id(self.record_id and self.record_id.evaluate(turn.scope))
        change = change_of(turn, Query(table), self.data)
        while True:
            before, changed = await self._changed(turn, table, record_id, change)
            if turn.effects.pending(table, changed.id) is before:  # no other branch was quicker
                break
        key = (table, changed.id)
        added = turn.effects.added
        (added if key in added else turn.effects.edited)[key] = changed
        return changed.as_fields()

    async def _changed(
        self, turn: Turn, table: str, record_id: int | None, change: Change
    ) -> tuple[Record | None, Record]:
        """The record as the open segment had it, if it did, and as it is to be."""
        record = record_id and await current_record(turn, table, record_id)
        if not record:
            raise self.missing(turn, table)
        before = turn.effects.pending(table, record.id)
        changed = change.apply(record)
        check_text(changed.doc)
        await look_for_rivals(turn, change.spec, [changed])
        return before, changed

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, or the table's name where that does not hide something else."""
        self.bind_where_free(turn, table, output)


class DeleteRecord(_OneRecord):
    """Deletes a record; ``true`` if there was one. The table's name keeps what it holds."""

    function: Literal["delete_record"]

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        if self.where is None:
            await super()._act(turn, path, table)
            return
        query = self.meant(turn, table)
        change = Change(query, turn.scope.real_us(), removes=True, most_bytes=MAX_BYTES)
        await self.decide(turn, path, table, change, lambda outcome: bool(outcome.records))

    async def act(self, turn: Turn, table: str) -> Json:
        record_id = _record_id(self.record_id and self.record_id.evaluate(turn.scope))
        found = record_id and await current_record(turn, table, record_id)
        if found:
            turn.effects.remove(table, found.id)
        return bool(found)

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, if that is given."""
        self.bind_if_named(turn, output)


class GetRecord(TableStep):
    """Reads one record by ``record_id``, or the first that matches; ``null`` if there is none."""

    function: Literal["get_record"]
    record_id: RecordId = Field(None, description="The record's id; null gives null.")
    filter: OptionalWhere = Field(None, description="Fields and the values that they must have.")
    sort: SortBy = Field(None, description="Which one is the first.")

    async def act(self, turn: Turn, table: str) -> Json:
        if self.record_id is not None:
            record_id = _record_id(self.record_id.evaluate(turn.scope))
            found = await current_record(turn, table, record_id) if record_id else None
            return found.as_fields() if found else None
        sort = sort_of(self.sort, turn, turn.world.table(table))
        records = await find(turn, Query(table, filter_of(self.filter, turn, table), sort, limit=1))
        return records[0].as_fields() if records else None


class QueryAllRecords(TableStep):
    """Reads every record that matches; the table's name then holds the list."""

    function: Literal["query_all_records"]
    filter: OptionalWhere = Field(None, description="Fields and the values that they must have.")
    sort: SortBy = Field(None, description='`{"field": "asc"}` or a list of such.')
    limit: Limit = Field(None, description="At most so many; without it all.")
    offset: Limit = Field(None, description="Leave out so many first.")
    after: OptionalValue = Field(
        None, description="The last record of the page before, or its id: the page behind it."
    )

    async def act(self, turn: Turn, table: str) -> Json:
        sort = sort_of(self.sort, turn, turn.world.table(table))
        query = Query(
            table,
            filter_of(self.filter, turn, table),
            sort,
            limit=limit_of(self.limit, turn, "limit"),
            offset=limit_of(self.offset, turn, "offset") or 0,
            after=await after_of(self.after, turn, table, sort),
        )
        return [record.as_fields() for record in await find(turn, query)]


async def add_records(turn: Turn, table: str, given: list[Json], field: str) -> list[Record]:
    """Put new records into the open segment.

    Raises:
        StepError: ``field_invalid``.
        InvalidError: ``record_invalid``, ``json_unfit``.
        ConflictError: ``not_unique``.
    """
    spec, now = turn.world.table(table), turn.scope.real_us()
    docs = [new_doc(object_of(each, field), spec, now) for each in given]
    if len(docs) == 1:
        ids: Sequence[int] = [await turn.world.take_id(table)]
    else:
        ids = await turn.world.take_ids(table, len(docs)) if docs else ()
    records = [
        Record(table, record_id, doc, created_at, now)
        for record_id, (doc, created_at) in zip(ids, docs, strict=True)
    ]
    await look_for_rivals(turn, spec, records)
    turn.effects.added.update({(table, record.id): record for record in records})
    return records
