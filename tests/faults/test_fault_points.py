"""The process is killed at each of its fault points in turn; nothing is lost, nothing is twice."""

import asyncio
import hashlib
import json
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from hub import fault_points
from hub.errors import SettingsError
from hub.fault_points import DATA_SETS, ERRANDS, POINTS
from tests.faults.test_random_faults import Load, audit_requests, every, fields, revived, settled
from tests.program import Driven, Program, client, free_port
from tests.sink import Sink, open_sink

STACK = """
{ tables: { kept: { live: { filter: { asked: true }, fields: ["n"] } } } }
{ task: "keep", source: "load", function_stack: [
  { function: "add_record", table: "kept", data: { n: "{{n}}" } },
  { function: "external_api_request", url: "SINK", data: { n: "{{n}}", kind: "asked" } },
  { function: "edit_record", table: "kept", record_id: "{{kept.id}}", data: { asked: true } },
  { function: "deliver", destination: "sink", payload: { n: "{{n}}", kind: "delivered" } },
  { function: "realtime_publish", channel: "kept", event: "kept", data: "{{n}}" },
  { function: "background_task", task: "after", data: { n: "{{n}}" } },
  { function: "emit_event", type: "paid", data: { n: "{{n}}" } },
] }
{ task: "after", function_stack: [
  { function: "wait_for", source: "hub", filter: { n: "{{n}}" }, timeout_s: 600 },
  { function: "add_record", table: "after", data: { n: "{{n}}" } },
] }
{ api_endpoint: "/ask", auth: "public", wait_s: 5, function_stack: [
  { function: "add_record", table: "asks", data: { n: "{{n}}" } },
  { function: "return_response", body: { n: "{{n}}" } },
  { function: "add_record", table: "asked_after", data: { n: "{{n}}" } },
] }
"""


class Asking:
    """Calls of an endpoint, each under one key until it is answered."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.answered: list[int] = []
        self.is_over = False

    async def ask(self) -> None:
        """Call until ``is_over``."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as caller:
            n = 0
            while not self.is_over:
                if await self._once(caller, n):
                    self.answered.append(n)
                    n += 1
                await asyncio.sleep(0.1)

    async def _once(self, caller: httpx.AsyncClient, n: int) -> bool:
        try:
            answer = await caller.post(
                f"{self._base}/ask", json={"n": n}, headers={"idempotency-key": f"ask-{n}"}
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            assert answer.json() == {"n": n}
        return answer.status_code == 200


class Keeping:
    """Files, each sent until its keeping is acknowledged."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api
        self.kept: dict[str, bytes] = {}
        self.is_over = False

    async def keep(self) -> None:
        """Send until ``is_over``."""
        n = 0
        while not self.is_over:
            body = b"%d" % n * 1000
            try:
                answer = await self._api.post("/v1/files", content=body)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 201:
                self.kept[answer.json()["id"]] = body
                n += 1
            await asyncio.sleep(0.1)

    async def audit(self) -> None:
        """Each that was acknowledged is there, and each that is there is whole."""
        there = await every(Driven("", self._api), "/v1/files?limit=500")
        assert self.kept.keys() <= {each["id"] for each in there}
        for each in there:
            answer = await self._api.get(f"/v1/files/{each['id']}/content")
            assert hashlib.sha256(answer.content).hexdigest() == each["sha256"]
            assert self.kept.get(each["id"], answer.content) == answer.content


async def die_at(point: str, arguments: list[str], log: Path) -> None:
    """A life of the hub that ends at that point."""
    setting = {"HUB_FAULT_POINT": f"{point}:3", "HUB_LEASE_S": "1", "HUB_ALERT_EVERY_S": "1"}
    program = Program(arguments, setting, log)
    await program.start()
    assert program.process is not None
    try:
        async with asyncio.timeout(30):
            code = await program.process.wait()
    finally:
        if program.process.returncode is None:
            await program.kill()
    assert code == -signal.SIGKILL, f"{point}: {program.said()[-2000:]}"


async def audit(driven: Driven, load: Load, asking: Asking, sink: Sink) -> None:
    """Every event and every call has had each of its effects once."""
    numbers = sorted(load.acknowledged)
    assert numbers == list(range(len(numbers)))
    runs = await every(driven, "/v1/runs?limit=500")
    assert {run["status"] for run in runs} == {"succeeded"}
    for table in ("kept", "after"):
        assert sorted(each["n"] for each in await fields(driven, table)) == numbers
    assert [each["n"] for each in await fields(driven, "asks")] == asking.answered
    # What comes after an answer is done in its own time: a later call may be done before it.
    after = await fields(driven, "asked_after")
    assert sorted(each["n"] for each in after) == asking.answered
    audit_requests(sink, numbers)
    said = await driven.api.get("/realtime/kept?last_event_id=earliest&max_seconds=1")
    came = Counter(line for line in said.text.splitlines() if line.startswith("data: "))
    assert len(came) == sum(came.values()) == len(numbers)
    told = await driven.api.get("/realtime/tables.kept?last_event_id=earliest&max_seconds=1")
    lines = [line[6:] for line in told.text.splitlines() if line.startswith("data: ")]
    events = Counter(
        (each["event"], each["data"]["record"]["fields"]["n"]) for each in map(json.loads, lines)
    )
    assert events == Counter(("record.added", n) for n in numbers)


@pytest.mark.timeout(240)
async def test_a_hub_that_dies_at_every_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(tmp_path / "data")]
    arguments += ["--stacks", str(tmp_path / "none")]
    log = tmp_path / "up.log"
    hub = Program(arguments, {"HUB_LEASE_S": "1"}, log)
    async with open_sink() as sink, client(base) as api:
        driven = Driven(base, api)
        await hub.start()
        await hub.ready(base)
        await driven.put("/v1/stacks/load", STACK.replace("SINK", sink.url))
        await driven.put("/v1/channels/kept", {"public": True})
        setting = {"connector": "standard", "url": sink.url, "retry_schedule_s": [0.2] * 20}
        await driven.put("/v1/destinations/sink", setting)
        await driven.put("/v1/sources/load", {"verify": {"mode": "none"}})
        assert await hub.stop() == 0
        load, asking, keeping = Load(base), Asking(base), Keeping(api)
        working = asyncio.gather(load.send(), asking.ask(), keeping.keep())
        for point in POINTS:
            if point in (*DATA_SETS, *ERRANDS):  # see test_datasets.py, test_errands.py
                continue
            await die_at(point, arguments, log)
        await hub.start()
        try:
            await hub.ready(base)
            load.is_over = asking.is_over = keeping.is_over = True
            await asyncio.wait_for(working, 30)
            await settled(driven, 30)
            if await revived(driven):
                await settled(driven, 30)
            await audit(driven, load, asking, sink)
            await keeping.audit()
            assert await hub.stop() == 0
        finally:
            if hub.process is not None and hub.process.returncode is None:
                await hub.kill()


@pytest.mark.parametrize("setting", ["", "nowhere:1", "run.claimed", "run.claimed:0"])
def test_what_is_no_point_is_refused(setting: str) -> None:
    with pytest.raises(SettingsError, match="is no fault point"):
        fault_points.arm(setting)
