"""A process dies with a change of a record committed and not yet told, or told and not noted."""

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.program import Driven, Program, client, free_port


async def told(driven: Driven, count: int) -> list[dict[str, Any]]:
    """The messages of the table, once there are so many, and those of a second more."""
    query = f"?last_event_id=earliest&limit={count}"
    await asyncio.wait_for(driven.api.get(f"/realtime/tables.orders{query}"), 15)
    said = await driven.api.get("/realtime/tables.orders?last_event_id=earliest&max_seconds=1")
    lines = [line[6:] for line in said.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", ["messages.ready", "messages.published"])
async def test_a_change_is_told_once_though_its_teller_dies(tmp_path: Path, point: str) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(tmp_path / "data")]
    arguments += ["--stacks", str(tmp_path / "none")]
    log = tmp_path / "up.log"
    hub = Program(arguments, {}, log)
    async with client(base) as api:
        driven = Driven(base, api)
        await hub.start()
        await hub.ready(base)
        await driven.put("/v1/tables/orders", {"live": True})
        assert await hub.stop() == 0
        dying = Program(arguments, {"HUB_FAULT_POINT": f"{point}:1"}, log)
        await dying.start()
        await dying.ready(base)
        assert dying.process is not None
        with suppress(httpx.TransportError):  # it may die before it has answered
            await driven.api.post("/v1/tables/orders/records", json={"n": 1})
        assert await asyncio.wait_for(dying.process.wait(), 20) == -signal.SIGKILL
        await hub.start()
        await hub.ready(base)
        try:
            [record] = (await driven.get("/v1/tables/orders/records"))["items"]
            [message] = await told(driven, 1)
            assert (message["event"], message["data"]["record"]) == ("record.added", record)
            second = await driven.api.post("/v1/tables/orders/records", json={"n": 2})
            assert [each["data"]["id"] for each in await told(driven, 2)] == [
                record["id"],
                second.json()["id"],
            ]
        finally:
            assert await hub.stop() == 0
