"""Pages of channels: how they are set, what they remember, saying something, tokens."""

import json
from html import unescape
from typing import Any

import pytest

from hub.bootstrap import Hub
from hub.dashboard.pages.channels import snippets
from hub.signature.channel_tokens import read_token
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

HOSTILE = "</pre><script>alert(1)</script>"
LIST = "/dashboard/channels"
ROOM = f"{LIST}/shop/room:1"


async def say(desk: Desk, channel: str, data: Any, event: str = "made") -> None:
    body = {"event": event, "data": data}
    await desk.ask("POST", "/v1/channels/{channel:path}/messages", {"channel": channel}, body=body)


async def setting(desk: Desk, channel: str) -> dict[str, Any]:
    told = await desk.ask("GET", "/v1/channels/{slug:path}", {"slug": channel})
    return {name: told[name] for name in ("public", "history", "history_s", "data")}


async def test_channels_that_are_set_and_that_were_spoken_on_are_listed(
    desk: Desk, visitor: Visitor
) -> None:
    page = await visitor.see(LIST)
    assert "Nothing was said" in page
    assert "No channel is set" in page
    await say(desk, "shop/room:1", 1)
    await desk.ask("PUT", "/v1/channels/{slug:path}", {"slug": "news.*"}, body={"public": True})
    page = await visitor.see(LIST)
    assert f'href="{ROOM}"' in page
    assert ">news.*</a>" in page
    answer = await visitor.client.get(f"{LIST}?open=shop/room:1")
    assert answer.headers["location"] == ROOM
    assert 'role="alert"' in await visitor.see(f"{LIST}?open=a%20b", 400)
    await visitor.see(f"{LIST}/a%20b", 400)


async def test_what_a_channel_remembers_is_text_the_newest_first(
    desk: Desk, visitor: Visitor
) -> None:
    await say(desk, "shop/room:1", {"n": 1, "x": HOSTILE}, HOSTILE)
    await say(desk, "shop/room:1", {"n": 2, "x": "\u202e" + "y" * 5_000})
    page = await visitor.see(ROOM)
    assert "<script>alert" not in page
    assert page.index("&#34;n&#34;:2") < page.index("&#34;n&#34;:1")
    assert HOSTILE in unescape(page)
    assert "\u202e" not in page
    assert "y…" in page
    found = await desk.ask(
        "GET", "/v1/channels/{channel:path}/messages", {"channel": "shop/room:1"}
    )
    assert f'data-after="{found["position"]}"' in page


async def test_a_pattern_shows_what_it_means(desk: Desk, visitor: Visitor) -> None:
    await say(desk, "shop/room:1", 1)
    await say(desk, "other", 1)
    page = await visitor.see(f"{LIST}/shop/*")
    assert f'href="{ROOM}"' in page
    assert f'href="{LIST}/other"' not in page
    assert 'data-watch="shop/*"' in page
    assert "Say something" not in page


async def test_the_hubs_own_channels_are_watched_and_not_spoken_on(visitor: Visitor) -> None:
    page = await visitor.see(f"{LIST}/deliveries")
    assert "Say something" not in page
    assert 'data-watch="deliveries"' in page
    refused = await visitor.send(f"{LIST}/deliveries/publish", 400, event="e", data="1")
    assert "The hub itself speaks" in unescape(refused.text)


@pytest.mark.parametrize(
    ("event", "data", "kept"),
    [("made", '{"n": 1}', {"n": 1}), ("a b", '"text"', "text"), ("e", "", None)],
)
async def test_a_message_is_published(
    desk: Desk, visitor: Visitor, event: str, data: str, kept: object
) -> None:
    assert "It is said" in await visitor.do(f"{ROOM}/publish", event=event, data=data)
    path = "/v1/channels/{channel:path}/messages"
    (told,) = (await desk.ask("GET", path, {"channel": "shop/room:1"}))["items"]
    assert (told["event"], told["data"]) == (event, kept)


