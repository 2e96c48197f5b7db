"""Steps that are decided inside a commit, or by the database: claims, upserts, measures."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, Field

from hub.errors import StepError
from hub.model.change import Outcome
from hub.model.filter import And, Compare, Filter
from hub.model.json import Json
from hub.model.query import Aggregate, Measure, Query
from hub.model.record import RESERVED_FIELDS
from hub.stack.step import OptionalValue, Value, checked, object_of
from hub.stack.steps.selection import (
    Data,
    Limit,
    OptionalWhere,
    SortBy,
    Where,
    limit_of,
    sort_of,
)
from hub.stack.steps.tables import TableStep, change_of, filter_of, see
from hub.stack.turn import Turn

_MEASURES = get_args(Measure)
_MOST_MEASURES = 50


class ClaimRecords(TableStep):
    """Takes records and marks them in one go: no other run gets the same ones.

    The table's name then holds the list, as it is after the marks.
    """

    function: Literal["claim_records"]
    filter: Where = Field(description="Which records; the marks should take them out of it.")
    set: Data = Field(description="The fields that mark them as taken.")
    sort: SortBy = Field(None, description='`{"field": "asc"}` or a list of such.')
    limit: Limit = Field(None, description="At most so many; without it all.")

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        sort = sort_of(self.sort, turn, turn.world.table(table))
        limit = limit_of(self.limit, turn, "limit")
        query = Query(table, self.filter.filter(turn, table), sort, limit)
        change = change_of(turn, query, self.set, "set", skips=True)
        await self.decide(turn, path, table, change, _all)


class UpsertRecord(TableStep):
    """Merges ``data`` into the first record that matches, or adds one where none does.

    A new record has the values that ``where`` compares with as well.
    """

    function: Literal["upsert_record"]
    where: Where = Field(
        validation_alias=AliasChoices("where", "filter"), description="Which record."
    )
    data: Data = Field(description="The fields to set.")

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        where = self.where.filter(turn, table)
        change = change_of(turn, Query(table, where, limit=1), self.data)
        adds = {**_equals(where), **change.increase, **change.set}
        await self.decide(turn, path, table, change.adding(adds), lambda o: _all(o)[0])

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, or the table's name where that does not hide something else."""
        self.bind_where_free(turn, table, output)


class BulkEditRecords(TableStep):
    """Merges ``data`` into every record that matches, all or none; gives how many there were."""

    function: Literal["bulk_edit_records"]
    filter: Where = Field(
        validation_alias=AliasChoices("filter", "where"), description="Which records."
    )
    data: Data = Field(description="The fields to change.")

    async def _act(self, turn: Turn, path: str, table: str) -> None:
        change = change_of(turn, Query(table, self.filter.filter(turn, table)), self.data)
        await self.decide(turn, path, table, change, lambda o: len(o.records))

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind ``as``, if that is given."""
        self.bind_if_named(turn, output)


class CountRecords(TableStep):
    """Counts the records that match; the number goes to ``as``, or ``count``."""

    function: Literal["count_records"]
    filter: OptionalWhere = Field(None, description="Which records; without it all.")

    async def act(self, turn: Turn, table: str) -> Json:
        await see(turn, table)
        return await turn.world.count_records(Query(table, filter_of(self.filter, turn, table)))

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind the number to ``as``, else to ``count``."""
        turn.scope.assign(self.as_ or "count", output)


def _groups(value: Json) -> tuple[str, ...]:
    paths = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(path, str) for path in paths):
        raise StepError("'group_by' must be a field, or a list of such.", code="field_invalid")
    return tuple(paths)


def _measures(value: Json) -> tuple[tuple[str, Measure, str], ...]:
    wanted = object_of(value, "measures")
    if not wanted or len(wanted) > _MOST_MEASURES:
        raise StepError(
            f"'measures' must name from 1 to {_MOST_MEASURES} measures.", code="field_invalid"
        )
    return tuple(_measure(name, each) for name, each in wanted.items())


def _measure(name: str, value: Json) -> tuple[str, Measure, str]:
    if value == "count":
        return name, "count", ""
    if isinstance(value, dict) and len(value) == 1:
        [(measure, path)] = value.items()
        if measure in _MEASURES and isinstance(path, str):
            return name, measure, path
    raise StepError(
        f'The measure {name!r} must be "count", or one of {{"sum": "field"}} and its kind: '
        f"{', '.join(_MEASURES)}.",
        code="field_invalid",
    )


class AggregateRecords(TableStep):
    """Measures groups of records; the list of groups goes to ``as``, or ``groups``.

    Without ``group_by`` it is one object: the measures of all records together.
    """

    function: Literal["aggregate_records"]
    measures: Annotated[Value, checked(_measures)] = Field(
        description='`{"total": {"sum": "amount"}}`, `{"orders": "count"}`: '
        f"{', '.join(_MEASURES)}."
    )
    group_by: Annotated[OptionalValue, checked(_groups)] = Field(
        None, description="A field, or a list of such."
    )
    filter: OptionalWhere = Field(None, description="Which records; without it all.")
    limit: Limit = Field(None, description="At most so many groups; without it all.")

    async def act(self, turn: Turn, table: str) -> Json:
        wanted = Aggregate(
            table,
            filter_of(self.filter, turn, table),
            _groups(None if self.group_by is None else self.group_by.evaluate(turn.scope)),
            _measures(self.measures.evaluate(turn.scope)),
            limit_of(self.limit, turn, "limit"),
        )
        await see(turn, table)
        found = await turn.world.aggregate_records(wanted)
        return found if self.group_by is not None else found[0]

    def bind(self, turn: Turn, table: str, output: Json) -> None:
        """Bind the list to ``as``, else to ``groups``."""
        turn.scope.assign(self.as_ or "groups", output)


def _all(outcome: Outcome) -> list[Json]:
    return [record.as_fields() for record in outcome.records]


def _equals(where: Filter) -> dict[str, Any]:
    """The fields that a new record has to have to match, as far as that is said plainly."""
    match where:
        case Compare(path, "$eq", value) if "." not in path and path not in RESERVED_FIELDS:
            return {path: value}
        case And(parts):
            return {name: value for each in parts for name, value in _equals(each).items()}
    return {}
