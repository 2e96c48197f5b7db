"""Records of tables: numbers, documents, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import bindparam, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.errors import LimitError
from hub.model.filter import TIMES
from hub.model.json import Json, loads
from hub.model.query import Aggregate, Query
from hub.model.record import Record, check_text
from hub.model.time import to_iso
from hub.store.filter import aggregate_of, count_of, delete_of, select_of, size_of
from hub.store.ledger import Write
from hub.store.outbox import tell_changes
from hub.store.schema import records, tables
from hub.store.statement import insert_of, one_of
from hub.store.tx import Row, Tx

_INT64 = 2**63
_FEW = 10
_REMOVED_AT_ONCE = 1_000
_INSERT = insert_of(records)
_CHANGE = (
    update(records)
    .where(records.c.table_name == bindparam("of_table"), records.c.id == bindparam("of_id"))
    .values(doc=bindparam("new_doc"), updated_at=bindparam("at"), rev=records.c.rev + 1)
)
_REVISIONS = (
    select(records.c.id, records.c.rev)
    .where(records.c.table_name == bindparam("of_table"), one_of(records.c.id, "ids"))
    .order_by(records.c.id)
    .with_for_update()
)
_COLUMNS = (
    records.c.table_name,
    records.c.id,
    records.c.doc,
    records.c.created_at,
    records.c.updated_at,
    records.c.rev,
)
_THESE = (
    select(*_COLUMNS)
    .where(records.c.table_name == bindparam("of_table"), one_of(records.c.id, "ids"))
    .order_by(records.c.id)
    .with_for_update()
)
_GET = select(*_COLUMNS).where(
    records.c.table_name == bindparam("of_table"), records.c.id == bindparam("of_id")
)
_DELETE = delete(records).where(
    records.c.table_name == bindparam("of_table"), records.c.id == bindparam("of_id")
)

Key: TypeAlias = tuple[str, int]
"""A table and the number of a record."""

_first_ids = insert(tables).values(name=bindparam("name"), next_id=bindparam("count") + literal(1))
_TAKE_IDS = _first_ids.on_conflict_do_update(
    index_elements=["name"], set_={"next_id": tables.c.next_id + bindparam("count")}
).returning(tables.c.next_id)


def insert_records(tx: Tx, added: Sequence[Record]) -> None:
    """Insert records inside a transaction; their numbers were taken before."""
    tx.many(
        _INSERT,
        [
            {
                "table_name": record.table,
                "id": record.id,
                "doc": check_text(record.doc),
                "rev": record.rev,
                "created_at": record.created_at,
                "updated_at": record.updated_at,
            }
            for record in added
        ],
    )
    if tx.live:
        tell_changes(tx, [(None, record) for record in added])


def change_records(tx: Tx, edited: Sequence[Record]) -> None:
    """Give records their new documents inside a transaction that has them locked."""
    before = _if_live(tx, [(record.table, record.id) for record in edited])
    tx.many(
        _CHANGE,
        [
            {
                "of_table": record.table,
                "of_id": record.id,
                "new_doc": check_text(record.doc),
                "at": record.updated_at,
            }
            for record in edited
        ],
    )
    if before:
        known = [(before.get((each.table, each.id)), each) for each in edited]
        tell_changes(tx, [pair for pair in known if pair[0] is not None])


def _if_live(tx: Tx, keys: Sequence[Key]) -> dict[Key, Record]:
    """Those of live tables as they stand, locked; of other tables nothing is looked up."""
    found: dict[Key, Record] = {}
    if not tx.live:
        return found
    live = sorted({key for key in keys if key[0] in tx.live})
    for table, group in groupby(live, key=lambda key: key[0]):
        rows = tx.rows(_THESE, {"of_table": table, "ids": [record_id for _, record_id in group]})
        found |= {(table, row[1]): record_of(row) for row in rows}
    return found


def revisions(tx: Tx, keys: Sequence[Key]) -> dict[Key, int]:
    """Lock these records, in order, and give the ``rev`` of those that exist."""
    found = {}
    for table, group in groupby(keys, key=lambda key: key[0]):
        ids = [record_id for _, record_id in group]
        for record_id, rev in tx.rows(_REVISIONS, {"of_table": table, "ids": ids}):
            found[table, record_id] = rev
    return found


@dataclass(frozen=True, slots=True)
class TakeIds:
    """Ask for ``count`` numbers of a table's records; the table appears on first use."""

    table: str
    count: int


def take_ids(tx: Tx, table: str, count: int) -> range:
    """Take numbers for records inside a transaction; the table appears on first use."""
    end = int(tx.rows(_TAKE_IDS, {"name": table, "count": count})[0][0])
    return range(end - count, end)


def _take_ids(tx: Tx, wishes: Sequence[TakeIds]) -> list[range]:
    taken: dict[int, range] = {}
    for place in sorted(range(len(wishes)), key=lambda at: wishes[at].table):
        taken[place] = take_ids(tx, wishes[place].table, wishes[place].count)
    return [taken[place] for place in range(len(wishes))]


TAKE_IDS: Write[TakeIds, range] = Write("take_ids", 60, _take_ids)
"""Take numbers for new records: never given twice, gaps are possible."""


def _insert_lists(tx: Tx, lists: Sequence[Sequence[Record]]) -> list[None]:
    insert_records(tx, [record for added in lists for record in added])
    return [None] * len(lists)


