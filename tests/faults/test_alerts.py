"""Killed on the way of an alert, wherever that is: it is told once all the same."""

import asyncio
from pathlib import Path

import pytest

from tests.program import Program, embedded_hub, free_port
from tests.sink import open_sink

OFTEN_S = 0.2


@pytest.mark.timeout(240)  # three starts of the hub, one of them in a process of its own
@pytest.mark.parametrize("point", ["alerts.ready:2", "alerts.told:2"])
async def test_a_crash_neither_loses_a_notice_nor_repeats_it(point: str, tmp_path: Path) -> None:
    """The first look finds it, the second one tells it."""
    told = {"alert_destinations": "pager"}
    async with open_sink() as pager:
        async with embedded_hub(tmp_path, **told) as hub:
            there = {"connector": "standard", "url": pager.url}
            await hub.put("/v1/destinations/pager", there)
            await hub.put("/v1/destinations/gone", {**there, "state": "disabled"})
        port = str(free_port())
        killed = Program(
            ["up", "--port", port, "--data", str(tmp_path), "--stacks", str(tmp_path / "stacks")],
            {
                "HUB_ALERT_EVERY_S": str(OFTEN_S),
                "HUB_ALERT_DESTINATIONS": "pager",
                "HUB_FAULT_POINT": point,
            },
            tmp_path / "up.log",
        )
        await killed.start()
        assert killed.process is not None
        assert await killed.process.wait() == -9, killed.said()
        async with embedded_hub(tmp_path, alert_every_s=OFTEN_S, **told) as hub:
            await pager.wait_for(1, timeout_s=60)
            await asyncio.sleep(2)
            (firing,) = (await hub.get("/v1/alerts/firing"))["items"]
            assert firing["told"] == ["pager"]
        assert [each.json["event"] for each in pager.requests] == ["alert.firing"]
