"""Unique columns: which records would stand in the way of others."""

from collections.abc import Iterator, Sequence

from hub.errors import ConflictError
from hub.model.filter import And, Compare
from hub.model.query import Query
from hub.model.record import Record
from hub.model.table import TableSpec


def rivals(spec: TableSpec, records: Sequence[Record]) -> Iterator[tuple[str, Query]]:
    """For each unique column the query that finds another record with one of these values.

    Raises:
        ConflictError: ``not_unique``: two of the records themselves have the same value.
    """
    for column in spec.unique if records else ():
        values = [each.doc[column] for each in records if each.doc.get(column) is not None]
        if len(set(values)) < len(values):
            raise not_unique(column)
        if values:
            ids = [each.id for each in records]
            others = And((Compare(column, "$in", values), Compare("id", "$nin", ids)))
            yield column, Query(records[0].table, others, limit=1)


def not_unique(column: str, record_id: int | None = None) -> ConflictError:
    """A value is there already."""
    where = "Another record" if record_id is None else f"Record {record_id}"
    return ConflictError(
        f"{where} has the same {column!r}, which is unique: change that one, or use upsert_record.",
        code="not_unique",
    )