INSERT: Write[Sequence[Record], None] = Write("insert_records", 53, _insert_lists)
"""Insert records that have their numbers: all of them or none."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Delete one record."""

    table: str
    id: int


def remove_records(tx: Tx, keys: Sequence[Key]) -> None:
    """Delete records inside a transaction; what is not there is passed over."""
    before = _if_live(tx, keys)
    tx.many(_DELETE, [{"of_table": table, "of_id": record_id} for table, record_id in sorted(keys)])
    tell_changes(tx, [(record, None) for record in before.values()])


def _remove(tx: Tx, removals: Sequence[Removal]) -> list[bool]:
    before = _if_live(tx, [(each.table, each.id) for each in removals])
    gone = [bool(tx.run(_DELETE, {"of_table": each.table, "of_id": each.id})) for each in removals]
    tell_changes(tx, [(record, None) for record in before.values()])
    return gone


REMOVE: Write[Removal, bool] = Write("remove_record", 52, _remove)


def get_record(tx: Tx, table: str, record_id: int) -> Record | None:
    """One record, or None."""
    rows = tx.rows(_GET, {"of_table": table, "of_id": record_id})
    return record_of(rows[0]) if rows else None


def find_records(tx: Tx, query: Query, most_bytes: int | None = None) -> list[Record]:
    """The records that a query asks for; ``most_bytes`` bounds their documents' text.

    Raises:
        InvalidError: ``filter_invalid``, ``sort_invalid``.
        LimitError: ``limit_memory``.
    """
    refuse_too_large(tx, query, most_bytes)
    return [record_of(row) for row in tx.rows(*select_of(query))]


def refuse_too_large(tx: Tx, query: Query, most_bytes: int | None) -> None:
    """Look how large the documents are together, before they are read.

    Raises:
        LimitError: ``limit_memory``.
    """
    is_small = query.limit is not None and query.limit <= _FEW
    if most_bytes is None or is_small:
        return
    [[size]] = tx.rows(*size_of(query))
    if size > most_bytes:
        raise _too_large(query.table, most_bytes)


def _too_large(table: str, most_bytes: int) -> LimitError:
    """More matches than a run may hold in memory."""
    return LimitError(
        f"The records of {table} that match are larger than {most_bytes >> 20} MiB: "
        "take fewer at once (limit, after).",
        code="limit_memory",
    )


def count_records(tx: Tx, query: Query) -> int:
    """How many records match."""
    return int(tx.rows(*count_of(query))[0][0])


def aggregate_records(tx: Tx, wanted: Aggregate) -> list[dict[str, Json]]:
    """The measures of each group: ``{field: value, …, measure: value, …}``."""
    return [_measured(wanted, row) for row in tx.rows(*aggregate_of(wanted))]


def _measured(wanted: Aggregate, row: Row) -> dict[str, Json]:
    groups = len(wanted.group_by)
    found: dict[str, Json] = {
        path: loads(text) for path, text in zip(wanted.group_by, row[:groups], strict=True)
    }
    for n, (name, measure, path) in enumerate(wanted.measures):
        first, second = row[groups + 2 * n], row[groups + 2 * n + 1]
        found[name] = _measure(measure, path, first, second)
    return found


def _measure(measure: str, path: str, first: Any, second: Any) -> Json:
    """A measure as it is given: sums of nothing are 0, other measures of nothing are null."""
    if measure in ("count", "count_unique"):
        return int(first or 0)
    if measure == "sum":
        return _plain(first) if first is not None else 0
    if measure == "avg":
        return _plain(first / second) if second else 0
    if path in TIMES and first is not None:
        return to_iso(int(first))
    return _plain(first) if first is not None else second


def _plain(number: Any) -> Json:
    """A number as JSON has it, the same from both databases.

    Whole ones of 64 bits are exact; of others 15 digits count, which is what both can give.
    """
    if isinstance(number, int):
        return number
    if abs(number) < _INT64 and number == int(number):
        return int(number)
    return float(f"{float(number):.15g}")


def _remove_where(tx: Tx, queries: Sequence[Query]) -> list[int]:
    return [
        _remove_telling(tx, query) if query.table in tx.live else len(tx.rows(*delete_of(query)))
        for query in queries
    ]


def _remove_telling(tx: Tx, query: Query) -> int:
    """Part by part: what is to be told of has to be read, and may be more than memory holds."""
    some, count = replace(query, limit=_REMOVED_AT_ONCE), 0
    while True:
        found = [record_of(row) for row in tx.rows(*select_of(some, lock="wait"))]
        tx.many(_DELETE, [{"of_table": each.table, "of_id": each.id} for each in found])
        tell_changes(tx, [(record, None) for record in found])
        count += len(found)
        if len(found) < _REMOVED_AT_ONCE:
            return count


REMOVE_WHERE: Write[Query, int] = Write("remove_records", 54, _remove_where)
"""Delete what a filter means; gives the number."""


def table_names(tx: Tx) -> list[str]:
    """Every table that has been used."""
    return [row[0] for row in tx.rows(_NAMES)]


_NAMES = select(tables.c.name).order_by(tables.c.name)


def record_of(row: Row) -> Record:
    """A record from a row of its columns."""
    table, record_id, doc, created_at, updated_at, rev = row
    return Record(table, record_id, loads(doc), created_at, updated_at, rev)
