"""Tables: which there are, what is in them, what is declared of them, files in and out."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, cast, get_args

from starlette.responses import Response

from hub.dashboard.conditions import OPERATORS, Condition, conditions_of, filter_of
from hub.dashboard.render import plain, query, segment
from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError, NotFoundError, TooLargeError
from hub.model.json import Json, dumps, dumps_text, loads
from hub.model.key import Scope
from hub.model.table import ColumnType
from hub.web.api.body import MAX_BYTES
from hub.web.uploads import Upload

LIST, ONE = "/dashboard/tables", "/dashboard/tables/{table}"
_API = "/v1/tables/{table}"
_RECORDS = f"{_API}/records"
_MOST_COLUMNS: Final = 12
_EMPTY_ROWS: Final = 3
_TIMES: Final = ("created_at", "updated_at")
_CONTENT_TYPES: Final = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
_ENDINGS: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


async def _list(view: View) -> Response:
    wanted = view.given.get("open", "").strip()
    try:
        if wanted:
            await table_of(view, wanted)
            return view.go(path_of(wanted))
        found = await view.page_of("/v1/tables")
    except HubError as error:
        found = await view.page_of("/v1/tables")
        return view.refused(error, "tables.html", tables=found["items"], more=found["more"])
    return view.page("tables.html", tables=found["items"], more=found["more"], problem=None)


async def _show(view: View) -> Response:
    name = view.part("table")
    table = await table_of(view, name)
    context: dict[str, Any] = {
        "table": table,
        "conditions": conditions_of(view.given.get("filter", "")),
        "sort": sort_of(view.given.get("sort", "")),
        "operators": OPERATORS,
        "count": table["records"],
        "names": _names(table, []),
        "rows": [],
        "more": None,
        "problem": None,
    }
    try:
        found = await view.page_of(_RECORDS, "filter", "sort", parts={"table": name})
        if view.given.get("filter"):
            wanted = {"filter": view.given["filter"]}
            told = await view.ask("GET", f"{_API}/count", {"table": name}, query=wanted)
            context["count"] = told["count"]
    except HubError as error:
        return view.refused(error, "table.html", **context)
    names = _names(table, found["items"])
    rows = [_row(each, names) for each in found["items"]]
    return view.page("table.html", **{**context, "names": names, "rows": rows, **_more(found)})


async def _find(view: View) -> Response:
    """Conditions become a filter, which the table's page then has in its address."""
    given = view.request.query_params
    name = view.part("table")
    columns = (await table_of(view, name))["columns"]
    lists = (given.getlist("field"), given.getlist("op"), given.getlist("value"))
    conditions = [
        Condition(field.strip(), operator if operator in OPERATORS else "$eq", value)
        for field, operator, value in zip(*lists, strict=False)
    ]
    texts = [each for each, column in columns.items() if column.get("type") in ("text", "datetime")]
    field = given.get("sort", "").strip()
    direction = "desc" if given.get("direction") == "desc" else "asc"
    sort = dumps_text({field: direction}) if field else ""
    asked = {"filter": filter_of(conditions, (*texts, *_TIMES)), "sort": sort}
    return view.go(f"{path_of(name)}{query(asked)}")


async def _export(view: View) -> Response:
    wanted = {name: view.given.get(name) for name in ("format", "filter", "sort")}
    parts = {"table": view.part("table")}
    return await view.desk.answer("GET", f"{_API}/export", parts, query=wanted)


async def _importing(view: View) -> Response:
    table = await table_of(view, view.part("table"))
    return view.page("table_import.html", table=table, problem=None)


async def _import(view: View) -> Response:
    name = view.part("table")
    try:
        count = await _bring(view, name, view.upload)
    except HubError as error:
        table = await table_of(view, name)
        return view.refused(error, "table_import.html", table=table)
    return view.go(path_of(name), f"Added of the file: {count:,} {records(count)}.")


async def _bring(view: View, name: str, upload: Upload | None) -> int:
    if upload is None or not upload.name:
        raise InvalidError("Choose a file first.", code="form_broken")
    form = view.form.get("format") or _format_of(upload.name)
    content = upload.content
    if form == "json":
        content = _lines_of(await _array_in(content))
    kind = _CONTENT_TYPES.get("jsonl" if form == "json" else form, form)
    told = await view.desk.answer(
        "POST", f"{_API}/import", {"table": name}, body=content, content_type=kind
    )
    return int(cast(dict[str, Any], loads(bytes(told.body)))["count"])


async def _columns(view: View) -> Response:
    table = await table_of(view, view.part("table"))
    return view.page(
        "table_columns.html",
        table=table,
        rows=[*_declared(table["columns"]), *[{"name": "", "type": "text"}] * _EMPTY_ROWS],
        live=_live_word(table.get("live", False)),
        told=_told(table.get("live", False)),
        types=get_args(ColumnType),
        problem=None,
    )


async def _declare(view: View) -> Response:
    name, form = view.part("table"), view.form
    rows = list(_typed_rows(form))
    try:
        spec: dict[str, Json] = {"columns": _columns_of(rows), "live": _live_of(form)}
        await view.ask("PUT", _API, {"table": name}, body=spec)
    except HubError as error:
        return view.refused(
            error,
            "table_columns.html",
            table=await table_of(view, name),
            rows=rows,
            live=form.get("live", "no"),
            told=form.get("told", ""),
            types=get_args(ColumnType),
        )
    return view.go(path_of(name), "It is declared, and holds for every record.")


