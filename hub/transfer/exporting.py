"""The records of a table as text, page by page."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from hub.model.json import Json, dumps_text
from hub.model.query import Query, place_of
from hub.model.record import RESERVED_FIELDS, Record
from hub.model.table import TableSpec
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.transfer import BATCH, Format
from hub.transfer.guard import guarded


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
    yield _csv([list(names)])
    async for page in _pages(ledger, query):
        yield _csv(_cells(record, list(names)) for record in page)


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
    return [_cell(fields.get(name)) for name in names]


def _cell(value: Json) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return dumps_text(value)
    return guarded(value)


def _csv(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
