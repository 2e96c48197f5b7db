"""Removing for good, over the API."""

from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.json import loads
from tests.retention.past import Past
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf

ADA = b'{"customer":{"email":"ada@example.com"}}'
BY_MAIL = {"by": "body:customer.email", "value": "ada@example.com"}


async def test_a_person_is_looked_for_then_removed_with_their_records(
    hub: Hub, api: httpx.AsyncClient
) -> None:
    past = Past(hub.ledger)
    event = await past.event(1, body=ADA)
    await past.event(1, body=b'{"customer":{"email":"bob@example.com"}}')
    rows = [{"email": "ada@example.com"}, {"email": "bob@example.com"}]
    good(await api.post("/v1/tables/customers/records", json=rows), 201)
    body = {"filter": BY_MAIL, "tables": {"customers": "email"}}
    plan = good(await api.post("/v1/purges", json=body | {"dry_run": True}))
    assert plan == {"dry_run": True, "events": 1, "runs": 0, "complete": True}
    answer = await api.post("/v1/purges", json=body)
    done = good(answer)
    assert (done["status"], done["matched"], done["left"]) == ("done", 1, 0)
    assert done["removed"] == {"events": 1, "records": 1}
    assert done["filter"]["value"] is None
    assert answer.headers["location"] == done["url"]
    refused(await api.get(f"/v1/events/{event}"), 404, "event_unknown")
    left = good(await api.get("/v1/tables/customers/records"))
    assert [each["fields"]["email"] for each in left["items"]] == ["bob@example.com"]
    found = good(await api.get(f"/v1/purges/{done['id']}"))
    assert found == {name: value for name, value in done.items() if name != "url"}
    assert good(await api.get("/v1/purges"))["items"] == [found]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {}},
        {"filter": {"by": "body:a"}},
        {"filter": {"value": "a"}},
        {"filter": {"by": "key", "value": "a"}},
        {"filter": {"by": "query:a", "value": "a"}},
        {"filter": {"by": "body:a", "value": ""}},
        {"filter": {"since": "yesterday"}},
        {"filter": {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}},
        {"filter": {"source": "shop"}, "tables": {"customers": "email"}},
        {"filter": BY_MAIL, "tables": {"customers": ""}},
        {"filter": {"source": "shop"}, "what": 1},
    ],
)
async def test_what_is_not_clear_removes_nothing(
    hub: Hub, api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    event = await Past(hub.ledger).event(1)
    answer = await api.post("/v1/purges", json=body)
    assert answer.status_code == 422, answer.text
    good(await api.get(f"/v1/events/{event}"))


async def test_only_an_admin_removes(hub: Hub, api: httpx.AsyncClient, key_of: KeyOf) -> None:
    writer = await key_of("write", "read")
    body = {"filter": {"source": "shop"}}
    refused(await api.post("/v1/purges", json=body, headers=writer), 403, "forbidden")
    good(await api.get("/v1/purges", headers=writer))
    refused(await api.get("/v1/purges/pur_" + "0" * 32), 404, "purge_unknown")


async def test_a_persons_events_are_downloaded(hub: Hub, api: httpx.AsyncClient) -> None:
    past = Past(hub.ledger)
    first, second = await past.event(2, body=ADA), await past.event(1, body=ADA)
    await past.event(1, body=b"{}")
    run = await past.run(1, event_id=first)
    answer = await api.get("/v1/events/export", params=BY_MAIL)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [loads(line) for line in answer.text.splitlines()]
    assert [each["id"] for each in lines] == [first, second]
    assert lines[0]["runs"] == [run]
    assert lines[0] == good(await api.get(f"/v1/events/{first}"))
    everything = await api.get("/v1/events/export")
    assert len(everything.text.splitlines()) == 3
    half = await api.get("/v1/events/export", params={"by": "body:a"})
    assert half.status_code == 422
