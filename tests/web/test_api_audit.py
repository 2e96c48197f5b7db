"""Whatever changes something is in the audit, with who did it; and nothing secret is."""

from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.json import dumps_text
from hub.model.masking import MASK
from hub.model.time import now_us, to_iso
from hub.store.errand import Actor, Errand, running
from hub.web.api import OPERATIONS
from hub.web.errands import subject
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf

SOURCE = {"verify": {"mode": "header", "header": "X-Key", "secrets": ["the-right-token"]}}
UNAUDITED = {
    "POST /v1/stacks/{name}/check",
    "POST /v1/simulations",
    "POST /v1/tasks/{task:path}/runs",
    "POST /v1/channels/tokens",
    "POST /v1/channels/{channel:path}/messages",
    "POST /v1/files/{id}/url",
}
"""What leaves no row. Whatever is added here needs a good reason, which it has to state."""


async def rows(api: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    return list(good(await api.get(f"/v1/audit{query}"))["items"])


def test_what_is_not_audited_says_why() -> None:
    writing = [each for each in OPERATIONS if each.method != "GET"]
    silent = [each for each in writing if each.unaudited is not None]
    assert {f"{each.method} {each.path}" for each in silent} == UNAUDITED
    assert all(each.unaudited and each.unaudited.endswith(".") for each in silent)
    assert all(each.unaudited is None for each in OPERATIONS if each.method == "GET")


def test_each_operation_says_what_it_is_about() -> None:
    for each in OPERATIONS:
        given = {
            name: name for name in ("slug", "name", "id", "table", "task", "channel", "version")
        }
        kind, _ = subject(each.path, given)
        assert kind
        assert "{" not in kind
    record = {"table": "orders", "id": "5"}
    assert subject("/v1/tables/{table}/records/{id}", record) == ("record", "orders/5")
    assert subject("/v1/deliveries/{id}/replay", {"id": "dlv_1"}) == ("delivery", "dlv_1")
    assert subject("/v1/channels/{slug:path}", {"slug": "a/b"}) == ("channel", "a/b")
    assert subject("/v1/replays", {}) == ("replay", "")


async def test_an_object_is_told_before_and_after_its_change(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/sources/shop", json=SOURCE), 201)
    good(await api.patch("/v1/sources/shop", json={"connector": "n8n"}))
    fresh = {"verify": {"secrets": ["another-token-still"]}}
    good(await api.patch("/v1/sources/shop", json=fresh))
    assert (await api.delete("/v1/sources/shop")).status_code == 204
    gone, secret, changed, made = await rows(api)
    assert {each["kind"] for each in (gone, secret, changed, made)} == {"source"}
    assert {each["name"] for each in (gone, secret, changed, made)} == {"shop"}
    assert made["operation"] == "PUT /v1/sources/{slug}"
    assert made["by"]["kind"] == "key"
    assert made["by"]["name"] == "tester"
    assert made["changes"][0]["after"]["verify"] == {**SOURCE["verify"], "secrets": [MASK]}
    assert changed["changes"] == [{"at": "/connector", "after": "n8n"}]
    assert secret["changes"] == [{"at": "/verify/secrets", "before": [MASK], "after": [MASK]}]
    assert gone["changes"][0]["before"]["connector"] == "n8n"
    assert "token" not in dumps_text([gone, secret, changed, made])


async def test_stacks_variables_tables_pauses_and_keys_are_told_too(
    api: httpx.AsyncClient,
) -> None:
    stack = "{ task: 'greet', function_stack: [{ function: 'log', message: 'hello' }] }"
    good(await api.put("/v1/stacks/one", content=stack), 201)
    good(await api.put("/v1/variables/TOKEN", json={"value": "hush", "secret": True}), 201)
    good(await api.put("/v1/tables/orders", json={"columns": {"mail": {"type": "text"}}}))
    good(await api.post("/v1/pause"))
    good(await api.delete("/v1/pause"))
    key = good(await api.post("/v1/keys", json={"name": "n8n", "scopes": ["run"]}), 201)
    good(await api.patch(f"/v1/keys/{key['id']}", json={"name": "make"}))
    found = await rows(api)
    assert [(each["kind"], each["name"]) for each in found] == [
        ("key", key["id"]),
        ("key", key["id"]),
        ("pause", "all"),
        ("pause", "all"),
        ("table", "orders"),
        ("variable", "TOKEN"),
        ("stack", "one"),
    ]
    assert found[0]["changes"] == [{"at": "/name", "before": "n8n", "after": "make"}]
    assert found[5]["changes"][0]["after"]["value"] == MASK
    assert found[6]["changes"][0]["after"]["version"]
    assert key["key"] not in dumps_text(found)


async def test_a_destination_that_is_paused_is_told(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/destinations/till", json={"url": "https://a.example/"}), 201)
    good(await api.post("/v1/destinations/till/pause"))
    changes = (await rows(api, "?kind=destination&name=till&limit=1"))[0]["changes"]
    assert {"at": "/state", "after": "paused"} in changes


async def test_records_are_told_by_who_did_what_to_which(api: httpx.AsyncClient) -> None:
    good(await api.post("/v1/tables/orders/records", json={"mail": "private@example.com"}), 201)
    good(await api.patch("/v1/tables/orders/records/1", json={"mail": "other@example.com"}))
    assert (await api.delete("/v1/tables/orders/records/1")).status_code == 204
    gone, changed, added = await rows(api)
    assert (added["kind"], added["name"]) == ("table", "orders")
    assert (changed["kind"], changed["name"]) == ("record", "orders/1")
    assert (gone["operation"], gone["changes"]) == ("DELETE /v1/tables/{table}/records/{id}", [])
    assert "example.com" not in dumps_text([gone, changed, added])


async def test_what_only_redis_knows_is_told_too(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/destinations/till", json={"url": "https://a.example/"}), 201)
    good(await api.post("/v1/destinations/till/breaker/trip"))
    row = (await rows(api, "?limit=1"))[0]
    assert row["operation"] == "POST /v1/destinations/{slug}/breaker/trip"
    assert (row["kind"], row["name"], row["changes"]) == ("destination", "till", [])


async def test_a_command_that_asks_for_an_operation_is_told_as_such(
    api: httpx.AsyncClient,
) -> None:
    good(await api.put("/v1/destinations/till", json={"url": "https://a.example/"}), 201)
    with running(Errand(None, Actor("command line"), "hub destination trip")):
        good(await api.post("/v1/destinations/till/breaker/trip"))
        good(await api.put("/v1/variables/A", json={"value": "1"}), 201)
    variable, breaker, _ = await rows(api)
    assert {each["operation"] for each in (variable, breaker)} == {"hub destination trip"}
    assert variable["by"] == breaker["by"] == {"kind": "command line", "id": None, "name": None}
    assert (breaker["kind"], breaker["name"]) == ("destination", "till")


async def test_what_is_refused_or_only_shown_is_not_told(api: httpx.AsyncClient) -> None:
    refused(await api.put("/v1/sources/shop", json={"verify": {}}), 422, "validation")
    refused(await api.delete("/v1/sources/shop"), 404, "source_unknown")
    refused(await api.patch("/v1/tables/a/records/1", json={"a": 1}), 404, "record_not_found")
    refused(await api.delete("/v1/files/fil_" + "0" * 32), 404, "file_unknown")
    good(await api.post("/v1/replays", json={"dry_run": True}))
    good(await api.post("/v1/stacks/a/check", content="{"))
    assert await rows(api) == []


async def test_who_sent_it_from_where_and_under_which_id(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    writer = await key_of("write")
    sent = {**writer, "x-request-id": "build-17"}
    answered = await api.put("/v1/sources/a", json=SOURCE, headers=sent)
    assert answered.headers["x-request-id"] == "build-17"
    odd = {**writer, "x-request-id": "a b\xfc"}
    second = await api.put(
        "/v1/sources/b", json=SOURCE, headers={k: v.encode("latin-1") for k, v in odd.items()}
    )
    newer, older = await rows(api)
    assert older["request_id"] == "build-17"
    assert newer["request_id"] == second.headers["x-request-id"]
    assert newer["request_id"].startswith("req_")
    assert older["ip"] == "127.0.0.1"
    by = older["by"]["id"]
    good(await api.put("/v1/sources/c", json=SOURCE), 201)
    assert [each["name"] for each in await rows(api, f"?key={by}")] == ["b", "a"]
    refused(await api.get("/v1/audit", headers=writer), 403, "forbidden")


async def test_it_is_read_page_by_page_by_kind_name_and_time(api: httpx.AsyncClient) -> None:
    for slug in ("a", "b", "c"):
        good(await api.put(f"/v1/sources/{slug}", json=SOURCE), 201)
    good(await api.put("/v1/variables/A", json={"value": "1"}), 201)
    first = good(await api.get("/v1/audit?kind=source&limit=2"))
    assert [each["name"] for each in first["items"]] == ["c", "b"]
    last = good(await api.get(first["next"]))
    assert ([each["name"] for each in last["items"]], last["next"]) == (["a"], None)
    assert len(await rows(api, "?kind=source&name=b")) == 1
    assert len(await rows(api, f"?since={to_iso(now_us() - 3_600_000_000)}")) == 4
    assert await rows(api, f"?since={to_iso(now_us() + 3_600_000_000)}") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?name=shop", "query_invalid"),
        ("?since=yesterday", "query_invalid"),
        ("?kinds=source", "query_unknown"),
        ("?limit=0", "limit_invalid"),
        ("?cursor=5", "cursor_invalid"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    api: httpx.AsyncClient, query: str, code: str
) -> None:
    refused(await api.get(f"/v1/audit{query}"), 400, code)


async def test_work_of_the_hubs_own_is_not_in_it(hub: Hub, api: httpx.AsyncClient) -> None:
    await hub.catalog.refresh()
    assert hub.catalog.now.signing_secrets  # made when the hub started
    assert await rows(api) == []
