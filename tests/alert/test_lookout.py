"""Many processes look, one at a time; and what cannot go by way of the ledger is sent at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from redis.asyncio import Redis

from hub.alert.lookout import Lookout
from hub.alert.outage import Outage
from hub.alert.sending import Speaker
from hub.bootstrap import Hub, open_hub
from hub.errors import StoreError
from hub.model.alert import Phase
from hub.model.json import dumps_text, loads
from hub.settings import load_settings
from hub.store.alerts import (
    CLAIM_LOOK,
    KEEP_LOOK,
    MUTE_ALERT,
    REPORT_ALERTS,
    UNMUTE_ALERT,
    Look,
    Muting,
    Report,
    mutes_now,
    stand_now,
    standings_now,
)
from hub.store.ledger import Ledger
from hub.store.lookup import where
from hub.store.objects import PUT, PutObject
from hub.store.schema import deliveries
from hub.valkey import EmbeddedValkey
from tests.databases import prepare
from tests.program import LOOPBACK
from tests.sink import Sink, open_sink

MINUTE_US = 60_000_000
EVERY_S = 0.05


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    async with open_sink() as opened:
        yield opened


@pytest_asyncio.fixture
async def hubs(
    database_url: str | None, tmp_path: Path, valkey: EmbeddedValkey, redis: Redis, sink: Sink
) -> AsyncIterator[list[Hub]]:
    """Two processes' worth of one hub, which tells ``pager``."""
    prepare(database_url, tmp_path)
    settings = load_settings(
        database_url=database_url,
        data=tmp_path,
        alert_every_s=EVERY_S,
        alert_destinations="pager",
        outbound_allow=LOOPBACK,
    )
    async with open_hub(settings, valkey.url) as one, open_hub(settings, valkey.url) as other:
        await put(one, "destination", "pager", connector="n8n", url=sink.url)
        await put(one, "alert", "ledger-unavailable", when="ledger_unavailable", for_s=0)
        await other.catalog.refresh()
        yield [one, other]


async def put(hub: Hub, kind: Any, slug: str, **body: Any) -> None:
    await hub.ledger.write(PUT, PutObject(kind, slug, dumps_text(body)))
    await hub.catalog.refresh()


async def queued(hub: Hub) -> list[Any]:
    """The notices that wait for ``pager``."""
    rows = await hub.ledger.read(where, deliveries, destination="pager")
    return [loads(bytes(row["body"])) for row in rows]


async def look_long(lookouts: list[Lookout], looks: int = 8) -> int:
    """Have all of them look at the same time, again and again; gives how many looks counted."""
    count = 0
    for _ in range(looks):
        await asyncio.sleep(EVERY_S)
        count += sum(await asyncio.gather(*(each.look() for each in lookouts)))
    return count


async def test_of_two_that_look_one_counts_and_each_notice_is_queued_once(
    hubs: list[Hub],
) -> None:
    one, _ = hubs
    gone = {"connector": "n8n", "url": "https://x.example"}
    await put(one, "destination", "gone", **gone, state="disabled")
    await put(one, "alert", "destinations-disabled", when="destination_disabled", clear_s=0)
    lookouts = [Lookout(each) for each in hubs for _ in range(2)]
    assert await look_long(lookouts) >= 2
    (notice,) = await queued(one)
    assert notice["alerts"][0]["of"] == {"destination": "gone"}
    await put(one, "destination", "gone", **gone)
    await look_long(lookouts)
    events = sorted(each["event"] for each in await queued(one))
    assert events == ["alert.firing", "alert.resolved"]
    (standing,) = await one.ledger.read(standings_now)
    assert (standing.phase, standing.is_told, standing.told) == (Phase.RESOLVED, True, ())


async def test_a_look_that_was_overtaken_changes_nothing(ledger: Ledger) -> None:
    assert await ledger.write(CLAIM_LOOK, (0, MINUTE_US)) == 1
    assert await ledger.write(CLAIM_LOOK, (0, MINUTE_US)) == 2
    assert not await ledger.write(KEEP_LOOK, Look(1))
    assert await ledger.write(KEEP_LOOK, Look(2))
    assert await ledger.write(CLAIM_LOOK, (MINUTE_US, MINUTE_US)) == 3
    assert await ledger.write(CLAIM_LOOK, (0, MINUTE_US)) is None


