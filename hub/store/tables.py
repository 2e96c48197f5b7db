"""Tables as they are declared, with their indexes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, func, literal, null, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import insert

from hub.errors import ConflictError, InvalidError
from hub.model.difference import Seen
from hub.model.json import loads
from hub.model.query import Place, Query
from hub.model.table import UNDECLARED, Column, TableSpec
from hub.store.ledger import Write
from hub.store.objects import move_on
from hub.store.reach import doc_number, doc_text, place
from hub.store.records import find_records
from hub.store.schema import records, tables
from hub.store.tx import UNIQUE_INDEX, Tx

API, FILE = "api", "file"
_DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}
_NUMBERS = ("integer", "number")
_CHECKED = 1000


@dataclass(frozen=True, slots=True)
class Declare:
    """Declare a table. ``managed_by`` is ``api``, ``file``, or ``stack:NAME``."""

    table: str
    spec: TableSpec
    managed_by: str = API


@dataclass(frozen=True, slots=True)
class Forget:
    """Declare a table no longer. ``managed_by`` is who does it."""

    table: str
    managed_by: str = API


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table as it stands; without ``managed_by`` nobody has declared it."""

    name: str
    spec: TableSpec
    managed_by: str | None


_new = insert(tables).values(
    name=bindparam("name"),
    next_id=literal(1),
    spec=bindparam("spec"),
    managed_by=bindparam("managed_by"),
)
_PUT = _new.on_conflict_do_update(
    index_elements=["name"],
    set_={name: _new.excluded[name] for name in ("spec", "managed_by")},
)
_FORGET = (
    update(tables)
    .where(tables.c.name == bindparam("of_name"))
    .values(spec=null(), managed_by=null())
)
_ALL = select(tables.c.name, tables.c.spec, tables.c.managed_by).order_by(tables.c.name)
_ONE = select(tables.c.name, tables.c.spec, tables.c.managed_by).where(
    tables.c.name == bindparam("of_name")
)
COUNTED = 10_000
"""The records of a table are counted no further."""
_COUNT = select(func.count(literal(1))).select_from(
    select(literal(1)).where(records.c.table_name == bindparam("of_name")).limit(COUNTED).subquery()
)


def all_tables(tx: Tx, /) -> list[StoredTable]:
    """Every table that has been used or declared, by name."""
    return [_stored(row[0], row[1], row[2]) for row in tx.rows(_ALL)]


def find_table(tx: Tx, name: str) -> StoredTable | None:
    """One table, or None."""
    rows = tx.rows(_ONE, {"of_name": name})
    return _stored(*rows[0]) if rows else None


def records_in(tx: Tx, name: str) -> int:
    """How many records a table holds, up to :data:`COUNTED`."""
    return int(tx.rows(_COUNT, {"of_name": name})[0][0])


def tables_in_use(tx: Tx, /) -> dict[str, tuple[StoredTable, int]]:
    """Every table that is declared or holds records, by name, with how many it holds."""
    found = {each.name: (each, records_in(tx, each.name)) for each in all_tables(tx)}
    return {
        name: (each, count)
        for name, (each, count) in found.items()
        if count or each.managed_by is not None
    }


def _stored(name: str, spec: str | None, managed_by: str | None) -> StoredTable:
    return StoredTable(name, TableSpec.model_validate(loads(spec or "{}")), managed_by)


def _declare_all(tx: Tx, wishes: Sequence[Declare]) -> list[bool]:
    changed = [_declare(tx, wish) for wish in wishes]
    if any(changed):
        move_on(tx)
    return changed


def _seen(tx: Tx, name: str) -> Seen:
    """A table by what is declared of it."""
    known = find_table(tx, name)
    if known is None or known.managed_by is None:
        return Seen("table", name, None)
    declared = known.spec.model_dump(mode="json", exclude_defaults=True)
    return Seen("table", name, {"managed_by": known.managed_by, **declared})


DECLARE: Write[Declare, bool] = Write(
    "declare_table", 86, _declare_all, seen=lambda tx, wish: _seen(tx, wish.table)
)
"""Declare a table, and build its indexes; True if anything is new.

Raises ConflictError ``declared_elsewhere``, InvalidError ``record_invalid`` where records that
are there already do not fit.
"""


def declare_of_stack(tx: Tx, stack: str, declared: Mapping[str, TableSpec]) -> None:
    """Let what a stack declares be just this, inside a transaction.

    Raises:
        ConflictError, InvalidError: as :data:`DECLARE` does.
    """
    managed_by = f"stack:{stack}"
    for known in all_tables(tx):
        if known.managed_by == managed_by and known.name not in declared:
            _forget(tx, known)
    for table in sorted(declared):
        _declare(tx, Declare(table, declared[table], managed_by))


def _declare(tx: Tx, wish: Declare) -> bool:
    known = find_table(tx, wish.table)
    before = known.spec if known else UNDECLARED
    if known is not None and known.managed_by == wish.managed_by and before == wish.spec:
        return False
    if known is not None and before != wish.spec and not _may(known, wish.managed_by):
        raise _elsewhere(known)
    _check_records(tx, wish)
    tx.run(
        _PUT,
        {
            "name": wish.table,
            "spec": wish.spec.model_dump_json(exclude_unset=True),
            "managed_by": wish.managed_by,
        },
    )
    _rebuild(tx, wish.table, before, wish.spec)
    return True


def _may(known: StoredTable, managed_by: str) -> bool:
    """Whether somebody may say something else of a table; a file may take over the API's."""
    return known.managed_by in (None, managed_by) or (known.managed_by, managed_by) == (API, FILE)


