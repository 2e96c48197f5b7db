"""Filters, sorts and changes of fields, as they are written in steps on tables.

Operators count only where they stand literally in the document: what an expression gives is a
value to compare with or to keep, never an operator. Else whoever sends ``{"$ne": null}`` where
a token is expected would match every record.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from hub.errors import InvalidError, StepError
from hub.expr import Compiled, DictContext
from hub.model.change import INCREASE, check_amounts
from hub.model.filter import (
    EVERYTHING,
    Compare,
    Filter,
    FilterError,
    check_value,
    map_values,
    parse_filter,
    values_of,
)
from hub.model.filter import as_json as filter_as_json
from hub.model.json import Json
from hub.model.query import Place, Sort, parse_sort, place_of
from hub.model.record import RESERVED_FIELDS
from hub.model.table import TableSpec
from hub.stack.places import escaped
from hub.stack.step import (
    Composed,
    OptionalValue,
    Value,
    checked,
    compiled,
    count_of,
    object_of,
)
from hub.stack.turn import Turn

_NOTHING = DictContext()


class Selection(Composed):
    """A filter whose operators are as written, and whose values are expressions."""

    def __init__(self, written: Json) -> None:
        self._filter = EVERYTHING if written is None else parse_filter(written, _leaf)
        self.parts = tuple(values_of(self._filter))

    def filter(self, turn: Turn, table: str) -> Filter:
        """The filter with the values of now, dates as the table keeps them.

        Raises:
            FilterError: a value came out as what nothing is compared with.
        """
        return turn.world.table(table).settle_filter(self.settled(turn))

    def shown(self, turn: Turn) -> Json:
        return filter_as_json(self.settled(turn))

    def settled(self, turn: Turn) -> Filter:
        """The filter with the values of now; raises as :meth:`filter`."""

        def value_of(compared: Compare) -> Json:
            value: Compiled = compared.value
            found = value.evaluate(turn.scope)
            check_value(compared.operator, found)
            return found

        return map_values(self._filter, value_of)


def _leaf(operator: str, value: Json, pointer: str) -> Compiled:
    if isinstance(value, (dict, list)):
        check_value(operator, value, pointer)
    found = _compiled_at(value, pointer)
    if found.is_literal:
        check_value(operator, found.evaluate(_NOTHING), pointer)
    return found


def _compiled_at(value: Json, pointer: str) -> Compiled:
    """A value compiled; the place of its fault is told from the whole field."""
    try:
        return compiled(value)
    except PydanticCustomError as error:
        context = error.context or {}
        inner = context.get("pointer", "")
        raise PydanticCustomError(
            "expression", "{message}", {**context, "pointer": pointer + inner}
        ) from error


def _fault(message: str, *keys: str) -> PydanticCustomError:
    """What is wrong with a part of a field that is written out."""
    pointer = "".join(f"/{escaped(key)}" for key in keys)
    return PydanticCustomError("expression", "{message}", {"message": message, "pointer": pointer})


class Fields(Composed):
    """What is changed of a record: ``{"field": value}``, or ``{"field": {"$inc": number}}``."""

    def __init__(self, written: Json) -> None:
        _refuse_no_fields(written)
        plain, amounts = written, {}
        if isinstance(written, dict):
            _refuse_reserved(written, RESERVED_FIELDS)
            plain = {name: value for name, value in written.items() if not _is_operator(value)}
            amounts = {name: v for name, v in written.items() if name not in plain}
        _refuse_operators(plain, amounts)
        self._plain = compiled(plain)
        self._amounts = tuple(_amount(name, each[INCREASE]) for name, each in amounts.items())
        self.parts = (self._plain, *self._amounts)

    @property
    def increases(self) -> bool:
        """Whether anything is added to what is there."""
        return bool(self._amounts)

    def shown(self, turn: Turn) -> Json:
        amounts = self.increase(turn)
        return {**self.set(turn), **{name: {INCREASE: each} for name, each in amounts.items()}}

    def set(self, turn: Turn, field: str = "data") -> dict[str, Any]:
        """The fields that get a value.

        Raises:
            StepError: ``field_invalid``, ``field_reserved``.
        """
        return _free(object_of(self._plain.evaluate(turn.scope), field), field)

    def increase(self, turn: Turn, field: str = "data") -> dict[str, Any]:
        """The fields to which something is added.

        Raises:
            StepError: ``field_reserved``.
            InvalidError: ``record_invalid``.
        """
        amounts: dict[str, Any] = {}
        for each in self._amounts:
            amounts |= each.evaluate(turn.scope)
        check_amounts(amounts)
        return _free(amounts, field)


def _free(values: dict[str, Any], field: str) -> dict[str, Any]:
    """The values, if none is for a field that the hub sets."""
    for name in values:
        if name in RESERVED_FIELDS:
            raise StepError(
                f"{name!r} is set by the hub: leave it out of {field!r}.", code="field_reserved"
            )
    return values


def _is_operator(value: Json) -> bool:
    return isinstance(value, dict) and any(str(key).startswith("$") for key in value)


def _refuse_no_fields(written: Json) -> None:
    """Refuse what can never come out as an object."""
    if not isinstance(written, dict) and not (isinstance(written, str) and "{{" in written):
        raise _fault('Fields stand in an object: {"field": value}.')


def _refuse_reserved(written: dict[str, Any], reserved: Sequence[str]) -> None:
    for name in written:
        if name in reserved:
            raise _fault(f"{name!r} is set by the hub: leave it out.", name)


def _refuse_operators(plain: Json, amounts: dict[str, Any]) -> None:
    for name in plain if isinstance(plain, dict) else ():
        if name.startswith("$"):
            raise _fault(
                f'{name!r} is no field. To add to a number write {{"field": {{"$inc": 1}}}}.', name
            )
    for name, amount in amounts.items():
        if list(amount) != [INCREASE]:
            raise _fault(
                "Of operators a change of fields knows $inc alone, which stands by itself: "
                '{"field": {"$inc": 1}}.',
                name,
            )


def _amount(name: str, written: Json) -> Compiled:
    """One field with what is added to it; both may be expressions."""
    found = compiled({name: written})
    if found.is_literal:
        try:
            check_amounts(found.evaluate(_NOTHING))
        except InvalidError as error:
            raise _fault(error.message, name, INCREASE) from error
    return found


def _new_fields(written: Json) -> Json:
    _refuse_no_fields(written)
    if isinstance(written, dict):
        _refuse_reserved(written, ["id"])
    return written


NewFields = Annotated[Value, BeforeValidator(_new_fields)]
"""A field that holds the fields of a new record."""


def _selection(written: Any) -> Selection:
    try:
        return Selection(written)
    except FilterError as error:
        fault = {"message": error.message, "pointer": error.details.get("pointer", "")}
        raise PydanticCustomError("expression", "{message}", fault) from error


Where = Annotated[Selection, PlainValidator(_selection), WithJsonSchema({})]
"""A field that holds a filter."""
OptionalWhere = Annotated[Selection | None, PlainValidator(_selection), WithJsonSchema({})]
Data = Annotated[Fields, PlainValidator(Fields), WithJsonSchema({})]
"""A field that holds changes of a record's fields."""


