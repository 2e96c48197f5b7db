"""The audit: who changed what, each change as what was and what is."""

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope

_LIST = "/dashboard/audit"
KINDS: Final = (
    *("alert", "channel", "delivery", "destination", "event", "file", "issuer", "key", "lane"),
    *("pause", "purge", "record", "replay", "run", "schedule", "signing-key", "source", "stack"),
    *("subscription", "table", "task", "user", "variable"),
)
"""What is chosen by; others can stand in the address."""
_PAGES: Final = {
    "channel": "channels",
    "delivery": "deliveries",
    "destination": "destinations",
    "event": "events",
    "issuer": "issuers",
    "key": "keys",
    "run": "runs",
    "source": "sources",
    "stack": "stacks",
    "subscription": "subscriptions",
    "table": "tables",
    "user": "users",
    "variable": "variables",
}


async def _list(view: View) -> Response:
    context: dict[str, Any] = {"kinds": KINDS, "rows": [], "more": None, "problem": None}
    try:
        found = await view.page_of("/v1/audit", "kind", "name", "key", "since")
    except HubError as error:
        return view.refused(error, "audit.html", **{**context, "problem": error})
    rows = [{**each, "page": page_of(each)} for each in found["items"]]
    return view.page("audit.html", **{**context, "rows": rows, "more": found["more"]})


def page_of(row: dict[str, Any]) -> str | None:
    """Where the thing is shown that a row is about."""
    plural, name = _PAGES.get(row["kind"] or ""), row["name"]
    return f"/dashboard/{plural}/{quote(name, safe='')}" if plural and name else None


PAGES = (Page("GET", _LIST, _list, Scope.ADMIN),)
