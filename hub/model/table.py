"""Table: a named set of records, whose columns may be declared."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from hub.errors import InvalidError
from hub.model.filter import Compare, Filter, FilterError, instant, map_values, parse_filter
from hub.model.json import Json, dumps_text
from hub.model.record import RESERVED_FIELDS
from hub.model.time import to_iso

ColumnType: TypeAlias = Literal[
    "text", "integer", "number", "boolean", "datetime", "list", "object", "any"
]
ColumnName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
TableName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
FieldName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MAX_COLUMNS = 200
_INDEXED = ("text", "integer", "number", "datetime")
_KINDS: dict[str, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "datetime": "an ISO 8601 date and time",
    "list": "a list",
    "object": "an object",
    "any": "any value",
}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Shape):
    """A declared column."""

    type: ColumnType = Field("any", description="What its values are; null is a value of each.")
    required: bool = Field(False, description="A record must have it, and not as null.")
    default: Any = Field(None, description="Its value where a new record does not give one.")
    enum: tuple[str, ...] | None = Field(
        None, min_length=1, max_length=100, description="Its texts; they are sorted in this order."
    )
    unique: bool = Field(False, description="No two records have the same value; null is free.")
    index: bool = Field(False, description="Filters and sorts by it are quick.")

    @model_validator(mode="after")
    def _fitting(self) -> "Column":
        if self.enum is not None and self.type not in ("text", "any"):
            raise ValueError("'enum' is for columns of type text")
        if (self.unique or self.index) and self.type not in _INDEXED:
            raise ValueError(f"'unique' and 'index' are for columns of {', '.join(_INDEXED)}")
        if self.default is not None:
            fault = self.fault(self.default)
            if fault is not None:
                raise ValueError(f"The default must be {fault}")
        return self

    def fault(self, value: Json) -> str | None:
        """What a value would have to be, if it cannot stand here."""
        if value is None:
            return "a value, and not null" if self.required else None
        if not _is_of(self.type, value):
            return _KINDS[self.type]
        if self.enum is not None and value not in self.enum:
            return f"one of {', '.join(self.enum)}"
        return None


class Live(_Shape):
    """Which changes of a table's records are told, and what of them."""

    filter: dict[str, Any] = Field(
        default_factory=dict, description="Which records are told of; without it all."
    )
    fields: tuple[FieldName, ...] | None = Field(
        None,
        max_length=MAX_COLUMNS,
        description="What is told of a record beside its id and times; without it all of it.",
    )

    @field_validator("filter")
    @classmethod
    def _meaning_something(cls, found: dict[str, Any]) -> dict[str, Any]:
        try:
            parse_filter(found)
        except FilterError as error:
            raise ValueError(error.message.removesuffix(".")) from error
        return found


class TableSpec(_Shape):
    """What is declared of a table; columns that are not declared hold anything."""

    columns: dict[ColumnName, Column] = Field(
        default_factory=dict, max_length=MAX_COLUMNS, description="The declared columns, by name."
    )
    live: Annotated[
        Annotated[bool, Tag("all")] | Annotated[Live, Tag("some")],
        Discriminator(lambda given: "some" if isinstance(given, (dict, Live)) else "all"),
    ] = Field(False, description="Changes of its records are told on the channel `tables.NAME`.")

    @model_validator(mode="after")
    def _none_of_ours(self) -> "TableSpec":
        for name in self.columns:
            if name in RESERVED_FIELDS:
                raise ValueError(f"{name!r} is a column of every table: leave it out")
        return self

    @property
    def unique(self) -> tuple[str, ...]:
        """The columns whose values are unique."""
        return tuple(name for name, each in self.columns.items() if each.unique)

    def complete(self, doc: Mapping[str, Json]) -> dict[str, Json]:
        """A new record's fields, with defaults where there are none."""
        given = {n: c.default for n, c in self.columns.items() if c.default is not None}
        return self.settle({**given, **doc})

    def settle(self, doc: Mapping[str, Json]) -> dict[str, Json]:
        """Fields with declared dates in the one form whose text order is their order."""
        settled = dict(doc)
        for name, column in self.columns.items():
            if column.type == "datetime" and name in doc:
                settled[name] = _date(doc[name])
        return settled

    def settle_filter(self, found: Filter) -> Filter:
        """A filter that compares declared dates in the form that they are kept in."""
        dates = {name for name, column in self.columns.items() if column.type == "datetime"}
        return map_values(found, lambda each: _settled(each, dates)) if dates else found

    def faults(self, doc: Mapping[str, Json]) -> dict[str, str]:
        """What is wrong with a whole record: sentences by column."""
        found = {}
        for name, column in self.columns.items():
            fault = column.fault(doc.get(name))
            if fault is not None:
                got = "" if doc.get(name) is None else f", not {_shown(doc[name])}"
                found[name] = f"{name!r} must be {fault}{got}."
        return found

    def check(self, doc: Mapping[str, Json]) -> None:
        """Refuse a record that does not fit.

        Raises:
            InvalidError: ``record_invalid``, with ``faults`` by column.
        """
        faults = self.faults(doc)
        if faults:
            raise InvalidError(" ".join(faults.values()), code="record_invalid", faults=faults)


UNDECLARED = TableSpec()


def _is_of(kind: ColumnType, value: Json) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "datetime":
            return instant(value) is not None
        case "list":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return True


def _date(value: Json) -> Json:
    """A date in the one form whose text order is their order; anything else as it is."""
    at = instant(value)
    return value if at is None else to_iso(at)


def _settled(compared: Compare, dates: set[str]) -> Any:
    value = compared.value
    if compared.path not in dates or compared.operator in ("$contains", "$starts_with"):
        return value
    return [_date(each) for each in value] if isinstance(value, list) else _date(value)


def _shown(value: Json) -> str:
    text = dumps_text(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
