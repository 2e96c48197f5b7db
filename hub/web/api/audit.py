"""``/v1/audit``: who changed what, and when."""

from typing import Any

from starlette.responses import Response

from hub.errors import InvalidError
from hub.model.json import Json, loads
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.store.audit import FILTERS, audit_page
from hub.store.lookup import LAST
from hub.web.api.call import Call, Operation, answer, known_time
from hub.web.paging import PAGE
from hub.web.parameters import moment, text
from hub.web.shown.access import AuditShown
from hub.web.shown.base import listed


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    equal = {name: value for name, value in wanted.filters.items() if name in FILTERS}
    if "name" in equal and "kind" not in equal:
        raise InvalidError(
            "A name is one of a kind: give 'kind' too, such as ?kind=source&name=shop.",
            code="query_invalid",
        )
    rows = await call.hub.ledger.read(
        audit_page,
        most=wanted.limit + 1,
        before=wanted.after(LAST),
        since=known_time("since", wanted.filters.get("since")) or 0,
        **equal,
    )
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    return answer(wanted.answer([_shown(row) for row in rows[: wanted.limit]], last))


def _shown(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "id": row["id"],
        "at": to_iso(row["at"]),
        "by": {"kind": row["by_kind"], "id": row["by_id"], "name": row["by_name"]},
        "operation": row["operation"],
        "kind": row["kind"],
        "name": row["name"],
        "changes": loads(row["changes"] or "[]"),
        "request_id": row["request_id"],
        "ip": row["ip"],
    }


OPERATIONS = (
    Operation(
        *("GET", "/v1/audit", Scope.ADMIN, _get_all, "List who changed what, the newest first"),
        query=(
            moment("since", "Only what was changed at this time or later."),
            *(text(name, "Only where it is this.") for name in FILTERS),
            *PAGE,
        ),
        gives={200: listed(AuditShown)},
        name="list_audit",
    ),
)
