"""Records of tables: numbers, documents, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import bindparam, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.errors import NotFoundError
from hub.model.json import Json, loads
from hub.model.query import Query
from hub.model.record import Record, check_text
from hub.store.filter import select_of
from hub.store.ledger import Write
from hub.store.schema import records, tables
from hub.store.statement import insert_of, one_of
from hub.store.tx import Row, Tx

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
_GET = select(*_COLUMNS).where(
    records.c.table_name == bindparam("of_table"), records.c.id == bindparam("of_id")
)
_DELETE = delete(records).where(
    records.c.table_name == bindparam("of_table"), records.c.id == bindparam("of_id")
)

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


def change_records(tx: Tx, edited: Sequence[Record]) -> None:
    """Give records their new documents inside a transaction that has them locked."""
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


def revisions(tx: Tx, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
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


def _take_ids(tx: Tx, wishes: Sequence[TakeIds]) -> list[range]:
    taken: dict[int, range] = {}
    for place in sorted(range(len(wishes)), key=lambda at: wishes[at].table):
        wish = wishes[place]
        end = tx.rows(_TAKE_IDS, {"name": wish.table, "count": wish.count})[0][0]
        taken[place] = range(end - wish.count, end)
    return [taken[place] for place in range(len(wishes))]


TAKE_IDS: Write[TakeIds, range] = Write("take_ids", 60, _take_ids)
"""Take numbers for new records: never given twice, gaps are possible."""


def _add(tx: Tx, added: Sequence[Record]) -> list[Record]:
    insert_records(tx, added)
    return list(added)


ADD: Write[Record, Record] = Write("add_record", 50, _add)


def _add_lists(tx: Tx, lists: Sequence[Sequence[Record]]) -> list[None]:
    insert_records(tx, [record for added in lists for record in added])
    return [None] * len(lists)


ADD_LIST: Write[Sequence[Record], None] = Write("add_records", 53, _add_lists)
"""Add records that belong together: all of them or none."""


@dataclass(frozen=True, slots=True)
class Change:
    """Merge ``changes`` into a record at top level."""

    table: str
    id: int
    changes: dict[str, Json]
    at: int


def _change(tx: Tx, changes: Sequence[Change]) -> list[Record]:
    return [_change_one(tx, change) for change in changes]


def _change_one(tx: Tx, change: Change) -> Record:
    revisions(tx, [(change.table, change.id)])
    record = get_record(tx, change.table, change.id)
    if record is None:
        raise NotFoundError(
            f"There is no record {change.id} in {change.table}.", code="record_not_found"
        )
    doc = {**record.doc, **change.changes}
    changed = Record(record.table, record.id, doc, record.created_at, change.at, record.rev)
    change_records(tx, [changed])
    return changed


CHANGE: Write[Change, Record] = Write("change_record", 51, _change)


@dataclass(frozen=True, slots=True)
class Removal:
    """Delete one record."""

    table: str
    id: int


def _remove(tx: Tx, removals: Sequence[Removal]) -> list[bool]:
    return [bool(tx.run(_DELETE, {"of_table": each.table, "of_id": each.id})) for each in removals]


REMOVE: Write[Removal, bool] = Write("remove_record", 52, _remove)


def get_record(tx: Tx, table: str, record_id: int) -> Record | None:
    """One record, or None."""
    rows = tx.rows(_GET, {"of_table": table, "of_id": record_id})
    return _record(rows[0]) if rows else None


def find_records(tx: Tx, query: Query) -> list[Record]:
    """The records that a query asks for."""
    statement, params = select_of(query)
    return [_record(row) for row in tx.rows(statement, params)]


def table_names(tx: Tx) -> list[str]:
    """Every table that has been used."""
    return [row[0] for row in tx.rows(_NAMES)]


_NAMES = select(tables.c.name).order_by(tables.c.name)


def _record(row: Row) -> Record:
    table, record_id, doc, created_at, updated_at, rev = row
    return Record(table, record_id, loads(doc), created_at, updated_at, rev)
