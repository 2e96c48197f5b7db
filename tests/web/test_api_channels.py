import json
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.message import EARLIEST
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

SAID = {"event": "made", "data": {"n": 1}}


async def test_a_channel_is_made_public_and_forgotten(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/channels/shop/orders:1", json={"public": True}), 201)
    assert (made["channel"], made["public"]) == ("shop/orders:1", True)
    assert hub.catalog.now.public_channels == {"shop/orders:1"}
    assert good(await api.get("/v1/channels/shop/orders:1")) == made
    assert good(await api.put("/v1/channels/shop/orders:1", json={}))["public"] is False
    assert hub.catalog.now.public_channels == frozenset()
    assert len(good(await api.get("/v1/channels"))["items"]) == 1
    assert (await api.delete("/v1/channels/shop/orders:1")).status_code == 204
    refused(await api.get("/v1/channels/shop/orders:1"), 404, "channel_unknown")
    refused(await api.delete("/v1/channels/shop/orders:1"), 404, "channel_unknown")


async def test_a_message_is_published_once_for_its_id(api: httpx.AsyncClient, hub: Hub) -> None:
    first = good(await api.post("/v1/channels/once/messages", json=SAID), 202)
    assert first["id"].startswith("msg_")
    for _ in range(2):
        told = good(await api.post("/v1/channels/once/messages", json={**SAID, "id": "m1"}), 202)
        assert told == {"id": "m1"}
    kept = (await hub.channels.history("once", EARLIEST)).messages
    assert [(each.id, each.event, json.loads(each.data)) for each in kept] == [
        (first["id"], "made", {"n": 1}),
        ("m1", "made", {"n": 1}),
    ]


async def test_data_may_be_null_and_must_be_said(api: httpx.AsyncClient) -> None:
    good(await api.post("/v1/channels/a/messages", json={"event": "e", "data": None}), 202)
    problem = refused(
        await api.post("/v1/channels/a/messages", json={"event": "e"}), 422, "validation"
    )
    assert pointers(problem) == [("/data", None)]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"event": ""}, 400, "message_invalid"),
        ({"event": "a\nb"}, 400, "message_invalid"),
        ({"id": ""}, 400, "message_invalid"),
        ({"id": "a b"}, 400, "message_invalid"),
        ({"event": 5}, 422, "validation"),
        ({"chanel": "x"}, 422, "validation"),
        ({"data": "x" * 300_000}, 413, "too_large"),
    ],
)
async def test_what_cannot_be_published_is_refused(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    response = await api.post("/v1/channels/a/messages", json={**SAID, **change})
    refused(response, status, code)


@pytest.mark.parametrize("name", ["a%20b", "%C3%A4", "a" * 201, "a*"])
async def test_a_channels_name_is_plain(api: httpx.AsyncClient, name: str) -> None:
    refused(await api.put(f"/v1/channels/{name}", json={}), 400, "channel_invalid")
    refused(await api.post(f"/v1/channels/{name}/messages", json=SAID), 400, "channel_invalid")


async def test_publishing_needs_the_scope_publish(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    path = "/v1/channels/a/messages"
    refused(await api.post(path, json=SAID, headers=await key_of("write")), 403, "forbidden")
    good(await api.post(path, json=SAID, headers=await key_of("publish")), 202)
