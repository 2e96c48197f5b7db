"""``/v1/tables/{table}/records``: the records of a table."""

import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, RootModel
from starlette.responses import Response

from hub.errors import HubError, InvalidError, NotFoundError, TooLargeError
from hub.model.adding import new_doc
from hub.model.change import Change, split_increases
from hub.model.filter import Compare, Filter, parse_filter
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.query import Place, Query, Sort, parse_sort, place_of
from hub.model.record import RESERVED_FIELDS, Record, check_table, check_text
from hub.model.table import UNDECLARED, TableSpec
from hub.model.time import now_us
from hub.stack.memory import MAX_BYTES
from hub.store.changes import ADD, CHANGE, Addition
from hub.store.records import REMOVE, REMOVE_WHERE, Removal, find_records, get_record
from hub.web.api.body import object_of, refused, wrong
from hub.web.api.call import Call, Operation, answer, nothing
from hub.web.paging import PAGE, cursor_invalid
from hub.web.parameters import text
from hub.web.shown.base import Counted, listed
from hub.web.shown.data import RecordAdded, RecordShown

MAX_RECORDS = 1000


class Fields(RootModel[dict[str, Any]]):
    """Fields of a record, by name; ``{"$inc": 1}`` adds to a number."""


class NewRecords(
    RootModel[dict[str, Any] | Annotated[list[dict[str, Any]], Field(max_length=MAX_RECORDS)]]
):
    """The fields of one record, or of each of several."""


_ID = re.compile(r"[0-9]{1,18}")


async def _add(call: Call) -> Response:
    table, spec = table_of(call)
    body = await call.json()
    given = body if isinstance(body, list) else [object_of(body)]
    if len(given) > MAX_RECORDS:
        raise TooLargeError(
            f"At most {MAX_RECORDS} records are added at once: send {len(given)} in parts, "
            f"or as a file to /v1/tables/{table}/import.",
            limit=MAX_RECORDS,
        )
    now = now_us()
    at = [f"/{place}" if isinstance(body, list) else "" for place in range(len(given))]
    docs = [_doc(each, pointer, spec, now) for each, pointer in zip(given, at, strict=True)]
    added: list[Record] = []
    if docs:
        added = await call.hub.ledger.write(ADD, Addition(table, docs, now, spec))
    shown = [record.as_shown() for record in added]
    return answer({"items": shown} if isinstance(body, list) else shown[0], 201)


async def _find(call: Call) -> Response:
    table, spec = table_of(call)
    page = call.page()
    sort = sort_of(page.filters.get("sort"), spec)
    query = Query(
        table,
        filter_of(page.filters.get("filter"), spec),
        sort,
        limit=page.limit + 1,
        after=_place(page.decoded(), sort),
    )
    found = await call.hub.ledger.read(find_records, query)
    last = None
    if len(found) > page.limit:
        place = place_of(found[page.limit - 1].as_fields(), sort)
        last = [place.id, *place.keys]
    return answer(page.answer([record.as_shown() for record in found[: page.limit]], last))


async def _get(call: Call) -> Response:
    table, record_id = _named(call)
    found = await call.hub.ledger.read(get_record, table, record_id)
    if found is None:
        raise _no_record(table, str(record_id))
    return answer(found.as_shown())


async def _change(call: Call) -> Response:
    table, record_id = _named(call)
    query = Query(table, Compare("id", "$eq", record_id))
    changed = await _changed(call, query)
    if not changed:
        raise _no_record(table, str(record_id))
    return answer(changed[0].as_shown())


async def _change_all(call: Call) -> Response:
    table, spec = table_of(call)
    return answer({"count": len(await _changed(call, Query(table, _wanted(call, spec))))})


async def _changed(call: Call, query: Query) -> list[Record]:
    fields = object_of(await call.json())
    _refuse(fields, RESERVED_FIELDS)
    check_text(fields)
    try:
        values, amounts = split_increases(fields)
    except InvalidError as error:
        raise _pointed(error, "") from error
    change = Change(
        query,
        now_us(),
        set=values,
        increase=amounts,
        most_bytes=MAX_BYTES,
        spec=call.hub.catalog.now.tables.get(query.table, UNDECLARED),
    )
    outcome = await call.hub.ledger.write(CHANGE, change)
    if outcome.error is not None:
        raise _pointed(outcome.error, "")
    return outcome.records


async def _remove(call: Call) -> Response:
    table, record_id = _named(call)
    if not await call.hub.ledger.write(REMOVE, Removal(table, record_id)):
        raise _no_record(table, str(record_id))
    return nothing()


async def _remove_all(call: Call) -> Response:
    table, spec = table_of(call)
    query = Query(table, _wanted(call, spec))
    return answer({"count": await call.hub.ledger.write(REMOVE_WHERE, query)})


def table_of(call: Call) -> tuple[str, TableSpec]:
    """The table in the path, and what is declared of it.

    Raises:
        InvalidError: ``table_invalid``.
    """
    table = check_table(call.given("table"))
    return table, call.hub.catalog.now.tables.get(table, UNDECLARED)


