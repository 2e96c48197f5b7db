"""Change: what is done to the records that a query means, inside one commit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from hub.errors import HubError, InvalidError
from hub.model.json import Json
from hub.model.query import Query
from hub.model.record import Record
from hub.model.table import UNDECLARED, TableSpec

_INT_BITS = 4_096


INCREASE = "$inc"


def split_increases(fields: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Any]]:
    """What is set, and what is added to: ``{"count": {"$inc": 1}}``.

    Raises:
        InvalidError: ``record_invalid``: what is to be added is no number.
    """
    amounts = {
        name: value[INCREASE]
        for name, value in fields.items()
        if isinstance(value, dict) and list(value) == [INCREASE]
    }
    check_amounts(amounts)
    return {name: value for name, value in fields.items() if name not in amounts}, amounts


def check_amounts(amounts: Mapping[str, Json]) -> None:
    """Refuse what cannot be added.

    Raises:
        InvalidError: ``record_invalid``, with ``faults`` by field.
    """
    faults = {
        name: f"What is added to {name!r} must be a number."
        for name, amount in amounts.items()
        if isinstance(amount, bool) or not isinstance(amount, (int, float))
    }
    if faults:
        raise InvalidError(" ".join(faults.values()), code="record_invalid", faults=faults)


@dataclass(frozen=True, slots=True)
class Change:
    """``set`` is merged at top level, ``increase`` is added to numbers (null counts as 0)."""

    query: Query
    at: int
    """The new ``updated_at``."""
    set: Mapping[str, Json] = field(default_factory=dict)
    increase: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, Json] | None = None
    """The record that is added where nothing matches."""
    removes: bool = False
    """What matches is deleted."""
    most_bytes: int | None = None
    """So much text the documents that match may be."""
    skips: bool = False
    """What another transaction has locked is passed over: a claim takes what is free."""
    spec: TableSpec = UNDECLARED
    entry: Callable[["Outcome"], bytes] = field(default=lambda _: b"", compare=False)
    """The journal row that says what came of it; nothing is journaled where it is empty."""

    def adding(self, doc: Mapping[str, Json]) -> "Change":
        """The same, with the record that is added where nothing matches."""
        return replace(self, adds=doc)

    def apply(self, record: Record) -> Record:
        """The record with this done to it.

        Raises:
            InvalidError: ``record_invalid``, ``increase_invalid``.
        """
        doc = {**record.doc, **self.set}
        for name, amount in self.increase.items():
            doc[name] = _sum(name, doc.get(name), amount)
        doc = self.spec.settle(doc)
        self.spec.check(doc)
        return replace(record, doc=doc, updated_at=self.at)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The records as they are now, or were; ``added``: the only one is new."""

    records: list[Record] = field(default_factory=list)
    added: bool = False
    error: HubError | None = None
    """Why nothing was done; what else stands in the segment is committed all the same."""


def _sum(name: str, value: Json, amount: Any) -> Any:
    if value is None:
        value = 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidError(
            f"{name!r} holds no number, so nothing can be added to it.", code="increase_invalid"
        )
    try:
        total = value + amount
        fits = isfinite(total) if isinstance(total, float) else total.bit_length() <= _INT_BITS
    except OverflowError:  # a whole number beyond every fraction, and a fraction
        fits = False
    if not fits:
        raise InvalidError(f"{name!r} would become too large.", code="increase_invalid")
    return total
