"""``/v1/tables``: which tables there are, what is declared of them, files in and out."""

import tempfile
from collections.abc import AsyncIterator
from typing import BinaryIO, cast

from starlette.responses import Response, StreamingResponse

from hub.errors import InvalidError
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.query import Query
from hub.model.record import check_table
from hub.model.table import TableSpec
from hub.model.time import now_us
from hub.store.filter import select_of
from hub.store.records import count_records
from hub.store.tables import (
    DECLARE,
    FORGET,
    Declare,
    Forget,
    StoredTable,
    find_table,
    records_in,
    tables_in_use,
)
from hub.transfer import FORMATS, Format
from hub.transfer.exporting import export_records
from hub.transfer.importing import Import
from hub.web.always import NO_PAGE
from hub.web.api.body import parts_of
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.api.records import FILTER, SORT, filter_of, sort_of, table_of
from hub.web.paging import PAGE
from hub.web.parameters import word
from hub.web.shown.base import Content, Counted, listed
from hub.web.shown.data import TableShown

MAX_FILE_BYTES = 1 << 30
_IN_MEMORY_BYTES = 8 << 20
_KINDS: dict[str, Format] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
}
_CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


async def _get_all(call: Call) -> Response:
    page = call.page()
    found = await call.hub.ledger.read(tables_in_use)
    names, last = page.of_names(found)
    return answer(page.answer([_shown(*found[name]) for name in names], last))


async def _get(call: Call) -> Response:
    name = check_table(call.given("table"))
    found = await call.hub.ledger.read(find_table, name)
    if found is None:
        raise missing("table", name)
    return answer(_shown(found, await call.hub.ledger.read(records_in, name)))


async def _declare(call: Call) -> Response:
    name = check_table(call.given("table"))
    spec = await call.body(TableSpec)
    await call.hub.ledger.write(DECLARE, Declare(name, spec))
    await call.hub.catalog.refresh()
    return await _get(call)


async def _forget(call: Call) -> Response:
    name = check_table(call.given("table"))
    if not await call.hub.ledger.write(FORGET, Forget(name)):
        raise missing("declared table", name)
    await call.hub.catalog.refresh()
    return nothing()


async def _import(call: Call) -> Response:
    table, spec = table_of(call)
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = _KINDS.get(kind)
    if form is None:
        raise InvalidError(
            f"This takes text/csv or application/x-ndjson, not {kind[:100]!r}.",
            code="content_type_unsupported",
        )
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        timeout_s = call.hub.settings.body_timeout_s
        async for part in parts_of(call.request, timeout_s, MAX_FILE_BYTES, "file"):
            file.write(part)
        wanted = Import(table, spec, cast(BinaryIO, file), form, now_us())
        return answer({"count": await wanted.run(call.hub.ledger)}, 201)


async def _export(call: Call) -> Response:
    table, spec = table_of(call)
    given = call.query()
    form = given.get("format", "jsonl")
    query = Query(table, filter_of(given.get("filter"), spec), sort_of(given.get("sort"), spec))
    select_of(query)  # what cannot be asked for is refused before the first byte
    parts = export_records(call.hub.ledger, query, spec, cast(Format, form))
    return StreamingResponse(
        _encoded(parts),
        headers={
            "content-disposition": f'attachment; filename="{table}.{form}"',
            "cache-control": "no-store",
            **NO_PAGE,
        },
        media_type=_CONTENT_TYPES[form],
    )


async def _count(call: Call) -> Response:
    table, spec = table_of(call)
    query = Query(table, filter_of(call.query().get("filter"), spec))
    return answer({"count": await call.hub.ledger.read(count_records, query)})


async def _encoded(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.encode()


def _shown(table: StoredTable, count: int) -> dict[str, Json]:
    declared = table.spec.model_dump(mode="json", exclude_defaults=True)
    return {
        "name": table.name,
        "records": count,
        "columns": {},
        **declared,
        "managed_by": table.managed_by,
    }


_MISNAMED = {400: ("table_invalid",)}
_ONE = "/v1/tables/{table}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/tables", Scope.READ, _get_all, "List the tables"),
        query=PAGE,
        gives={200: listed(TableShown)},
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read what is declared of a table"),
        gives={200: TableShown},
        problems={**_MISNAMED, 404: ("table_unknown",)},
    ),
    Operation(
        *("PUT", _ONE, Scope.WRITE, _declare, "Declare a table's columns", TableSpec),
        gives={200: TableShown},
        problems={
            400: (*_MISNAMED[400], "record_invalid"),
            409: ("declared_elsewhere", "not_unique"),
        },
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _forget, "Declare a table's columns no longer"),
        gives={204: None},
        problems={**_MISNAMED, 404: ("declared_table_unknown",), 409: ("declared_elsewhere",)},
    ),
    Operation(
        *("POST", f"{_ONE}/import", Scope.WRITE, _import, "Add the rows of a file"),
        Content(("text/csv", "application/x-ndjson"), "The file, a row for each record."),
        gives={201: Counted},
        problems={
            400: ("table_invalid", "rows_invalid"),
            409: ("not_unique",),
            415: ("content_type_unsupported",),
        },
    ),
    Operation(
        *("GET", f"{_ONE}/export", Scope.READ, _export, "Read a table as a file"),
        query=(word("format", "`jsonl` unless told.", FORMATS), FILTER, SORT),
        gives={200: Content((*_CONTENT_TYPES.values(),), "The file.")},
        problems={400: ("table_invalid", "filter_invalid", "sort_invalid")},
        name="export_table",
    ),
    Operation(
        *("GET", f"{_ONE}/count", Scope.READ, _count, "Count the records that match"),
        query=(FILTER,),
        gives={200: Counted},
        problems={400: ("table_invalid", "filter_invalid")},
        name="count_records",
    ),
)