async def test_a_mute_counts_until_its_end(ledger: Ledger) -> None:
    await ledger.write(MUTE_ALERT, Muting("one", MINUTE_US))
    await ledger.write(MUTE_ALERT, Muting("over", -MINUTE_US))
    assert list(await ledger.read(mutes_now)) == ["one"]
    stand = await ledger.read(stand_now, fresh_us=MINUTE_US)
    assert stand.muted == {"one"}
    assert await ledger.write(UNMUTE_ALERT, "one")
    assert not await ledger.write(UNMUTE_ALERT, "one")
    assert await ledger.read(mutes_now) == {}


async def test_reports_are_replaced_withdrawn_and_grow_old(ledger: Ledger) -> None:
    first, second = Report("disk_low", "box", 4.0), Report("process_failing", "tick", 1.0)

    async def reports(fresh_us: int = MINUTE_US) -> Any:
        return sorted(
            (await ledger.read(stand_now, fresh_us=fresh_us)).reports, key=lambda each: each[0]
        )

    await ledger.write(REPORT_ALERTS, ("wrk_1", (first,)))
    await ledger.write(REPORT_ALERTS, ("wrk_2", (first, second)))
    assert len(await reports()) == 3
    await ledger.write(REPORT_ALERTS, ("wrk_2", (second,)))
    assert await reports() == [("wrk_1", first), ("wrk_2", second)]
    await ledger.write(REPORT_ALERTS, ("wrk_1", ()))
    assert await reports() == [("wrk_2", second)]
    assert await reports(-MINUTE_US) == []
    await ledger.write(CLAIM_LOOK, (0, -MINUTE_US))
    assert await reports() == []


async def test_a_background_task_that_fails_is_seen_by_whoever_looks(hubs: list[Hub]) -> None:
    one, other = hubs
    await put(one, "alert", "processes-failing", when="process_failing", for_s=0)

    async def fail() -> None:
        raise RuntimeError("It broke.")

    other.supervisor.start("sweeping", fail)
    await look_long([Lookout(other), Lookout(one)])
    (notice,) = await queued(one)
    (alert,) = notice["alerts"]
    assert (alert["rule"], alert["of"]) == ("processes-failing", {"part": "sweeping"})


async def test_a_full_disk_is_seen(hubs: list[Hub]) -> None:
    one, _ = hubs
    await put(one, "alert", "disk-low", when="disk_low", threshold=100)
    await look_long([Lookout(one)])
    (notice,) = await queued(one)
    assert 0 <= notice["alerts"][0]["value"] <= 100


async def test_an_outage_of_the_ledger_is_told_at_once_by_one_and_so_is_its_end(
    hubs: list[Hub], sink: Sink
) -> None:
    zone = "UTC"
    outages = [Outage(each, Speaker(each.catalog, each.connectors, zone)) for each in hubs]
    for _ in range(3):
        for each in outages:
            await each.lasts(StoreError("The database does not answer."))
    assert [each.json["event"] for each in sink.requests] == ["alert.firing"]
    assert sink.requests[0].json["alerts"][0]["rule"] == "ledger-unavailable"
    for each in outages:
        await each.is_over()
        await each.is_over()
    assert [each.json["event"] for each in sink.requests] == ["alert.firing", "alert.resolved"]
    await outages[1].lasts(StoreError("Again."))
    assert len(sink.requests) == 3


async def test_an_outage_that_could_not_be_told_is_told_when_it_can(
    hubs: list[Hub], sink: Sink
) -> None:
    one, _ = hubs
    outage = Outage(one, Speaker(one.catalog, one.connectors, "UTC"))
    await put(one, "destination", "pager", connector="n8n", url="http://127.0.0.1:9/")
    await outage.lasts(StoreError("No."))
    await put(one, "destination", "pager", connector="n8n", url=sink.url)
    await outage.lasts(StoreError("No."))
    assert len(sink.requests) == 1


@pytest_asyncio.fixture
async def without_redis(tmp_path: Path, sink: Sink) -> AsyncIterator[Hub]:
    """A hub whose Redis nobody can reach."""
    prepare(None, tmp_path)
    settings = load_settings(
        data=tmp_path,
        alert_every_s=EVERY_S,
        alert_destinations="pager",
        outbound_allow=LOOPBACK,
    )
    async with open_hub(settings, f"unix://{tmp_path}/nobody.sock") as hub:
        await put(hub, "destination", "pager", connector="n8n", url=sink.url)
        yield hub


async def test_that_redis_is_away_is_told_at_once(without_redis: Hub, sink: Sink) -> None:
    await put(without_redis, "alert", "redis-unavailable", when="redis_unavailable", for_s=0)
    await look_long([Lookout(without_redis)])
    (request,) = sink.requests
    assert request.json["alerts"][0]["rule"] == "redis-unavailable"
    assert await queued(without_redis) == []