@pytest.mark.parametrize(
    ("event", "data", "said"),
    [("e", "{", "not JSON"), ("", "1", "event"), ("e", "5", "are not what the channel")],
)
async def test_a_message_that_does_not_fit_is_kept_in_the_form(
    desk: Desk, visitor: Visitor, event: str, data: str, said: str
) -> None:
    body = {"data": {"type": "object"}}
    await desk.ask("PUT", "/v1/channels/{slug:path}", {"slug": "shop/*"}, body=body)
    refused = await visitor.send(f"{ROOM}/publish", 400, event=event, data=data)
    assert said in refused.text
    assert f">\n{data}</textarea>" in refused.text


async def test_a_channel_is_set_changed_and_taken_back(desk: Desk, visitor: Visitor) -> None:
    schema = '{"type": "object"}'
    sent = {"public": "on", "history": "5", "history_s": "60", "data": schema}
    assert "Anybody who knows the address may listen" in await visitor.do(f"{ROOM}/setting", **sent)
    wanted = {"public": True, "history": 5, "history_s": 60, "data": json.loads(schema)}
    assert await setting(desk, "shop/room:1") == wanted
    for wrong, status, said in (
        ({"history": "-1"}, 400, "whole number"),
        ({"history": "99999"}, 422, "/history"),
        ({"history_s": "0"}, 422, "/history_s"),
        ({"data": "{"}, 400, "not JSON"),
        ({"data": '{"type": "colour"}'}, 422, "/data"),
    ):
        refused = await visitor.client.post(
            f"{ROOM}/setting", data={"csrf": visitor.csrf, **sent, **wrong}
        )
        assert (refused.status_code, said in refused.text) == (status, True), wrong
        assert "<details open>" in refused.text
    assert await setting(desk, "shop/room:1") == wanted
    await visitor.do(f"{ROOM}/setting", history="5", history_s="60", data="")
    assert await setting(desk, "shop/room:1") == {**wanted, "public": False, "data": None}
    assert "as usual again" in await visitor.do(f"{ROOM}/unset")
    assert "There is no channel" in unescape(await visitor.do(f"{ROOM}/unset"))


async def test_a_token_is_made_with_what_to_copy(hub: Hub, visitor: Visitor) -> None:
    fields = {"can": ["subscribe", "presence"], "ttl_s": "60", "sub": "42"}
    page = unescape((await visitor.send(f"{ROOM}/token", 200, **fields)).text)
    token = page.partition('const token = "')[2].partition('"')[0]
    told = read_token(hub.catalog.now.token_secrets, token)
    assert (told.sub, told.rights[0].channels) == ("42", ("shop/room:1",))
    assert set(told.rights[0].can) == {"subscribe", "presence"}
    assert 'channels: ["shop/room:1"], token, presence: true' in page
    assert f"/realtime?channel=shop/room:1&token={token}" in page
    assert "Hub.publish" not in page
    refused = await visitor.send(f"{ROOM}/token", 422, ttl_s="60")
    assert "/can" in refused.text
    refused = await visitor.send(f"{ROOM}/token", 422, can="subscribe", sub="x" * 201)
    assert "/sub" in refused.text
    assert "No token that was made" in await visitor.do(f"{LIST}/tokens/revoke")


def test_who_may_only_speak_gets_no_way_to_listen() -> None:
    ways = snippets("http://hub.test", "room", "TOKEN", ["publish"])
    assert list(ways) == ["hub.js"]
    assert "Hub.subscribe" not in ways["hub.js"]
    assert 'Hub.publish({ channel: "room"' in ways["hub.js"]


async def test_who_is_there_is_shown(hub: Hub, visitor: Visitor) -> None:
    assert "Nobody who is counted" in await visitor.see(ROOM)
    async with hub.presence.present(["shop/room:1"], HOSTILE, {"name": HOSTILE}):
        page = await visitor.see(ROOM)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2
    assert 'data-live="presence.shop/room:1"' in page


async def test_what_a_scope_does_not_allow_is_refused(visitor_of: VisitorOf) -> None:
    viewer = await visitor_of("read")
    page = await viewer.see(ROOM)
    for each in ("Say something", "A token for a page", "Change it"):
        assert each not in page
    for action in ("publish", "token", "setting", "unset"):
        await viewer.send(f"{ROOM}/{action}", 403, event="e", data="1", can="subscribe")
    await viewer.send(f"{LIST}/tokens/revoke", 403)
    assert "Revoke all tokens" not in await viewer.see(LIST)
