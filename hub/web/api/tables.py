"""``/v1/tables``: records of tables, as stacks see them."""

import re
from typing import Any, cast

from starlette.responses import Response

from hub.errors import InvalidError, NotFoundError, TooLargeError
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.query import Direction, Query
from hub.model.record import RESERVED_FIELDS, Record, check_table, check_text
from hub.model.time import from_iso, now_us, to_iso
from hub.stack.problem import Problem
from hub.store.records import (
    ADD_LIST,
    CHANGE,
    REMOVE,
    TAKE_IDS,
    Change,
    Removal,
    TakeIds,
    find_records,
    get_record,
    table_names,
)
from hub.web.api.body import object_of, refused, wrong
from hub.web.api.call import Call, Operation, answer, nothing

MAX_RECORDS = 1000
_ID = re.compile(r"[0-9]{1,18}")


async def _get_tables(call: Call) -> Response:
    page = call.page()
    names, last = page.of_names(await call.hub.ledger.read(table_names))
    return answer(page.answer([{"name": name} for name in names], last))


async def _add(call: Call) -> Response:
    table = check_table(call.given("table"))
    body = await call.json()
    given = body if isinstance(body, list) else [object_of(body)]
    if len(given) > MAX_RECORDS:
        raise TooLargeError(
            f"At most {MAX_RECORDS} records are added at once: send {len(given)} in parts.",
            limit=MAX_RECORDS,
        )
    now = now_us()
    at = [f"/{place}" if isinstance(body, list) else "" for place in range(len(given))]
    docs = [_doc(fields, pointer, now) for fields, pointer in zip(given, at, strict=True)]
    added: list[Record] = []
    if docs:
        ids = await call.hub.ledger.write(TAKE_IDS, TakeIds(table, len(docs)))
        added = [
            Record(table, record_id, doc, created_at, now)
            for record_id, (doc, created_at) in zip(ids, docs, strict=True)
        ]
        await call.hub.ledger.write(ADD_LIST, added)
    shown = [_shown(record) for record in added]
    return answer({"items": shown} if isinstance(body, list) else shown[0], 201)


async def _find(call: Call) -> Response:
    page = call.page("filter", "sort")
    sort = _sort(page.filters.get("sort"))
    place = page.after(0)  # the last id, or with a sort the number of those passed
    query = Query(
        check_table(call.given("table")),
        equal=_equal(page.filters.get("filter")),
        sort=sort,
        limit=page.limit + 1,
        offset=place if sort else 0,
        after=0 if sort else place,
    )
    found = await call.hub.ledger.read(find_records, query)
    shown = [_shown(record) for record in found[: page.limit]]
    last = None
    if len(found) > page.limit:
        last = place + page.limit if sort else found[page.limit - 1].id
    return answer(page.answer(shown, last))


async def _get(call: Call) -> Response:
    table, record_id = _named(call)
    found = await call.hub.ledger.read(get_record, table, record_id)
    if found is None:
        raise _no_record(table, str(record_id))
    return answer(_shown(found))


async def _change(call: Call) -> Response:
    table, record_id = _named(call)
    changes = object_of(await call.json())
    _refuse(changes, "", RESERVED_FIELDS)
    check_text(changes)
    change = Change(table, record_id, changes, now_us())
    return answer(_shown(await call.hub.ledger.write(CHANGE, change)))


async def _remove(call: Call) -> Response:
    table, record_id = _named(call)
    if not await call.hub.ledger.write(REMOVE, Removal(table, record_id)):
        raise _no_record(table, str(record_id))
    return nothing()


def _named(call: Call) -> tuple[str, int]:
    table, text = check_table(call.given("table")), call.given("id")
    if not _ID.fullmatch(text):
        raise _no_record(table, text)
    return table, int(text)


def _no_record(table: str, text: str) -> NotFoundError:
    return NotFoundError(f"There is no record {text[:200]} in {table}.", code="record_not_found")


def _doc(fields: Json, pointer: str, now: int) -> tuple[dict[str, Any], int]:
    """A new record's document, and when it was made: a ``created_at`` that is given is kept."""
    if not isinstance(fields, dict):
        raise refused(wrong(pointer, "A record must be an object of fields."))
    _refuse(fields, pointer, ("id", "updated_at"))
    doc = dict(fields)
    created_at = doc.pop("created_at", None)
    check_text(doc)
    if created_at is None:
        return doc, now
    try:
        return doc, from_iso(created_at)
    except (ValueError, TypeError, OverflowError) as error:
        message = "'created_at' must be an ISO 8601 date and time."
        raise refused(wrong(f"{pointer}/created_at", message)) from error


def _refuse(fields: dict[str, Any], pointer: str, names: tuple[str, ...]) -> None:
    problems: list[Problem] = [
        wrong(f"{pointer}/{name}", f"{name!r} is set by the hub: leave it out.")
        for name in names
        if name in fields
    ]
    if problems:
        raise refused(*problems)


def _equal(text: str | None) -> tuple[tuple[str, Json], ...]:
    wanted = _query_json("filter", text or "{}")
    if not isinstance(wanted, dict):
        raise InvalidError(
            'The filter must be a JSON object, such as {"status":"open"}.', code="filter_invalid"
        )
    for name in wanted:
        if name.startswith("$"):
            raise InvalidError(f"The filter does not know {name!r}.", code="filter_invalid")
    return tuple(wanted.items())


def _sort(text: str | None) -> tuple[tuple[str, Direction], ...]:
    value = _query_json("sort", text or "[]")
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, dict) for part in parts):
        raise _sort_invalid()
    pairs = [pair for part in parts for pair in part.items()]
    if any(direction not in ("asc", "desc") for _, direction in pairs) or len(pairs) > 10:
        raise _sort_invalid()
    return cast(tuple[tuple[str, Direction], ...], tuple(pairs))


def _sort_invalid() -> InvalidError:
    return InvalidError(
        'The sort must be JSON such as {"due":"asc"}, or a list of at most ten such.',
        code="sort_invalid",
    )


def _query_json(name: str, text: str) -> Json:
    try:
        return loads(text)
    except InvalidError as error:
        raise InvalidError(
            f"The query parameter {name!r} is not JSON.", code=f"{name}_invalid"
        ) from error


def _shown(record: Record) -> dict[str, Json]:
    return {
        "id": record.id,
        "created_at": to_iso(record.created_at),
        "updated_at": to_iso(record.updated_at),
        "fields": record.doc,
    }


_ALL = "/v1/tables/{table}/records"
_ONE = _ALL + "/{id}"
OPERATIONS = (
    Operation("GET", "/v1/tables", Scope.READ, _get_tables, "List the tables"),
    Operation("POST", _ALL, Scope.WRITE, _add, "Add one record or a list of records"),
    Operation("GET", _ALL, Scope.READ, _find, "Find records"),
    Operation("GET", _ONE, Scope.READ, _get, "Read a record"),
    Operation("PATCH", _ONE, Scope.WRITE, _change, "Change some fields of a record"),
    Operation("DELETE", _ONE, Scope.WRITE, _remove, "Remove a record"),
)