SortBy = Annotated[OptionalValue, checked(parse_sort)]
"""A field that holds an order."""
Limit = Annotated[OptionalValue, checked(lambda value: value is None or count_of(value, "limit"))]
"""A field that holds a number of records."""


def sort_of(value: Compiled | None, turn: Turn, spec: TableSpec) -> tuple[Sort, ...]:
    """The order that a step asks for.

    Raises:
        InvalidError: ``sort_invalid``.
    """
    return () if value is None else parse_sort(value.evaluate(turn.scope), spec)


def limit_of(value: Compiled | None, turn: Turn, field: str) -> int | None:
    """A number of records; None where none is given.

    Raises:
        StepError: ``field_invalid``.
    """
    found = None if value is None else value.evaluate(turn.scope)
    return None if found is None else count_of(found, field)


async def after_of(
    value: Compiled | None, turn: Turn, table: str, sort: tuple[Sort, ...]
) -> Place | None:
    """Behind which record the rest is read: a record, or its id; null is before the first.

    Raises:
        StepError: ``field_invalid``, ``record_not_found``.
    """
    found = None if value is None else value.evaluate(turn.scope)
    if found is None or found == 0:
        return None
    if isinstance(found, dict) and isinstance(found.get("id"), int):
        return place_of(found, sort)
    record_id = count_of(found, "after")
    if not sort:
        return Place(record_id)
    record = await turn.world.get_record(table, record_id)
    if record is None:
        raise StepError(
            f"There is no record {record_id} in {table} to go on after: give the whole record "
            "that was the last one of the page before.",
            code="record_not_found",
        )
    return place_of(record.as_fields(), sort)
