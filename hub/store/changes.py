"""Changes of records that are decided inside the commit: claims, counters, upserts.

They lock what they change, so two runs at once never do it to the same record, and what they
gave is written into the run's journal in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from hub.errors import HubError, StoreError
from hub.model.change import Change, Outcome
from hub.model.json import Json
from hub.model.record import Record, check_text
from hub.model.table import UNDECLARED, TableSpec
from hub.model.unique import not_unique, rivals
from hub.store.filter import select_of
from hub.store.ledger import Write
from hub.store.records import (
    change_records,
    find_records,
    insert_records,
    record_of,
    refuse_too_large,
    remove_records,
    take_ids,
)
from hub.store.schema import tables
from hub.store.tx import Tx

_LOCK = select(tables.c.name).where(tables.c.name == bindparam("of_name")).with_for_update()


def apply_change(tx: Tx, change: Change) -> Outcome:
    """Do it, inside a transaction; what cannot be done leaves nothing behind but its error."""
    try:
        return _apply(tx, change)
    except StoreError:
        raise
    except HubError as error:
        return Outcome(error=error)


def _apply(tx: Tx, change: Change) -> Outcome:
    """Look at everything first, then write: an error finds nothing written."""
    if change.adds is not None:
        take_ids(tx, change.query.table, 0)  # so that there is a row of the table to lock
        tx.rows(_LOCK, {"of_name": change.query.table})
    found = _matching(tx, change)
    if change.removes:
        remove_records(tx, [(record.table, record.id) for record in found])
        return Outcome(found)
    if found or change.adds is None:
        changed = [change.apply(record) for record in found]
        _check(tx, change.spec, changed)
        change_records(tx, changed)
        return Outcome(changed)
    record = _new(tx, change)
    _check(tx, change.spec, [record])
    insert_records(tx, [record])
    return Outcome([record], added=True)


def _matching(tx: Tx, change: Change) -> list[Record]:
    """What matches, locked; a claim passes over what others have locked."""
    refuse_too_large(tx, change.query, change.most_bytes)
    statement, params = select_of(change.query, lock="skip" if change.skips else "wait")
    return [record_of(row) for row in tx.rows(statement, params)]


def _new(tx: Tx, change: Change) -> Record:
    assert change.adds is not None  # noqa: S101 - the caller has looked
    doc = change.spec.complete(change.adds)
    change.spec.check(doc)
    [record_id] = take_ids(tx, change.query.table, 1)
    return Record(change.query.table, record_id, doc, change.at, change.at)


def _check(tx: Tx, spec: TableSpec, records: Sequence[Record]) -> None:
    """Look whether these can be kept.

    Raises:
        InvalidError: ``json_unfit``, ``json_too_deep``.
        ConflictError: ``not_unique``.
    """
    for record in records:
        check_text(record.doc)
    for column, query in rivals(spec, records):
        for rival in find_records(tx, query):
            raise not_unique(column, rival.id)


@dataclass(frozen=True, slots=True)
class Addition:
    """New records of a table: all of them or none. ``docs`` are with their ``created_at``."""

    table: str
    docs: Sequence[tuple[dict[str, Json], int]]
    at: int
    spec: TableSpec = UNDECLARED


def _add_all(tx: Tx, additions: Sequence[Addition]) -> list[list[Record]]:
    added: dict[int, list[Record]] = {}
    for at in sorted(range(len(additions)), key=lambda at: additions[at].table):
        added[at] = _add(tx, additions[at])
    return [added[at] for at in range(len(additions))]


def _add(tx: Tx, addition: Addition) -> list[Record]:
    ids = take_ids(tx, addition.table, len(addition.docs))
    records = [
        Record(addition.table, record_id, doc, created_at, addition.at)
        for record_id, (doc, created_at) in zip(ids, addition.docs, strict=True)
    ]
    _check(tx, addition.spec, records)
    insert_records(tx, records)
    return records


ADD: Write[Addition, list[Record]] = Write("add_records", 50, _add_all)
"""Add records that :func:`hub.model.adding.new_doc` has made.

Raises InvalidError ``json_unfit``, ConflictError ``not_unique``.
"""


def _change_all(tx: Tx, changes: Sequence[Change]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    for at in sorted(range(len(changes)), key=lambda at: changes[at].query.table):
        outcomes[at] = apply_change(tx, changes[at])
    return [outcomes[at] for at in range(len(changes))]


CHANGE: Write[Change, Outcome] = Write(
    "change_records", 51, _change_all, did=lambda outcome: bool(outcome.records)
)
"""Change what a query means, apart from any run; its entry is not journaled."""
