"""Two people on a page: each with a token of their own, each hears what is theirs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.issuers import ISS, RSA, SECRET, issued
from tests.program import Driven

STACK = """
{ api_endpoint: "/enter", auth: "public", function_stack: [
  { function: "create_channel_token", channels: ["user_{{input.user}}_*", "room"],
    can: ["subscribe", "publish", "presence"], sub: "{{input.user}}", as: "access" },
  { function: "return_response", body: "{{access}}" },
] }
{ task: "tell", function_stack: [
  { function: "realtime_publish", channel: "user_{{input.user}}_orders", event: "paid",
    data: { total: "{{input.total}}" } },
] }
"""


class Page:
    """What an open page got."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            async for line in self._lines:
                if line.startswith("data: "):
                    told: dict[str, Any] = json.loads(line[6:])
                    return told
        raise AssertionError("it ended")


@asynccontextmanager
async def page(hub: Driven, token: str, **query: Any) -> AsyncIterator[Page]:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as client,
        client.stream("GET", f"{hub.base}/realtime", params={**query, "token": token}) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Page(response)


async def enter(hub: Driven, user: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{hub.base}/enter", json={"user": user})
    token: str = answer.json()["token"]
    return token


@pytest.fixture
async def tokens(hub: Driven) -> tuple[str, str]:
    """Those of Ada and Bob."""
    await hub.put("/v1/stacks/shop", STACK)
    return await enter(hub, "ada"), await enter(hub, "bob")


async def say(hub: Driven, token: str, channel: str, **said: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{hub.base}/realtime/{channel}",
            json=said,
            headers={"authorization": f"Bearer {token}"},
        )


async def test_each_hears_what_is_theirs_and_nothing_of_the_other(
    hub: Driven, tokens: tuple[str, str]
) -> None:
    ada, bob = tokens
    async with page(hub, ada, channel="user_ada_*") as hers, page(hub, bob, channel="user_bob_*"):
        for user, total in (("bob", 1), ("ada", 2)):
            await hub.api.post(
                "/v1/tasks/tell/runs", json={"input": {"user": user, "total": total}}
            )
        told = await hers.next()
    assert (told["channel"], told["event"], told["data"]) == (
        "user_ada_orders",
        "paid",
        {"total": 2},
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        refused = await client.get(f"{hub.base}/realtime/user_bob_orders?token={ada}")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_what_one_says_the_other_hears_with_the_name_that_the_token_gives(
    hub: Driven, tokens: tuple[str, str]
) -> None:
    ada, bob = tokens
    async with page(hub, bob, channel="room", presence="1") as his:
        assert (await his.next())["event"] == "members"
        assert (await his.next())["data"]["member"] == "bob"
        for _ in range(2):
            answer = await say(hub, ada, "room", event="said", data={"from": "eve"}, id="m1")
            assert (answer.status_code, answer.json()) == (202, {"id": "m1"})
        assert (await say(hub, ada, "room", event="said", data="again")).status_code == 202
        first, second = await his.next(), await his.next()
    assert (first["from"], first["id"], first["data"]) == ("ada", "m1", {"from": "eve"})
    assert (second["from"], second["data"]) == ("ada", "again")


@pytest.mark.parametrize(
    ("channel", "status", "code"),
    [
        ("user_bob_orders", 403, "forbidden"),
        ("other", 403, "forbidden"),
        ("runs.run_1", 403, "forbidden"),
        ("a b", 400, "channel_invalid"),
        ("room*", 400, "channel_invalid"),
    ],
)
async def test_nobody_says_anything_where_they_may_not(
    hub: Driven, tokens: tuple[str, str], channel: str, status: int, code: str
) -> None:
    answer = await say(hub, tokens[0], channel, event="said", data=1)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_page_that_says_too_much_is_slowed_down(
    hub: Driven, tokens: tuple[str, str]
) -> None:
    url, headers = f"{hub.base}/realtime/room", {"authorization": f"Bearer {tokens[0]}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        answers = [await client.post(url, json={"event": "e", "data": n}) for n in range(250)]
    slowed = [each for each in answers if each.status_code == 429]
    assert slowed
    assert int(slowed[0].headers["retry-after"]) >= 1
    assert {each.status_code for each in answers} == {202, 429}


async def test_bad_words_are_refused_with_what_is_wrong(
    hub: Driven, tokens: tuple[str, str]
) -> None:
    for said, code in (
        ({"event": "e"}, "validation"),
        ({"event": "a\r\nb", "data": 1}, "message_invalid"),
        ({"event": "e", "data": 1, "id": "a\r\nid: b"}, "message_invalid"),
        ({"event": "e", "data": "x" * 300_000}, "too_large"),
        ({"event": "e", "data": 1, "from": "eve"}, "validation"),
    ):
        answer = await say(hub, tokens[0], "room", **said)
        assert answer.json()["code"] == code


async def test_without_the_right_to_publish_nothing_is_said(hub: Driven) -> None:
    made = await hub.api.post("/v1/channels/tokens", json={"channels": ["room"]})
    answer = await say(hub, made.json()["token"], "room", event="e", data=1)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with httpx.AsyncClient(trust_env=False) as client:
        nobody = await client.post(f"{hub.base}/realtime/room", json={"event": "e", "data": 1})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthorized")


async def test_tokens_are_in_no_log_line(
    hub: Driven, tokens: tuple[str, str], caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    async with page(hub, tokens[0], channel="room", max_seconds="0.05"):
        pass
    await say(hub, tokens[0], "room", event="e", data=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"{hub.base}/realtime/other?token={tokens[0]}")
    out, err = capfd.readouterr()
    signature = tokens[0].rpartition(".")[2]
    assert signature not in out + err + caplog.text


async def test_a_token_of_the_owner_s_own_issuer_lets_its_people_in_and_only_there(
    hub: Driven,
) -> None:
    rules = [
        {"channels": ["user_{sub}_*"]},
        {"channels": ["team_{app.team}"], "can": ["subscribe", "publish"]},
    ]
    await hub.put("/v1/issuers/backend", {"issuer": ISS, "secrets": [SECRET], "may": rules})
    token = issued(sub="5", app={"team": "red"})
    async with page(hub, token, channel="user_5_orders") as hers:
        await hub.api.post("/v1/channels/user_5_orders/messages", json={"event": "e", "data": 1})
        assert (await hers.next())["data"] == 1
    assert (await say(hub, token, "team_red", event="e", data=1)).status_code == 202
    for channel in ("user_5_orders", "team_blue", "runs.run_1"):
        assert (await say(hub, token, channel, event="e", data=1)).status_code == 403
    async with httpx.AsyncClient(trust_env=False) as client:
        for text, status in ((token, 403), (issued(sub="*"), 403), (issued(exp=1), 401)):
            refused = await client.get(f"{hub.base}/realtime/user_6_orders?token={text}")
            assert refused.status_code == status


async def test_while_an_issuer_s_keys_cannot_be_had_an_event_source_comes_back(
    hub: Driven,
) -> None:
    keys = {"issuer": ISS, "jwks_url": "http://127.0.0.1:9/keys", "allow_private": True}
    await hub.put("/v1/issuers/away", {**keys, "may": [{"channels": ["*"]}]})
    url = f"{hub.base}/realtime/news?token={issued(RSA, 'RS256', 'k1')}"
    async with httpx.AsyncClient(trust_env=False) as client:
        shed = await client.get(url, headers={"accept": "text/event-stream"})
        assert (shed.status_code, shed.text.split("\n")[0]) == (200, ": keys_unavailable")
        assert "retry: " in shed.text
        assert (await client.get(url)).status_code == 502
