import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import SignatureError
from hub.model.message import EARLIEST
from hub.model.time import to_iso
from hub.signature.channel_tokens import read_token
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

SAID = {"event": "made", "data": {"n": 1}}


async def test_a_channel_is_made_public_and_forgotten(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/channels/shop/orders:1", json={"public": True}), 201)
    assert (made["channel"], made["public"]) == ("shop/orders:1", True)
    assert hub.catalog.now.channels.is_public("shop/orders:1")
    assert made == {
        **good(await api.get("/v1/channels/shop/orders:1")),
        "warnings": made["warnings"],
    }
    assert good(await api.put("/v1/channels/shop/orders:1", json={}))["public"] is False
    assert not hub.catalog.now.channels.is_public("shop/orders:1")
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


@pytest.mark.parametrize("name", ["a%20b", "%C3%A4", "a" * 201, "a{b}"])
async def test_a_channels_name_is_plain(api: httpx.AsyncClient, name: str) -> None:
    refused(await api.put(f"/v1/channels/{name}", json={}), 400, "channel_invalid")
    refused(await api.post(f"/v1/channels/{name}/messages", json=SAID), 400, "channel_invalid")


async def test_publishing_needs_the_scope_publish(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    path = "/v1/channels/a/messages"
    refused(await api.post(path, json=SAID, headers=await key_of("write")), 403, "forbidden")
    good(await api.post(path, json=SAID, headers=await key_of("publish")), 202)


async def test_what_a_pattern_sets_counts_for_all_that_it_means(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    good(await api.put("/v1/channels/news.*", json={"public": True, "history": 5}), 201)
    good(await api.put("/v1/channels/news.inner.*", json={"public": False}), 201)
    good(await api.put("/v1/channels/news.inner.open", json={"public": True}), 201)
    channels = hub.catalog.now.channels
    told = {name: channels.is_public(name) for name in NAMES}
    assert told == dict(zip(NAMES, (True, False, True, False, False), strict=True))
    assert channels.of("news.a").history == 5
    refused(await api.post("/v1/channels/news.*/messages", json=SAID), 400, "channel_invalid")


NAMES = ("news.a", "news.inner.a", "news.inner.open", "runs.news.a", "other")


async def test_a_channel_takes_only_what_its_schema_describes(api: httpx.AsyncClient) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    good(await api.put("/v1/channels/typed_*", json={"data": schema}), 201)
    problem = refused(
        await api.post("/v1/channels/typed_a/messages", json={"event": "e", "data": {"n": "x"}}),
        400,
        "message_invalid",
    )
    assert pointers(problem) == [("/n", None)]
    good(await api.post("/v1/channels/typed_a/messages", json=SAID), 202)
    for broken in ({"type": "nothing"}, {"$ref": "http://elsewhere.example/schema"}):
        answer = await api.put("/v1/channels/typed", json={"data": broken})
        assert pointers(refused(answer, 422, "validation")) == [("/data", None)]


@pytest.mark.parametrize(
    "wrong",
    [{"history": -1}, {"history": 1_000_000}, {"history_s": 0}, {"public": 5}, {"open": True}],
)
async def test_a_setting_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    refused(await api.put("/v1/channels/a", json=wrong), 422, "validation")


async def test_what_a_channel_remembers_is_read_page_by_page(api: httpx.AsyncClient) -> None:
    for n in range(5):
        good(await api.post("/v1/channels/paged/messages", json={"event": "e", "data": n}), 202)
    seen, url = [], "/v1/channels/paged/messages?limit=2"
    while url:
        page = good(await api.get(url))
        assert not page["gap"]
        seen += [each["data"] for each in page["items"]]
        url = page["next"]
    assert seen == [0, 1, 2, 3, 4]
    later = f"/v1/channels/paged/messages?after={page['position']}"
    assert good(await api.get(later))["items"] == []
    good(await api.post("/v1/channels/paged/messages", json={"event": "e", "data": 5}), 202)
    assert [each["data"] for each in good(await api.get(later))["items"]] == [5]
    assert good(await api.get("/v1/channels/paged/messages?after=0ld-1-1"))["gap"] is True
    refused(await api.get("/v1/channels/paged/messages?limit=0"), 400, "limit_invalid")


async def test_the_newest_of_what_a_channel_remembers(api: httpx.AsyncClient) -> None:
    for n in range(5):
        good(await api.post("/v1/channels/paged/messages", json={"event": "e", "data": n}), 202)
    page = good(await api.get("/v1/channels/paged/messages?only=newest&limit=2"))
    assert [each["data"] for each in page["items"]] == [3, 4]
    assert (page["next"], page["position"]) == (None, page["items"][-1]["position"])
    refused(await api.get("/v1/channels/paged/messages?only=2"), 400, "query_invalid")


async def test_the_channels_that_something_was_said_on(api: httpx.AsyncClient) -> None:
    assert good(await api.get("/v1/histories")) == {"items": [], "next": None}
    good(await api.put("/v1/channels/b.*", json={"public": True}), 201)
    for name in ("a", "b.1", "b.2", "a"):
        good(await api.post(f"/v1/channels/{name}/messages", json=SAID), 202)
        await asyncio.sleep(0.002)  # what is said in one millisecond is told in any order
    found = good(await api.get("/v1/histories"))["items"]
    assert [(each["channel"], each["public"]) for each in found] == [
        ("a", False),
        ("b.2", True),
        ("b.1", True),
    ]
    assert found[0]["last_at"] >= found[1]["last_at"]
    meant = good(await api.get("/v1/histories?channel=b.*"))["items"]
    assert [each["channel"] for each in meant] == ["b.2", "b.1"]
    seen, url = [], "/v1/histories?limit=1"
    while url:
        page = good(await api.get(url))
        seen += [each["channel"] for each in page["items"]]
        url = page["next"]
    assert seen == ["a", "b.2", "b.1"]
    refused(await api.get("/v1/histories?channel=a b"), 400, "channel_invalid")
    for cursor in ("IjEi", "W10", "WyJhIiwxXQ"):
        refused(await api.get(f"/v1/histories?cursor={cursor}"), 400, "cursor_invalid")


async def test_a_token_is_made_for_what_is_asked(api: httpx.AsyncClient, hub: Hub) -> None:
    wanted = {"channels": ["user_5_*"], "can": ["subscribe", "publish"], "ttl_s": 60, "sub": "5"}
    made = good(await api.post("/v1/channels/tokens", json=wanted), 201)
    told = read_token(hub.catalog.now.token_secrets, made["token"])
    assert (told.sub, told.rights[0].channels) == ("5", ("user_5_*",))
    assert made["expires_at"] == to_iso(told.until_s * 1_000_000)
    assert 55 <= told.until_s - time.time() <= 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": []},
        {"channels": ["a b"]},
        {"channels": ["user_{sub}"]},
        {"channels": ["a"] * 101},
        {"channels": ["a"], "can": ["rule"]},
        {"channels": ["a"], "can": []},
        {"channels": ["a"], "ttl_s": 0},
        {"channels": ["a"], "ttl_s": 86_401},
        {"channels": ["a"], "sub": "a\nb"},
        {"channels": ["a"], "info": "x" * 2000},
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    refused(await api.post("/v1/channels/tokens", json=wrong), 422, "validation")


async def test_who_publishes_may_make_tokens_but_not_for_what_only_readers_see(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    path, publisher = "/v1/channels/tokens", await key_of("publish")
    good(await api.post(path, json={"channels": ["a"]}, headers=publisher), 201)
    for name in ("runs.*", "runs.run_1", "tables.orders", "deliveries", "presence.a"):
        answer = await api.post(path, json={"channels": [name]}, headers=publisher)
        refused(answer, 403, "forbidden")
        both = await key_of("publish", "read")
        good(await api.post(path, json={"channels": [name]}, headers=both), 201)
    reader = await key_of("read")
    refused(await api.post(path, json={"channels": ["a"]}, headers=reader), 403, "forbidden")


async def test_all_tokens_can_be_revoked(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.post("/v1/channels/tokens", json={"channels": ["a"]}), 201)
    good(await api.post("/v1/channels/tokens/revoke"))
    with pytest.raises(SignatureError):
        read_token(hub.catalog.now.token_secrets, made["token"])


async def test_who_is_on_a_channel_is_listed(api: httpx.AsyncClient, hub: Hub) -> None:
    assert good(await api.get("/v1/channels/room/members")) == {
        "items": [],
        "next": None,
        "count": 0,
    }
    async with hub.presence.present(["room"], "ada", {"n": 1}):
        (member,) = good(await api.get("/v1/channels/room/members"))["items"]
        assert (member["member"], member["info"], member["connections"]) == ("ada", {"n": 1}, 1)
