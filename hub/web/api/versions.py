"""``/v1/stacks/{name}/versions``: what a stack has said, be it removed since."""

from typing import Any

from starlette.responses import Response

from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.store.audit import audit_page
from hub.store.lookup import one
from hub.store.schema import stacks
from hub.store.stacks import StoredVersion, one_version, versions_page
from hub.web.access import allows
from hub.web.api.call import Call, Operation, answer, missing, text_answer
from hub.web.paging import PAGE, cursor_invalid
from hub.web.parameters import word
from hub.web.shown.base import Content, listed
from hub.web.shown.stacks import StackVersionInFull, StackVersionShown

_MOST_CHANGES = 500
"""So many of a stack's changes are looked through for who made a version."""


async def _get_all(call: Call) -> Response:
    page, name = call.page(), call.given("name")
    after = page.after("")
    before = await call.hub.ledger.read(one_version, name, after) if after else None
    if after and before is None:
        raise cursor_invalid()
    found = await call.hub.ledger.read(versions_page, name, most=page.limit + 1, before=before)
    if not found and before is None:
        raise missing("stack", name)
    items = await _shown(call, name, found[: page.limit])
    last = found[page.limit - 1].version if len(found) > page.limit else None
    return answer(page.answer(items, last))


async def _get(call: Call) -> Response:
    name, version = call.given("name"), call.given("version")
    form = call.query().get("format")
    found = await call.hub.ledger.read(one_version, name, version)
    if found is None:
        raise missing("stack version", version)
    if form == "text":
        return text_answer(found.text)
    (shown,) = await _shown(call, name, [found])
    return answer({**shown, "text": found.text})


async def _shown(call: Call, name: str, found: list[StoredVersion]) -> list[dict[str, Json]]:
    now = await call.hub.ledger.read(one, stacks, name=name)
    makers = await _makers(call, name)
    return [
        {
            "version": each.version,
            "created_at": to_iso(each.created_at),
            "in_use": now is not None and now["version"] == each.version,
            "by": makers.get(each.version),
        }
        for each in found
    ]


async def _makers(call: Call, name: str) -> dict[str, Json]:
    """Who was the first to save each version, as far as the audit knows and the caller may."""
    if not allows(call.key.scopes, Scope.ADMIN):
        return {}
    rows = await call.hub.ledger.read(audit_page, most=_MOST_CHANGES, kind="stack", name=name)
    makers: dict[str, Json] = {}
    for row in rows:  # the newest first: the first one who saved it stays
        version = _version_after(loads(row["changes"] or "[]"))
        if version is not None:
            makers[version] = {"kind": row["by_kind"], "id": row["by_id"], "name": row["by_name"]}
    return makers


def _version_after(changes: list[dict[str, Any]]) -> str | None:
    """The version that a stack had after a change."""
    for each in changes:
        after = each.get("after")
        if each["at"] == "/version" and isinstance(after, str):
            return after
        if each["at"] == "" and isinstance(after, dict):
            return str(after["version"])
    return None


_ALL = "/v1/stacks/{name}/versions"
OPERATIONS = (
    Operation(
        *("GET", _ALL, Scope.READ, _get_all, "List the versions of a stack, the newest first"),
        query=PAGE,
        gives={200: listed(StackVersionShown)},
        problems={404: ("stack_unknown",)},
    ),
    Operation(
        *("GET", f"{_ALL}/{{version}}", Scope.READ, _get, "Read a version of a stack"),
        query=(word("format", "`text`: only its text, as it was uploaded.", ("json", "text")),),
        gives={200: Content(("text/plain",), "A version, or its text alone.", StackVersionInFull)},
        problems={404: ("stack_version_unknown",)},
    ),
)
