import base64
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.run import Ending, Failure, RunStatus
from tests.web.answers import good, refused
from tests.web.work import attempt, claim, finish, record

DONE = Ending(RunStatus.SUCCEEDED, "v1")
FAILED = Ending(RunStatus.FAILED, "v1", None, Failure("broken", "It broke."))


async def fate(api: httpx.AsyncClient, event_id: str) -> str:
    found: str = good(await api.get(f"/v1/events/{event_id}"))["fate"]
    return found


async def test_an_event_is_shown_whole(api: httpx.AsyncClient, hub: Hub) -> None:
    headers = [["content-type", "application/json"], ["x-a", "1"], ["x-a", "2"]]
    event_id = await record(hub, b'{"n": 1e2}', headers, task="shop/sell")
    (run,) = await claim(hub)
    event = good(await api.get(f"/v1/events/{event_id}"))
    assert event["headers"] == {"content-type": "application/json", "x-a": "1, 2"}
    assert (event["body"], event["body_encoding"]) == ({"n": 100.0}, "json")
    assert (event["source"], event["type"], event["fate"]) == ("shop", "order.made", "running")
    assert (event["duplicates"], event["runs"], event["deliveries"]) == (0, [run.id], [])


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        (b'{"a":1}', "application/json; charset=utf-8", ({"a": 1}, "json")),
        (b'{"a":1}', "application/problem+json", ({"a": 1}, "json")),
        (b"[1]", None, ([1], "json")),
        (b'{"a":1}', "text/plain", ('{"a":1}', "text")),
        (b'{"a":', "application/json", ('{"a":', "text")),
        (b"\xff\x00", "application/json", (base64.b64encode(b"\xff\x00").decode(), "base64")),
        (b"", "application/json", (None, None)),
        (b"18446744073709551617", None, (18446744073709551617, "json")),
    ],
)
async def test_a_body_is_shown_as_it_can_be_read(
    api: httpx.AsyncClient, hub: Hub, body: bytes, kind: str | None, shown: Any
) -> None:
    event_id = await record(hub, body, [["content-type", kind]] if kind else None)
    event = good(await api.get(f"/v1/events/{event_id}"))
    assert (event["body"], event["body_encoding"]) == shown


async def test_a_fate_follows_the_work(api: httpx.AsyncClient, hub: Hub) -> None:
    event_id = await record(hub, task="shop/sell")
    assert await fate(api, event_id) == "running"
    (run,) = await claim(hub)
    queued = DeliveryStart(new_id("dlv"), "till", b"{}", "a/b", "k", event_id, run.id)
    await finish(hub, run, DONE, starts=(queued,))
    assert await fate(api, event_id) == "running"
    await attempt(hub, DeliveryStatus.DEAD)
    assert await fate(api, event_id) == "dead"
    event = good(await api.get(f"/v1/events/{event_id}"))
    assert event["deliveries"] == [queued.id]


async def test_events_are_listed_by_fate_source_and_time(api: httpx.AsyncClient, hub: Hub) -> None:
    unmatched = await record(hub)
    dead = await record(hub, task="shop/sell")
    (run,) = await claim(hub)
    await finish(hub, run, FAILED)
    first = await record(hub, key="k", source="mall")
    again = await record(hub, key="k", source="mall")

    async def ids(**query: str) -> list[str]:
        page = good(await api.get("/v1/events", params=query))
        assert all("body" not in item for item in page["items"])
        return [item["id"] for item in page["items"]]

    assert await ids() == [again, first, dead, unmatched]
    assert await ids(fate="dead") == [dead]
    assert await ids(fate="duplicate") == [again]
    assert await ids(fate="unmatched") == [first, unmatched]
    assert await ids(fate="held") == await ids(fate="rejected") == []
    assert await ids(source="mall", fate="unmatched") == [first]
    assert good(await api.get(f"/v1/events/{first}"))["duplicates"] == 1
    assert good(await api.get(f"/v1/events/{again}"))["duplicate_of"] == first
    since = good(await api.get(f"/v1/events/{first}"))["received_at"]
    assert await ids(since=since) == [again, first]
    assert await ids(since="2999-01-01T00:00:00+00:00") == []


async def test_events_come_in_pages(api: httpx.AsyncClient, hub: Hub) -> None:
    made = [await record(hub) for _ in range(5)]
    seen: list[str] = []
    url: str | None = "/v1/events?limit=2&fate=unmatched"
    while url:
        page = good(await api.get(url))
        seen += [item["id"] for item in page["items"]]
        url = page["next"]
    assert seen == made[::-1]


@pytest.mark.parametrize("query", ["fate=fine", "since=yesterday", "since="])
async def test_a_filter_that_cannot_be_is_refused(api: httpx.AsyncClient, query: str) -> None:
    refused(await api.get(f"/v1/events?{query}"), 400, "query_invalid")


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
async def test_any_moment_may_be_asked_for(api: httpx.AsyncClient, since: str) -> None:
    assert good(await api.get("/v1/events", params={"since": since}))["items"] == []


async def test_an_unknown_event_is_404(api: httpx.AsyncClient) -> None:
    refused(await api.get("/v1/events/evt_" + "0" * 32), 404, "event_unknown")
    refused(await api.get("/v1/events/x"), 404, "event_unknown")
