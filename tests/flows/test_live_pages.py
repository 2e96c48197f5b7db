"""A page listens to a channel, loses the connection, and misses nothing."""

import json
from typing import Any

import httpx

from tests.program import Driven


async def publish(hub: Driven, *data: object) -> None:
    """Publish on the channel ``news``."""
    for each in data:
        answer = await hub.api.post(
            "/v1/channels/news/messages", json={"event": "said", "data": each}
        )
        assert answer.status_code == 202, answer.text


async def listen(hub: Driven, count: int, **query: str) -> list[dict[str, Any]]:
    """The next messages, as a page without a key gets them."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as page,
        page.stream(
            "GET", f"{hub.base}/realtime/news", params={"limit": str(count), **query}
        ) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        return [
            json.loads(line.removeprefix("data: "))
            async for line in stream.aiter_lines()
            if line.startswith("data: ")
        ]


async def test_history_from_the_beginning_and_after_a_position(hub: Driven) -> None:
    await hub.put("/v1/channels/news", {"public": True})
    await publish(hub, 1, 2, 3)
    seen = await listen(hub, 3, last_event_id="earliest")
    assert [message["data"] for message in seen] == [1, 2, 3]
    await publish(hub, 4)
    after = await listen(hub, 3, last_event_id=seen[0]["position"])
    assert [message["data"] for message in after] == [2, 3, 4]


async def test_a_channel_that_is_not_public_needs_a_key(hub: Driven) -> None:
    async with httpx.AsyncClient(trust_env=False) as page:
        refused = await page.get(f"{hub.base}/realtime/news")
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthorized"
    async with hub.api.stream("GET", "/realtime/news") as stream:
        assert stream.status_code == 200


async def test_a_page_of_weweb_s_editor_may_listen(hub: Driven) -> None:
    await hub.put("/v1/channels/news", {"public": True})
    origin = "https://editor.weweb.io"
    async with httpx.AsyncClient(trust_env=False) as page:
        preflight = await page.options(
            f"{hub.base}/realtime/news",
            headers={"origin": origin, "access-control-request-method": "GET"},
        )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "content-type" in preflight.headers["access-control-allow-headers"]
