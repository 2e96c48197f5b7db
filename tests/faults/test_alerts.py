"""Killed on the way of an alert, wherever that is: it is told once all the same."""

import asyncio
from pathlib import Path

import pytest

from tests.program import Driven, Program, client, free_port
from tests.sink import open_sink

OFTEN = {"HUB_ALERT_EVERY_S": "0.2", "HUB_ALERT_DESTINATIONS": "pager", "HUB_LEASE_S": "1"}
SELDOM = {**OFTEN, "HUB_ALERT_EVERY_S": "3600"}


@pytest.mark.parametrize("point", ["alerts.ready:2", "alerts.told:2"])
async def test_a_crash_neither_loses_a_notice_nor_repeats_it(point: str, tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(tmp_path), "--stacks", str(tmp_path)]
    log = tmp_path / "up.log"
    async with open_sink() as pager, client(base) as api:
        driven = Driven(base, api)
        first = Program(arguments, SELDOM, log)
        await first.start()
        await first.ready(base, timeout_s=60)
        await driven.put("/v1/destinations/pager", {"connector": "standard", "url": pager.url})
        gone = {"connector": "standard", "url": pager.url, "state": "disabled"}
        await driven.put("/v1/destinations/gone", gone)
        assert await first.stop() == 0
        killed = Program(arguments, {**OFTEN, "HUB_FAULT_POINT": point}, log)
        await killed.start()
        assert killed.process is not None
        async with asyncio.timeout(60):
            assert await killed.process.wait() == -9
        second = Program(arguments, OFTEN, log)
        await second.start()
        try:
            await second.ready(base, timeout_s=60)
            await pager.wait_for(1, timeout_s=60)
            await asyncio.sleep(2)
            items = (await driven.get("/v1/alerts/firing"))["items"]
            assert [each["told"] for each in items] == [["pager"]]
        finally:
            assert await second.stop() == 0
        assert [each.json["event"] for each in pager.requests] == ["alert.firing"], second.said()