async def _forget(view: View) -> Response:
    name = view.part("table")
    doing = view.ask("DELETE", _API, {"table": name})
    said = "Nothing is declared of it any more; its records stay."
    return await view.act(doing, path_of(name), said)


async def table_of(view: View, name: str) -> dict[str, Any]:
    """A table; one of which nothing is known is empty, and comes to be with its first record.

    Raises:
        InvalidError: ``table_invalid``.
    """
    try:
        return dict(await view.ask("GET", _API, {"table": name}))
    except NotFoundError:
        return {"name": name, "records": 0, "columns": {}, "managed_by": None}


def path_of(table: str) -> str:
    """Where a table's page is."""
    return f"{LIST}/{segment(table)}"


def records(count: int) -> str:
    """The word for so many."""
    return "record" if count == 1 else "records"


def shown(value: Json) -> str:
    """A value on one line."""
    if value is None:
        return ""
    return plain(value if isinstance(value, str) else dumps_text(value))


def sort_of(text: str) -> tuple[str, str]:
    """The field that a list is sorted by first, and the direction."""
    try:
        value = loads(text or "{}")
    except InvalidError:
        return "", "asc"
    if isinstance(value, dict) and value:
        field, direction = next(iter(value.items()))
        return field, "desc" if direction == "desc" else "asc"
    return "", "asc"


def _names(table: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The fields that a list shows: declared ones first."""
    met = dict.fromkeys(table["columns"])
    for each in items:
        met.update(dict.fromkeys(each["fields"]))
    return list(met)[:_MOST_COLUMNS]


def _row(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    fields = record["fields"]
    cells = [shown(fields.get(name)) for name in names]
    left_out = len(set(fields) - set(names))
    return {"id": record["id"], "at": record["updated_at"], "cells": cells, "left_out": left_out}


def _more(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"more": found["more"]}


def _format_of(file_name: str) -> str:
    for ending, form in _ENDINGS.items():
        if file_name.lower().endswith(ending):
            return form
    raise InvalidError(
        "The file's name does not end with .csv, .jsonl or .json: say which format it has.",
        code="form_broken",
    )


async def _array_in(content: AsyncIterator[bytes]) -> list[Json]:
    raw = bytearray()
    async for part in content:
        raw += part
        if len(raw) > MAX_BYTES:
            raise TooLargeError(
                f"A JSON file has at most {MAX_BYTES:,} bytes here: send JSON lines, which may "
                "be larger.",
                code="body_too_large",
            )
    value = loads(bytes(raw).removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(value, list):
        raise InvalidError("The file must be a JSON array of objects.", code="rows_invalid")
    return value


async def _lines_of(items: Iterable[Json]) -> AsyncIterator[bytes]:
    for each in items:
        yield dumps(each) + b"\n"


def _declared(columns: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Columns as rows of the form."""
    rows = []
    for name, column in columns.items():
        default = column.get("default")
        rows.append(
            {
                "type": "any",
                **column,
                "name": name,
                "default": "" if default is None else dumps_text(default),
                "enum": "\n".join(column.get("enum") or ()),
            }
        )
    return rows


def _typed_rows(form: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Rows of the form as they were typed: what belongs together ends with the same number."""
    n = 0
    while f"name.{n}" in form:
        texts = {each: form.get(f"{each}.{n}", "") for each in ("name", "type", "default", "enum")}
        checks = {each: f"{each}.{n}" in form for each in ("required", "unique", "index")}
        yield {**texts, **checks}
        n += 1


def _columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    columns: dict[str, Json] = {}
    for row in rows:
        name = row["name"].strip()
        if not name:
            continue
        if name in columns:
            raise InvalidError(f"There are two columns {name[:63]!r}.", code="form_broken")
        column: dict[str, Json] = {"type": row["type"]}
        column |= {each: True for each in ("required", "unique", "index") if row[each]}
        words = [each for each in row["enum"].split("\n") if each]
        if words:
            column["enum"] = list(words)
        if row["default"].strip():
            column["default"] = _default(name, row["default"])
        columns[name] = column
    return columns


def _default(name: str, text: str) -> Json:
    try:
        return loads(text)
    except InvalidError as error:
        raise InvalidError(
            f'The default of {name!r} is not JSON; a text stands in quotes: "new".',
            code="json_broken",
        ) from error


def _live_word(live: Json) -> str:
    return "some" if isinstance(live, dict) else "all" if live else "no"


def _told(live: Json) -> str:
    return dumps_text(live) if isinstance(live, dict) else ""


def _live_of(form: Mapping[str, str]) -> Json:
    word = form.get("live", "no")
    return loads(form.get("told") or "{}") if word == "some" else word == "all"


PAGES = (
    Page("GET", LIST, _list),
    Page("GET", ONE, _show),
    Page("GET", f"{ONE}/find", _find),
    Page("GET", f"{ONE}/export", _export),
    Page("GET", f"{ONE}/import", _importing, Scope.WRITE),
    Page("POST", f"{ONE}/import", _import, Scope.WRITE),
    Page("GET", f"{ONE}/columns", _columns),
    Page("POST", f"{ONE}/columns", _declare, Scope.WRITE),
    Page("POST", f"{ONE}/columns/forget", _forget, Scope.WRITE),
)
