"""``hub up`` as a user starts, stops, breaks and starts it again."""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.program import ADMIN_KEY, Driven, Program, client, embedded_hub, free_port
from tests.sink import Answer, Sink, open_sink

FIRST_KEY = re.compile(r"Your first key is (hub_[\w-]{43})\n")
STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "till", payload: { order: "{{order}}" } },
] }
"""


class Up(Program):
    """``hub up`` over a folder of the test."""

    def __init__(self, folder: Path, **environment: str | None) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.data = folder / "data"
        arguments = ["up", "--port", str(self.port), "--data", str(self.data)]
        arguments += ["--stacks", str(folder / "stacks")]
        log = folder / f"up-{self.port}.log"
        log.touch()
        super().__init__(arguments, environment, log)

    async def run(self) -> "Up":
        """Start it and wait until it is ready and has said so."""
        await self.start()
        await self.ready(self.base)
        await until(lambda: "The hub is ready at" in self.said())
        return self

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of an event."""
        found = [json.loads(each) for each in self.said().splitlines() if each.startswith("{")]
        return [line for line in found if line["event"] == event]


async def until(holds: Callable[[], bool], timeout_s: float = 10) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)


async def may_read(base: str, key: str) -> int:
    """The status with which a key is answered."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as caller:
        headers = {"authorization": f"Bearer {key}"}
        return (await caller.get(f"{base}/v1/sources", headers=headers)).status_code


@pytest_asyncio.fixture
async def till() -> AsyncIterator[Sink]:
    """A destination."""
    async with open_sink() as sink:
        yield sink


async def send_an_order(up: Up, till: Sink) -> None:
    """An event whose delivery has begun."""
    async with client(up.base) as api:
        driven = Driven(up.base, api)
        await driven.put("/v1/stacks/shop", STACK)
        await driven.put("/v1/sources/shop", {"verify": {"mode": "none"}})
        setting = {"connector": "standard", "url": till.url, "retry_schedule_s": [0.1] * 5}
        await driven.put("/v1/destinations/till", setting)
        assert (await api.post("/in/shop", json={"order": 1})).status_code == 202
    await till.wait_for(1)


async def delivered(up: Up) -> dict[str, Any]:
    """The one delivery, once it is delivered."""
    async with client(up.base) as api:
        driven = Driven(up.base, api)
        (delivery,) = (await driven.get("/v1/deliveries"))["items"]
        return await driven.until(f"/v1/deliveries/{delivery['id']}", status="delivered")


async def test_the_first_key_is_shown_once_and_works_from_then_on(tmp_path: Path) -> None:
    first = await Up(tmp_path, HUB_ADMIN_KEY=None).run()
    (key,) = FIRST_KEY.findall(first.said())
    assert await may_read(first.base, key) == 200
    assert await may_read(first.base, "hub_" + "x" * 43) == 401
    assert await first.stop() == 0
    assert not any(key in path.read_text("latin-1") for path in first.data.glob("hub.sqlite*"))
    second = await Up(tmp_path, HUB_ADMIN_KEY=None).run()
    assert "first key" not in second.said()
    assert key not in second.said()
    assert await may_read(second.base, key) == 200
    assert await second.stop() == 0


async def test_the_first_key_can_be_given_and_is_not_shown(tmp_path: Path) -> None:
    up = await Up(tmp_path).run()
    assert await may_read(up.base, ADMIN_KEY) == 200
    assert ADMIN_KEY not in up.said()
    assert "first key" not in up.said()
    assert await up.stop() == 0


async def test_a_key_that_is_too_short_is_refused_in_one_line(tmp_path: Path) -> None:
    up = Up(tmp_path, HUB_ADMIN_KEY="too-short")
    assert await up.ended() == 2
    (line,) = up.said().splitlines()
    assert line.startswith("hub: HUB_ADMIN_KEY: ")
    assert "24 characters" in line
    assert "too-short" not in line
    assert not up.data.exists()


async def test_a_second_hub_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    first, second = await Up(tmp_path).run(), Up(tmp_path)
    assert await second.ended() == 2
    (line,) = second.said().splitlines()
    assert first.process is not None
    assert line.startswith(f"hub: Another hub (process {first.process.pid}) uses")
    assert str(first.data) in line
    assert await may_read(first.base, ADMIN_KEY) == 200
    assert await first.stop() == 0


async def test_a_port_that_is_taken_is_refused_and_named(tmp_path: Path) -> None:
    up = Up(tmp_path)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", up.port):
        assert await up.ended() == 2
    assert "Traceback" not in up.said()
    assert up.said().splitlines()[-1].startswith("hub: ")
    assert f"port {up.port}" in up.said().splitlines()[-1]
    assert processes_of(up.data) == []


async def test_stack_files_are_applied_again_when_they_change_and_mistakes_are_named(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (folder / "good.json5").write_text(STACK)
    (folder / "bad.json5").write_text('{ task: "t", function_stack: [ { function: "log" } ] }')
    (folder / os.fsdecode(b"odd\xff.json")).write_text(STACK)
    (folder / "notes.txt").write_text("no stack")
    up = await Up(tmp_path).run()
    refused = {Path(line["file"]).name: line for line in up.lines("file.refused")}
    assert [line["stack"] for line in up.lines("stack.applied")] == ["good"]
    assert len(refused) == 2
    assert "message" in json.dumps(refused["bad.json5"]["problems"])
    async with client(up.base) as api:
        refusal = await api.put("/v1/stacks/good", content=STACK)
        assert (refusal.status_code, refusal.json()["code"]) == (409, "managed_by_file")
        assert (await api.delete("/v1/stacks/good")).status_code == 409
        before = (await api.get("/v1/stacks/good")).json()
    assert await up.stop() == 0
    (folder / "good.json5").write_text(STACK.replace("pass_on", "hand_over"))
    up = await Up(tmp_path).run()
    assert [line["stack"] for line in up.lines("stack.applied")] == ["good"]
    async with client(up.base) as api:
        after = (await api.get("/v1/stacks/good")).json()
    assert (before["tasks"], after["tasks"]) == (["good/pass_on"], ["good/hand_over"])
    assert before["version"] != after["version"]
    assert await up.stop() == 0


async def test_files_that_did_not_change_are_not_applied_again(tmp_path: Path) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (folder / "good.json5").write_text(STACK)
    for applied in (["good"], []):
        with capture_logs() as said:
            async with embedded_hub(tmp_path) as hub:
                assert (await hub.get("/v1/stacks/good"))["managed_by"] == "file"
        assert [each["stack"] for each in said if each["event"] == "stack.applied"] == applied


async def test_a_file_takes_over_a_stack_that_the_api_has_set_the_same(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        await hub.put("/v1/stacks/shop", STACK)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "shop.json5").write_text(STACK)
    async with embedded_hub(tmp_path) as hub:
        assert (await hub.get("/v1/stacks/shop"))["managed_by"] == "file"
        assert (await hub.api.put("/v1/stacks/shop", content=STACK)).status_code == 409


async def test_stack_files_may_be_yaml_and_the_broken_one_says_where(tmp_path: Path) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (folder / "till.yaml").write_text("task: ring\nfunction_stack: []\n")
    (folder / "shop.yml").write_text("task: sell\nfunction_stack: {{ steps }}\n")
    with capture_logs() as said:
        async with embedded_hub(tmp_path) as hub:
            assert (await hub.get("/v1/stacks/till"))["tasks"] == ["till/ring"]
    (line,) = [each for each in said if each["event"] == "file.refused"]
    assert line["file"].endswith("shop.yml")
    assert line["message"] == "Line 2, column 17: An expression needs quotes in YAML."


async def test_two_files_for_one_stack_are_named_and_the_first_counts(tmp_path: Path) -> None:
    for name, task in (("a/shop.json", "first"), ("b/shop.json5", "second")):
        path = tmp_path / "stacks" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"task": task, "function_stack": []}))
    with capture_logs() as said:
        async with embedded_hub(tmp_path) as hub:
            assert (await hub.get("/v1/stacks/shop"))["tasks"] == ["shop/first"]
    (line,) = [each for each in said if each["event"] == "file.refused"]
    assert line["file"].endswith("b/shop.json5")
    assert "a/shop.json" in line["message"]


async def test_a_stop_while_a_page_listens_ends_soon_and_cleanly(tmp_path: Path) -> None:
    up = await Up(tmp_path).run()
    async with client(up.base) as api, api.stream("GET", "/realtime/news") as stream:
        assert stream.status_code == 200
        pieces = stream.aiter_bytes()
        assert (await anext(pieces)).startswith(b": hello")
        began = time.monotonic()
        assert await up.stop() == 0
        assert time.monotonic() - began < 5
        assert [piece async for piece in pieces if b"data:" in piece] == []
    assert "Traceback" not in up.said()
    assert len(up.lines("runner.stopped")) == 1


async def test_a_delivery_under_way_is_finished_before_the_end(tmp_path: Path, till: Sink) -> None:
    till.answer = lambda n, request: Answer(delay_s=1)
    up = await Up(tmp_path).run()
    await send_an_order(up, till)
    assert await up.stop(timeout_s=8) == 0
    assert "Traceback" not in up.said()
    again = await Up(tmp_path).run()
    delivery = await delivered(again)
    assert (len(delivery["attempts"]), len(till.requests)) == (1, 1)
    assert await again.stop() == 0


async def test_a_delivery_that_takes_too_long_is_given_back_and_made_after_the_next_start(
    tmp_path: Path, till: Sink
) -> None:
    till.answer = lambda n, request: Answer(delay_s=60 if n == 0 else 0)
    up = await Up(tmp_path, HUB_STOP_GRACE_S="0.2").run()
    await send_an_order(up, till)
    began = time.monotonic()
    assert await up.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in up.said()
    (stopped,) = up.lines("runner.stopped")
    assert stopped["deliveries"] == 1
    again = await Up(tmp_path).run()
    delivery = await delivered(again)
    assert len(delivery["attempts"]) == 1
    assert len({request.key for request in till.requests}) == 1
    assert await again.stop() == 0


def processes_of(folder: Path) -> list[str]:
    """The command lines that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:  # it has just ended
            continue
        if os.fsencode(folder) in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes by /proc")
async def test_a_kill_leaves_no_valkey_behind(tmp_path: Path) -> None:
    up = await Up(tmp_path).run()
    assert any("valkey-server" in line for line in processes_of(up.data))
    await up.kill()
    await until(lambda: processes_of(up.data) == [], timeout_s=3)
    again = await Up(tmp_path).run()
    assert await may_read(again.base, ADMIN_KEY) == 200
    assert await again.stop() == 0
    assert processes_of(up.data) == []