def _elsewhere(known: StoredTable) -> ConflictError:
    return ConflictError(
        f"The table {known.name!r} is declared by {known.managed_by}: change it there.",
        code="declared_elsewhere",
    )


def _check_records(tx: Tx, wish: Declare) -> None:
    """What is there has to fit, or sorting and filtering by a column would not find it."""
    if not wish.spec.columns:
        return
    after = None
    while True:
        query = Query(wish.table, limit=_CHECKED, after=after)
        found = find_records(tx, query)
        for record in found:
            faults = wish.spec.faults(record.doc)
            if faults:
                first = next(iter(faults.values()))
                raise InvalidError(
                    f"Record {record.id} of {wish.table} does not fit: {first}",
                    code="record_invalid",
                    faults=faults,
                )
        if len(found) < _CHECKED:
            return
        after = Place(found[-1].id)


def _forget_all(tx: Tx, wishes: Sequence[Forget]) -> list[bool]:
    gone = []
    for wish in wishes:
        known = find_table(tx, wish.table)
        if known is not None and not _may(known, wish.managed_by):
            raise _elsewhere(known)
        if known is not None and known.managed_by is not None:
            _forget(tx, known)
        gone.append(known is not None and known.managed_by is not None)
    move_on(tx)
    return gone


def _forget(tx: Tx, known: StoredTable) -> None:
    tx.run(_FORGET, {"of_name": known.name})
    _rebuild(tx, known.name, known.spec, UNDECLARED)


FORGET: Write[Forget, bool] = Write(
    "forget_table", 87, _forget_all, seen=lambda tx, wish: _seen(tx, wish.table)
)
"""A table's columns are declared no longer; its records stay. True if they were.

Raises ConflictError ``declared_elsewhere`` where a stack declares them.
"""


def _rebuild(tx: Tx, table: str, before: TableSpec, after: TableSpec) -> None:
    """Drop the indexes that are wanted no longer, build those that are new."""
    old, new = _indexes(tx.dialect, table, before), _indexes(tx.dialect, table, after)
    for name in sorted(old.keys() - new.keys()):
        tx.run(text(f'DROP {old[name].kind} IF EXISTS "{name}"'))
    for name in sorted(new.keys() - old.keys()):
        tx.run(text(new[name].statement.replace(":", r"\:")))
    if new.keys() - old.keys():
        _tell_planner(tx, [name for name in new if new[name].kind == "INDEX"])


def _tell_planner(tx: Tx, indexes: Sequence[str]) -> None:
    """Let the planner know what indexes are worth.

    PostgreSQL counts, now and later. SQLite would only count when it is told to, and an index
    that was built on an empty table would not be used when it is full; so it gets the figures of
    a large table in which an index finds few rows (see sqlite.org/fileformat2.html#stat1tab).
    """
    if tx.dialect == "postgresql":
        tx.run(text("ANALYZE records"))
        return
    tx.run(text("ANALYZE tables"))  # has the table of figures created
    figures = {_SQLITE_KEY: "1000000 1000000 1"} | dict.fromkeys(indexes, "1000000 10 1")
    tx.many(_FORGET_FIGURES, [{"of_index": name} for name in figures])
    tx.many(_FIGURES, [{"of_index": name, "figures": each} for name, each in figures.items()])
    tx.run(text("ANALYZE sqlite_schema"))  # has them read


_SQLITE_KEY = "sqlite_autoindex_records_1"
_FORGET_FIGURES = text("DELETE FROM sqlite_stat1 WHERE idx = :of_index")
_FIGURES = text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('records', :of_index, :figures)")


@dataclass(frozen=True, slots=True)
class _Built:
    """What is built for a column, and how."""

    kind: Literal["INDEX", "STATISTICS"]
    statement: str


def _indexes(dialect: str, table: str, spec: TableSpec) -> dict[str, _Built]:
    """What is built for a table's columns, by names.

    PostgreSQL reads an index backwards with what is missing in front, so it gets one for each
    direction; and it counts values for a whole index, but not for one of some rows, so it gets
    statistics beside it, without which it would rather read whole tables.
    """
    found = {}
    for column, declared in spec.columns.items():
        if not (declared.unique or declared.index):
            continue
        name = index_name(table, column, declared)
        value = _value(dialect, column, declared)
        unique = "UNIQUE " if declared.unique else ""
        ends = {"": "" if declared.unique else ", id"}
        if dialect == "postgresql":
            counted = f'CREATE STATISTICS IF NOT EXISTS "{name}_s" ON ({value}) FROM records'
            found[f"{name}_s"] = _Built("STATISTICS", counted)
            if not declared.unique:
                ends["_d"] = " DESC NULLS LAST, id"
        for mark, end in ends.items():
            found[f"{name}{mark}"] = _Built(
                "INDEX",
                f'CREATE {unique}INDEX IF NOT EXISTS "{name}{mark}" ON records (({value}){end}) '
                f"WHERE table_name = '{table}'",
            )
    return found


def index_name(table: str, column: str, declared: Column) -> str:
    """The name of a column's index; what it says of the column is in its last part."""
    whole = f"{table}.{column}.{declared.type in _NUMBERS}"
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    prefix = UNIQUE_INDEX if declared.unique else "ix_records_"
    return f"{prefix}{table[:20]}_{column[:16]}_{digest}"


def _value(dialect: str, column: str, declared: Column) -> str:
    """A column's value in SQL, as queries write it too."""
    reach = doc_number if declared.type in _NUMBERS else doc_text
    found = reach(records.c.doc, place(column))
    return str(found.compile(dialect=_DIALECTS[dialect](), compile_kwargs={"include_table": False}))
