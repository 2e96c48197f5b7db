"""Records: one by one as a form, and all that match at once."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from hub.dashboard import fields
from hub.dashboard.bodies import piece_of
from hub.dashboard.fields import KINDS, MOST, Field
from hub.dashboard.pages.tables import ONE as TABLE
from hub.dashboard.pages.tables import path_of, records, shown, table_of
from hub.dashboard.render import pretty, query
from hub.dashboard.view import Page, View
from hub.errors import ConflictError, HubError, InvalidError
from hub.model.json import Json, loads
from hub.model.key import Scope

_ONE = f"{TABLE}/records/{{id}}"
_API = "/v1/tables/{table}/records"
_EXAMPLES = 5


async def _adding(view: View) -> Response:
    table = await table_of(view, view.part("table"))
    example = {name: column.get("default") for name, column in table["columns"].items()}
    return view.page("record_new.html", table=table, typed=pretty(example), problem=None)


async def _add(view: View) -> Response:
    name, typed = view.part("table"), view.form.get("record", "")
    try:
        body = loads(typed)
        added = await view.ask("POST", _API, {"table": name}, body=body)
    except HubError as error:
        table = await table_of(view, name)
        return view.refused(error, "record_new.html", table=table, typed=typed)
    if isinstance(body, list):
        count = len(added["items"])
        return view.go(path_of(name), f"{count:,} {records(count)} added.")
    return view.go(_path(name, added["id"]), "The record is added.")


async def _show(view: View) -> Response:
    table, record = await _both(view)
    return view.page("record.html", **_context(table, record), problem=None)


async def _edit(view: View) -> Response:
    table, record = await _both(view)
    now = fields.fields_of(record["fields"], table["columns"])
    typed: list[Field] | None = None
    try:
        typed = fields.sent_fields(view.forms, table["columns"])
        edited = fields.changed(typed)
        typed = fields.beside(typed, {each.name for each in edited}, now)
        moved = [each.name for each in typed if each.now is not None]
        if moved:
            raise _moved(moved)
        changes = {each.name: fields.value_of(each) for each in edited}
        if changes:
            await view.ask("PATCH", f"{_API}/{{id}}", _parts(view), body=changes)
    except HubError as error:
        return view.refused(error, "record.html", **_context(table, record, typed))
    said = f"Saved: {', '.join(changes)}." if changes else "Nothing was changed."
    return view.go(_path(table["name"], record["id"]), said)


async def _remove(view: View) -> Response:
    doing = view.ask("DELETE", f"{_API}/{{id}}", _parts(view))
    return await view.act(doing, path_of(view.part("table")), "The record is removed.")


async def _many(view: View) -> Response:
    name, wanted = view.part("table"), view.given.get("filter", "")
    table = await table_of(view, name)
    try:
        found = await _matching(view, name, wanted)
    except HubError as error:
        return view.refused(error, "records.html", table=table, wanted=wanted, typed="", found=None)
    return view.page(
        "records.html", table=table, wanted=wanted, typed="", found=found, problem=None
    )


async def _change_many(view: View) -> Response:
    name, wanted, typed = _typed(view)
    try:
        changes = loads(typed)
        if not isinstance(changes, dict) or not changes:
            raise InvalidError(
                'Say what the fields become, as JSON: {"status": "done"}.', code="form_broken"
            )
        await _check_count(view)
        told = await view.ask("PATCH", _API, {"table": name}, query=_filter(wanted), body=changes)
    except HubError as error:
        return await _refused(view, error)
    return view.go(_back(name, wanted), f"{told['count']:,} {records(told['count'])} changed.")


async def _remove_many(view: View) -> Response:
    name, wanted, _ = _typed(view)
    try:
        await _check_count(view)
        told = await view.ask("DELETE", _API, {"table": name}, query=_filter(wanted))
    except HubError as error:
        return await _refused(view, error)
    return view.go(path_of(name), f"{told['count']:,} {records(told['count'])} removed.")


async def _refused(view: View, error: HubError) -> Response:
    name, wanted, typed = _typed(view)
    table, found = await table_of(view, name), await _matching(view, name, wanted)
    return view.refused(error, "records.html", table=table, wanted=wanted, typed=typed, found=found)


async def _check_count(view: View) -> None:
    """Whoever changes many has seen how many: if there are others by now, they look again."""
    name, wanted, _ = _typed(view)
    told = await view.ask("GET", "/v1/tables/{table}/count", {"table": name}, query=_filter(wanted))
    if str(told["count"]) != view.form.get("count"):
        raise ConflictError(
            f"Meanwhile {told['count']:,} {records(told['count'])} match. Look at it again: "
            "nothing was changed.",
            code="count_moved",
        )


async def _matching(view: View, name: str, wanted: str) -> dict[str, Any]:
    parts, asked = {"table": name}, _filter(wanted)
    told = await view.ask("GET", "/v1/tables/{table}/count", parts, query=asked)
    some = await view.ask("GET", _API, parts, query={**asked, "limit": _EXAMPLES})
    examples = [(each["id"], shown(each["fields"])) for each in some["items"]]
    return {"count": told["count"], "examples": examples}


async def _both(view: View) -> tuple[dict[str, Any], dict[str, Any]]:
    record = await view.ask("GET", f"{_API}/{{id}}", _parts(view))
    return await table_of(view, view.part("table")), record


def _context(
    table: dict[str, Any], record: dict[str, Any], typed: Sequence[Field] | None = None
) -> dict[str, Any]:
    known = fields.fields_of(record["fields"], table["columns"]) if typed is None else typed
    edited = [each for each in known if not each.is_long][:MOST]
    if typed is None:
        edited.append(Field("", "text", ""))
    return {
        "table": table,
        "record": record,
        "fields": edited,
        "left_out": sorted(set(record["fields"]) - {each.name for each in edited}),
        "kinds": KINDS,
        "whole": piece_of(pretty(record["fields"])),
    }


def _moved(names: Sequence[str]) -> ConflictError:
    return ConflictError(
        f"Somebody else has changed {', '.join(names)} since this page was shown: nothing was "
        "saved. What it has become stands below; save again to put yours in its place.",
        code="record_moved",
    )


def _parts(view: View) -> dict[str, str]:
    return {"table": view.part("table"), "id": view.part("id")}


def _path(table: str, record_id: Json) -> str:
    return f"{path_of(table)}/records/{record_id}"


def _typed(view: View) -> tuple[str, str, str]:
    return view.part("table"), view.form.get("filter", ""), view.form.get("changes", "")


def _filter(wanted: str) -> dict[str, str]:
    return {"filter": wanted or "{}"}


def _back(name: str, wanted: str) -> str:
    return f"{path_of(name)}{query({'filter': wanted})}"


PAGES = (
    Page("GET", f"{TABLE}/add", _adding, Scope.WRITE),
    Page("POST", f"{TABLE}/add", _add, Scope.WRITE),
    Page("GET", f"{TABLE}/many", _many, Scope.WRITE),
    Page("POST", f"{TABLE}/many/change", _change_many, Scope.WRITE),
    Page("POST", f"{TABLE}/many/remove", _remove_many, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("POST", _ONE, _edit, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", _remove, Scope.WRITE),
)