def filter_of(text: str | None, spec: TableSpec) -> Filter:
    """A filter in a query parameter.

    Raises:
        FilterError: ``filter_invalid``.
    """
    return spec.settle_filter(parse_filter(_query_json("filter", text or "{}")))


def sort_of(text: str | None, spec: TableSpec) -> tuple[Sort, ...]:
    """A sort in a query parameter.

    Raises:
        InvalidError: ``sort_invalid``.
    """
    return parse_sort(_query_json("sort", text or "null"), spec)


def _wanted(call: Call, spec: TableSpec) -> Filter:
    """The filter that a change of many has to name."""
    text = call.query().get("filter")
    if text is None:
        raise InvalidError(
            'Say which records are meant: ?filter={"status":"open"}, or ?filter={} for all.',
            code="filter_missing",
        )
    return filter_of(text, spec)


def _place(value: Any, sort: tuple[Sort, ...]) -> Place | None:
    """Where a cursor stands."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 1 + len(sort):
        raise cursor_invalid()
    record_id, *keys = value
    if not isinstance(record_id, int) or not 0 <= record_id < 2**63:
        raise cursor_invalid()
    for key in keys:
        match key:
            case [int(), int() | float(), str()]:
                continue
        raise cursor_invalid()
    return Place(record_id, tuple((kind, number, text) for kind, number, text in keys))


def _named(call: Call) -> tuple[str, int]:
    table, text = check_table(call.given("table")), call.given("id")
    if not _ID.fullmatch(text):
        raise _no_record(table, text)
    return table, int(text)


def _no_record(table: str, text: str) -> NotFoundError:
    return NotFoundError(f"There is no record {text[:200]} in {table}.", code="record_not_found")


def _doc(fields: Json, pointer: str, spec: TableSpec, now: int) -> tuple[dict[str, Json], int]:
    if not isinstance(fields, dict):
        raise refused(wrong(pointer, "A record must be an object of fields."))
    _refuse(fields, ("id", "updated_at"), pointer)
    try:
        return new_doc(fields, spec, now)
    except InvalidError as error:
        raise _pointed(error, pointer) from error


def _pointed(error: HubError, pointer: str) -> HubError:
    """What is wrong with fields, each fault at its place."""
    faults: dict[str, str] = error.details.get("faults", {})
    if error.code != "record_invalid" or not faults:
        return error
    return refused(*(wrong(f"{pointer}/{name}", fault) for name, fault in faults.items()))


def _refuse(fields: dict[str, Any], names: tuple[str, ...], pointer: str = "") -> None:
    problems = [
        wrong(f"{pointer}/{name}", f"{name!r} is set by the hub: leave it out.")
        for name in names
        if name in fields
    ]
    if problems:
        raise refused(*problems)


def _query_json(name: str, text: str) -> Json:
    try:
        return loads(text)
    except InvalidError as error:
        raise InvalidError(
            f"The query parameter {name!r} is not JSON.", code=f"{name}_invalid"
        ) from error


FILTER = text("filter", 'Which are meant, as JSON: `{"status": "open"}`.')
SORT = text("sort", 'In which order, as JSON: `{"created_at": "desc"}`.')
_MEANT = replace(FILTER, required=True)
_UNFIT = {
    400: ("table_invalid", "json_unfit", "increase_invalid"),
    409: ("not_unique",),
    413: ("too_large",),
}
_UNKNOWN = {400: ("table_invalid",), 404: ("record_not_found",)}
_ALL = "/v1/tables/{table}/records"
_ONE = _ALL + "/{id}"
OPERATIONS = (
    Operation(
        *("POST", _ALL, Scope.WRITE, _add, "Add one record or a list of records", NewRecords),
        gives={201: RecordAdded},
        problems=_UNFIT,
    ),
    Operation(
        *("GET", _ALL, Scope.READ, _find, "Find records"),
        query=(FILTER, SORT, *PAGE),
        gives={200: listed(RecordShown)},
        problems={400: ("table_invalid", "filter_invalid", "sort_invalid")},
    ),
    Operation(
        *("PATCH", _ALL, Scope.WRITE, _change_all, "Change all records that match", Fields),
        query=(_MEANT,),
        gives={200: Counted},
        problems={**_UNFIT, 400: (*_UNFIT[400], "filter_missing", "filter_invalid")},
        name="change_records",
    ),
    Operation(
        *("DELETE", _ALL, Scope.WRITE, _remove_all, "Remove all records that match"),
        query=(_MEANT,),
        gives={200: Counted},
        problems={400: ("table_invalid", "filter_missing", "filter_invalid")},
        name="delete_records",
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a record"),
        gives={200: RecordShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("PATCH", _ONE, Scope.WRITE, _change, "Change some fields of a record", Fields),
        gives={200: RecordShown},
        problems={**_UNFIT, **_UNKNOWN, 400: _UNFIT[400]},
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _remove, "Remove a record"),
        gives={204: None},
        problems=_UNKNOWN,
    ),
)
