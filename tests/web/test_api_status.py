"""How the hub stands at a glance, and how much there was by the minute."""

import time

import httpx
import pytest
from redis.asyncio import Redis

from hub.bootstrap import Hub
from hub.observe.metrics import Metrics
from hub.observe.rates import COUNTED, Rates
from hub.web.parameters import whole
from tests.web.answers import good, refused


async def test_a_new_hub_has_nothing_to_tell(api: httpx.AsyncClient) -> None:
    told = good(await api.get("/v1/status"))
    assert (told["events"], told["runs"], told["deliveries"]) == ({}, {}, {})
    assert (told["dead_letters"], told["breakers"], told["disabled"]) == (0, [], [])
    assert told["paused"] == {"all": False, "lanes": [], "stacks": []}
    assert told["worker"] is False


async def test_what_is_paused_open_or_off_is_told(api: httpx.AsyncClient) -> None:
    for slug in ("one", "two"):
        wish = {"connector": "standard", "url": "https://example.com/"}
        good(await api.put(f"/v1/destinations/{slug}", json=wish), 201)
    good(await api.post("/v1/destinations/one/breaker/trip", json={}))
    good(await api.post("/v1/destinations/two/pause", json={"reason": "moving"}))
    good(await api.post("/v1/lanes/low/pause"))
    told = good(await api.get("/v1/status"))
    assert told["breakers"] == [{"destination": "one", "state": "open"}]
    assert told["disabled"] == ["two"]
    assert told["paused"]["lanes"] == ["low"]
    assert told["lanes"]["low"]["paused"]


async def test_what_processes_count_is_added_by_the_minute(
    api: httpx.AsyncClient, hub: Hub, redis: Redis
) -> None:
    server, worker = Metrics(), Metrics()
    for process in (server, worker):
        process.event_received("shop", "accepted", 0.01, 3)
        process.event_received("shop", "duplicate", 0.01)
        process.event_received(None, "rejected", None)
        told = Rates(redis, process)
        await told.tell()
        await told.tell()
        process.event_received("other", "accepted", 0.01)
        await told.tell()
    items = good(await api.get("/v1/rates?minutes=3"))["items"]
    assert len(items) == 3
    sums = {word: sum(each[word] for each in items) for word in COUNTED}
    assert sums == dict.fromkeys(COUNTED, 0) | {"received": 8, "rejected": 2}
    ends = [key for key in await redis.keys("hub:rates:*") if await redis.ttl(key) > 86_400]
    assert ends, "a day of minutes is kept, and then they end"


async def test_minutes_follow_each_other_up_to_now(api: httpx.AsyncClient) -> None:
    items = good(await api.get("/v1/rates?minutes=1440"))["items"]
    assert len({each["at"] for each in items}) == 1440
    assert [each["at"] for each in items] == sorted(each["at"] for each in items)
    assert items[-1]["at"][:13] in {
        time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - ago)) for ago in (0, 60)
    }
    assert len(good(await api.get("/v1/rates"))["items"]) == 60


@pytest.mark.parametrize("given", ["0", "1441", "-1", "1.5", "", "many", "9" * 30, "\u0663"])
async def test_other_numbers_of_minutes_are_refused(api: httpx.AsyncClient, given: str) -> None:
    refused(await api.get("/v1/rates", params={"minutes": given}), 400, "query_invalid")


def test_a_number_that_is_left_out_is_its_default() -> None:
    assert whole("n", "", 1, 9, default=4).number(None) == 4
    assert whole("n", "", 1, 9).number(None) == 0
