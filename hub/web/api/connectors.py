"""``/v1/connectors``: the tools whose dialects are spoken, and what has to be done in them."""

from dataclasses import asdict
from functools import cache

from starlette.responses import Response

from hub.clicks import clicks_of
from hub.connector import Connector, Verifies
from hub.model.json import Json
from hub.model.key import Scope
from hub.samples import sent_samples
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.paging import PAGE
from hub.web.shown.base import listed
from hub.web.shown.named import ConnectorShown


async def _get_all(call: Call) -> Response:
    page = call.page()
    found = call.hub.connectors
    names, last = page.of_names(found)
    return answer(page.answer([_shown(found[name]) for name in names], last))


async def _get(call: Call) -> Response:
    name = call.given("name")
    connector = call.hub.connectors.get(name)
    if connector is None:
        raise missing("connector", name)
    return answer(_shown(connector))


def _shown(connector: Connector) -> dict[str, Json]:
    verifies = isinstance(connector, Verifies)
    return {"name": connector.name, "verifies": verifies, **_packaged(connector.name)}


@cache
def _packaged(name: str) -> dict[str, Json]:
    """What lies in its package; nobody may change it."""
    cases = [str(each["case"]) for each in sent_samples(name) if each.get("case")]
    clicks = [asdict(each) for each in clicks_of(name)]
    return {"samples": list(dict.fromkeys(cases)), "clicks": clicks}


OPERATIONS = (
    Operation(
        *("GET", "/v1/connectors", Scope.READ, _get_all, "List the connectors"),
        query=PAGE,
        gives={200: listed(ConnectorShown)},
    ),
    Operation(
        *("GET", "/v1/connectors/{name}", Scope.READ, _get, "Read what a connector does"),
        gives={200: ConnectorShown},
        problems={404: ("connector_unknown",)},
    ),
)
