"""The records of a table as text, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace

from hub.datasets.csv_text import cell_of, csv_of
from hub.model.json import dumps_text
from hub.model.query import Query, place_of
from hub.model.record import RESERVED_FIELDS, Record
from hub.model.table import TableSpec
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.transfer import BATCH, Format


async def export_records(
    ledger: Ledger, query: Query, spec: TableSpec, form: Format
) -> AsyncIterator[str]:
    """The matching records in parts of a file.

    CSV has a column for each field that any of them has, declared ones first; what is no text
    stands in it as JSON, and ``null`` as nothing.

    Raises:
        InvalidError: ``filter_invalid``, ``sort_invalid``.
    """
    if form == "jsonl":
        async for page in _pages(ledger, query):
            yield "".join(f"{dumps_text(record.as_fields())}\n" for record in page)
        return
    names = dict.fromkeys((*RESERVED_FIELDS, *spec.columns))
    async for page in _pages(ledger, query):
        for record in page:
            names |= dict.fromkeys(record.doc)
    yield csv_of([list(names)]).decode()
    async for page in _pages(ledger, query):
        yield csv_of(_cells(record, list(names)) for record in page).decode()


async def _pages(ledger: Ledger, query: Query) -> AsyncIterator[list[Record]]:
    page = replace(query, limit=BATCH)
    while True:
        found = await ledger.read(find_records, page)
        if found:
            yield found
        if len(found) < BATCH:
            return
        page = replace(page, after=place_of(found[-1].as_fields(), query.sort))


def _cells(record: Record, names: list[str]) -> list[str]:
    fields = record.as_fields()
    return [cell_of(fields.get(name)) for name in names]
