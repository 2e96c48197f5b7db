"""What every path of the API does alike, and health."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.web.api import OPERATIONS
from hub.web.api.body import MAX_BYTES
from tests.web.answers import good, refused

TABLE = "/v1/tables/t/records"
TILL = "/v1/destinations/till"


async def test_an_unknown_path_is_a_problem(api: httpx.AsyncClient) -> None:
    for path in ("/v1/sorces", "/v1", "/", "/v1/sources/", "/v1/sources/a/b"):
        refused(await api.get(path), 404, "path_unknown")


async def test_a_wrong_method_names_every_right_one(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/sources/a", json={})
    refused(response, 405, "method_not_allowed")
    allowed = {each.strip() for each in response.headers["allow"].split(",")}
    assert allowed == {"GET", "HEAD", "PUT", "PATCH", "DELETE"}


async def test_head_is_get_without_the_body(api: httpx.AsyncClient) -> None:
    response = await api.head("/v1/sources")
    assert response.status_code == 200


async def test_answers_are_not_kept_by_anyone(api: httpx.AsyncClient) -> None:
    for path in ("/v1/sources", "/v1/sources/none", "/v1/none"):
        assert (await api.get(path)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", ";"])
async def test_what_is_not_called_json_is_not_taken(api: httpx.AsyncClient, kind: str) -> None:
    response = await api.post(TABLE, content=b"{}", headers={"content-type": kind})
    refused(response, 415, "content_type_unsupported")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/channels/news", {"history": False}, "/history"),
        ("/v1/channels/news", {"public": 0}, "/public"),
        ("/v1/channels/news", {"history_s": "60"}, "/history_s"),
        ("/v1/tables/orders", {"live": 0}, "/live"),
        (TILL, {"url": "https://a.example", "timeout_s": "9"}, "/timeout_s"),
        (TILL, {"url": "https://a.example", "pacing": {"requests": True}}, "/pacing/requests"),
    ],
)
async def test_text_is_no_number_and_0_is_not_false(
    api: httpx.AsyncClient, path: str, body: Any, pointer: str
) -> None:
    problem = refused(await api.put(path, json=body), 422, "validation")
    assert [each["pointer"] for each in problem["problems"]] == [pointer]


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "a/b+json"]
)
async def test_what_is_called_json_is_taken(api: httpx.AsyncClient, kind: str) -> None:
    good(await api.post(TABLE, content=b"{}", headers={"content-type": kind}), 201)


async def test_a_compressed_body_is_not_taken(api: httpx.AsyncClient) -> None:
    response = await api.post(TABLE, json={}, headers={"content-encoding": "gzip"})
    refused(response, 415, "content_encoding_unsupported")


async def test_a_body_that_is_too_large_is_refused_while_it_comes(api: httpx.AsyncClient) -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1_000_000
            yield b" " * 1_000_000

    headers = {"content-type": "application/json"}
    body = refused(await api.post(TABLE, content=flood(), headers=headers), 413, "body_too_large")
    assert body["limit_bytes"] == MAX_BYTES
    assert sent < MAX_BYTES + 2_000_000
    refused(await api.put("/v1/stacks/s", content=b" " * (MAX_BYTES + 1)), 413, "body_too_large")


async def test_a_body_that_does_not_come_is_not_waited_for(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(10)
        yield b"}"

    monkeypatch.setitem(hub.settings.__dict__, "body_timeout_s", 0.05)
    headers = {"content-type": "application/json"}
    refused(await api.post(TABLE, content=drip(), headers=headers), 408, "body_timeout")


async def test_a_store_that_is_down_is_503(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*args: object, **kwargs: object) -> None:
        raise StoreError("The database cannot be used: it is gone.")

    monkeypatch.setattr(hub.ledger, "read", down)
    response = await api.get("/v1/sources")
    refused(response, 503, "store_unavailable")
    assert response.headers["retry-after"] == "5"


async def test_what_nobody_foresaw_is_500_without_details(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(hub.ledger, "read", broken)
    response = await api.get("/v1/sources")
    refused(response, 500, "internal")
    assert "hunter2" not in response.text


def test_every_operation_says_what_it_does_and_none_stands_twice() -> None:
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    assert all(each.summary for each in OPERATIONS)
    assert all(each.path.startswith("/v1/") for each in OPERATIONS)


async def test_health_needs_no_key(api: httpx.AsyncClient) -> None:
    del api.headers["authorization"]
    assert good(await api.get("/healthz")) == {"status": "ok"}
    assert good(await api.get("/readyz")) == {"status": "ok", "troubles": {}}


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_without_the_database_the_hub_is_not_ready(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async def down(*args: object) -> None:
        if how == "hangs":
            await asyncio.sleep(30)
        raise StoreError("postgresql://user:hunter2@host is gone.")

    monkeypatch.setattr(hub.ledger, "read", down)
    monkeypatch.setattr("hub.web.health._ANSWER_S", 0.1)
    body = good(await api.get("/readyz"), 503)
    assert body["status"] == "unavailable"
    assert list(body["troubles"]) == ["database"]
    assert "hunter2" not in str(body)
    assert good(await api.get("/healthz")) == {"status": "ok"}


async def test_a_task_that_failed_is_named(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.supervisor, "troubles", lambda: {"sweep": "hunter2"})
    body = good(await api.get("/readyz"))
    assert (body["status"], list(body["troubles"])) == ("degraded", ["sweep"])
    assert "hunter2" not in str(body)
