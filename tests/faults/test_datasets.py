"""A data set is worked through while the hub is killed: in the end it is as if nothing had been.

``HUB_TEST_DATASET_KILLS`` and ``HUB_TEST_DATASET_ROWS`` make it longer.
"""

import asyncio
import csv
import hashlib
import io
import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.fault_points import DATA_SETS
from tests.faults.test_random_faults import every, fields, settled
from tests.flows.test_datasets import serving
from tests.outbound.datasets import Dataset
from tests.program import Driven, Program, client, free_port
from tests.reference import TEXTS, at_hand
from tests.sink import Sink, open_sink

ROWS = int(os.environ.get("HUB_TEST_DATASET_ROWS", "20000"))
KILLS = int(os.environ.get("HUB_TEST_DATASET_KILLS", "10"))
CHUNK_ROWS = 1_000
RATE = 8 << 20
PRELUDE = """
import hub.stack.steps.datasets as steps
steps._SAVE_EVERY_S = 0.2
"""
"""Marks are made so often that each life comes to some."""
FEW_BYTES = """
import hub.outbound.download as download
download.CHECKPOINT_BYTES = 65536
"""
"""A small data set has checkpoints too."""
EACH_CHUNK = """
{ task: "crunch", function_stack: [
  { function: "download_dataset", url: "{{input.url}}" },
  { function: "process_data_in_chunks", chunk_size: 100, function_stack: [
    { function: "for_each_loop", array: "{{chunk}}", function_stack: [
      { function: "add_record", table: "rows", data: { no: "{{loop_item.no}}" } } ] },
    { function: "deliver", destination: "sink", payload: { kind: "chunk", n: "{{chunk_index}}" } },
    { function: "external_api_request", url: "SINK",
      data: { kind: "asked", n: "{{chunk_index}}" } },
    { function: "upsert_record", table: "totals", where: { of: "all" },
      data: { rows: { $inc: "{{length(chunk)}}" }, chunks: { $inc: 1 } } },
  ] },
] }
"""


def table(rows: int, width: int) -> bytes:
    """A file of CSV, the same each time."""
    dice = random.Random(rows)  # noqa: S311 - no secret
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["no", "name", "amount", "city", "at", "note"])
    for n in range(rows):
        amount, city = dice.randrange(100_000) / 100, dice.choice(["Oslo", "Rome", ""])
        note = dice.randbytes(width // 2).hex()
        writer.writerow([n, f"user {n % 977}", amount, city, f"2026-01-{n % 28 + 1:02d}", note])
    return text.getvalue().encode()


@dataclass
class Story:
    """A hub in a process of its own that works on a data set, and may be killed."""

    folder: Path
    dataset: Dataset
    url: str
    sink: Sink
    port: int = field(default_factory=free_port)
    prelude: str = PRELUDE
    environment: dict[str, str] = field(default_factory=dict)
    hub: Program | None = None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, point: str | None = None) -> None:
        """Begin a life, which may end at a fault point."""
        setting = {"HUB_LEASE_S": "1", "HUB_NOTIFY_DESTINATIONS": "sink", **self.environment}
        if point is not None:
            setting["HUB_FAULT_POINT"] = point
        arguments = ["up", "--port", str(self.port), "--data", str(self.data)]
        arguments += ["--stacks", str(self.folder / "none")]
        self.hub = Program(arguments, setting, self.folder / "up.log", self.prelude)
        await self.hub.start()

    async def kill(self) -> None:
        """End a life."""
        assert self.hub is not None
        assert self.hub.process is not None
        if self.hub.process.returncode is None:
            await self.hub.kill()

    async def dies_at(self, point: str) -> None:
        """A life that ends at that point by itself."""
        await self.start(point)
        await self.died()

    async def died(self) -> None:
        """Wait until it has come to its point."""
        assert self.hub is not None
        assert self.hub.process is not None
        async with asyncio.timeout(60):
            code = await self.hub.process.wait()
        assert code == -signal.SIGKILL, self.hub.said()[-3000:]

    async def ready(self) -> None:
        """Wait until it answers."""
        assert self.hub is not None
        await self.hub.ready(self.base)

    async def set_up(self, api: httpx.AsyncClient, name: str, stack: str) -> None:
        """Have it know a stack, and whom to tell."""
        driven = Driven(self.base, api)
        setting = {"connector": "standard", "url": self.sink.url, "retry_schedule_s": [0.2] * 20}
        await driven.put("/v1/destinations/sink", setting)
        await driven.put(f"/v1/stacks/{name}", stack)

    async def begin(self, api: httpx.AsyncClient) -> None:
        """Set it up, and ask for the work."""
        await self.set_up(api, "big", TEXTS[12])
        answer = await api.post(
            "/api/process-large-dataset", json={"dataset_url": f"{self.url}users.csv"}
        )
        assert answer.status_code == 200, answer.text

    async def run(self, api: httpx.AsyncClient) -> dict[str, Any]:
        """The run that does the work."""
        (found,) = (await Driven(self.base, api).get("/v1/runs?task=big/process_dataset"))["items"]
        return dict(found)

    async def ended(self, api: httpx.AsyncClient) -> dict[str, Any]:
        """The same, when it has ended and all that it asked for has left."""
        await settled(Driven(self.base, api), 60 + ROWS / 200)
        return await self.run(api)

    def lying(self) -> tuple[list[str], list[Path]]:
        """What lies in the folder of downloads, and among the files."""
        downloads = [each.name for each in (self.data / "downloads").glob("*")]
        return downloads, [each for each in (self.data / "files").rglob("*") if each.is_file()]


@asynccontextmanager
async def telling(folder: Path, dataset: Dataset, **given: Any) -> AsyncIterator[Story]:
    """A story with its servers; its hub is gone at the end."""
    await asyncio.to_thread(folder.mkdir)
    async with open_sink() as sink, serving(dataset) as url:
        story = Story(folder, dataset, url, sink, **given)
        try:
            yield story
        finally:
            if story.hub is not None:
                await story.kill()


def changes(data: Path) -> int:
    """How often the job's record was written."""
    with closing(sqlite3.connect(data / "hub.sqlite")) as ledger:
        [(rev,)] = ledger.execute("SELECT rev FROM records WHERE table_name = 'processing_jobs'")
        return int(rev)


async def outcome(story: Story, api: httpx.AsyncClient) -> tuple[str, int]:
    """Check what it all led to; the digest of the report as JSON, and the job's changes."""
    driven = Driven(story.base, api)
    run = await story.ended(api)
    assert run["status"] == "succeeded", run
    (job,) = await every(driven, "/v1/tables/processing_jobs/records")
    assert job["fields"]["status"] == "completed", job
    notices = {each.key for each in story.sink.requests}
    assert len(notices) == 1
    assert {each.json["type"] for each in story.sink.requests} == {"run.succeeded"}
    assert (await every(driven, "/v1/deliveries?status=dead&limit=500")) == []
    files = await every(driven, "/v1/files?limit=500")
    names = Counter(each["name"].partition("-")[0] for each in files)
    assert names == {"users.csv": 1, "analysis": 1, "report.html": 1, "report.json": 1}
    (report,) = (each for each in files if each["name"] == "report.json")
    content = (await api.get(f"/v1/files/{report['id']}/content")).content
    assert hashlib.sha256(content).hexdigest() == report["sha256"]
    async with httpx.AsyncClient(trust_env=False) as anybody:
        assert (await anybody.get(job["fields"]["result_url"])).status_code == 200
    downloads, blobs = story.lying()
    assert downloads == []
    swept = len(blobs) - len(files)  # what no row means is older than an hour before it goes
    assert swept >= 0
    return report["sha256"], changes(story.data)


async def undisturbed(folder: Path, content: bytes, **given: Any) -> tuple[str, int]:
    """The outcome where nobody kills anything."""
    async with telling(folder, Dataset(content), **given) as story, client(story.base) as api:
        await story.start()
        await story.ready()
        await story.begin(api)
        found = await outcome(story, api)
        assert story.hub is not None
        assert await story.hub.stop() == 0
        assert len(story.lying()[1]) == 4
        return found


class Moments:
    """Kills at random moments, spread over the stages of the work."""

    def __init__(self, story: Story, api: httpx.AsyncClient, dice: random.Random) -> None:
        self._story = story
        self._api = api
        self._dice = dice
        self.resumable: list[int] = []
        """The numbers of those requests for data that have to go on where something was kept."""
        self.seen: Counter[str] = Counter()
        self._late = 0
        self._kept_at = 0.0

    async def kill_at(self, share: float) -> None:
        """Wait until such a share of the lives is due, and a little; then kill it.

        A life comes further than the last one, but for a few: else the run would be poisoned.
        """
        rest_s = 0.4
        if share < 0.2 and self.seen.total() < 2:
            await self._until_fetching()
        elif share < 0.4:
            await self._until_kept()
        elif share < 0.8:
            await self._until_rows(int(ROWS * (share - 0.4) * 2))
        else:
            self._late += 1
            rest_s *= self._late
            await self._until_rows(ROWS)
        await asyncio.sleep(self._dice.uniform(0, rest_s))
        await self._story.kill()
        kept = any(name.endswith(".known") for name in self._story.lying()[0])
        self.seen["kept" if kept else "else"] += 1
        if kept:
            self.resumable.append(len(self._story.dataset.asked))

    async def _until_fetching(self) -> None:
        asked = len(self._story.dataset.asked)
        async with asyncio.timeout(30):
            while len(self._story.dataset.asked) == asked and not await self._rows():
                await asyncio.sleep(0.02)

    async def _until_kept(self) -> None:
        """Wait for another checkpoint."""
        before = self._kept_at
        async with asyncio.timeout(30):
            while self._kept_at == before and not await self._rows():
                for each in (self._story.data / "downloads").glob("*.known"):
                    with suppress(FileNotFoundError):
                        self._kept_at = each.stat().st_mtime
                await asyncio.sleep(0.02)

    async def _until_rows(self, rows: int) -> None:
        async with asyncio.timeout(60 + ROWS / 200):
            while await self._rows() < rows:
                await asyncio.sleep(0.02)

    async def _rows(self) -> int:
        """So many rows are done, as the run tells; all of them when it has ended."""
        run = await self._story.run(self._api)
        message = (run["progress"] or {}).get("message") or ""
        if run["status"] not in ("queued", "running"):
            return ROWS
        return int(message.split()[0].replace(",", "")) if message.endswith("rows") else 0


@at_hand
@pytest.mark.timeout(180 + 12 * KILLS + ROWS / 100)
async def test_a_data_set_whose_hub_is_killed_at_random_ends_with_the_same_report(
    tmp_path: Path,
) -> None:
    content = table(ROWS, width=900)
    expected = await undisturbed(tmp_path / "calm", content)
    dice = random.Random(random.randrange(1 << 32))  # noqa: S311 - the seed of the test
    dataset = Dataset(content, rate=RATE)
    async with telling(tmp_path / "killed", dataset) as story, client(story.base) as api:
        await story.start()
        await story.ready()
        await story.begin(api)
        moments = Moments(story, api, dice)
        for n in range(KILLS):
            await moments.kill_at(n / KILLS)
            await story.start()
            await story.ready()
        assert await outcome(story, api) == expected
        assert story.hub is not None
        assert await story.hub.stop() == 0
    assert moments.seen["kept"] > 0
    for number in moments.resumable:
        if number < len(dataset.asked):
            asked = dataset.asked[number]
            assert asked is not None, (number, dataset.asked)
            assert int(asked.removeprefix("bytes=").removesuffix("-")) >= 8 << 20


@at_hand
@pytest.mark.timeout(240)
async def test_a_data_set_whose_hub_dies_at_each_point_ends_with_the_same_report(
    tmp_path: Path,
) -> None:
    content = table(6_000, width=40)
    given = {"prelude": PRELUDE.replace("0.2", "0.0") + FEW_BYTES}
    expected = await undisturbed(tmp_path / "calm", content, **given)
    dataset = Dataset(content, rate=200 << 10)
    async with telling(tmp_path / "killed", dataset, **given) as story, client(story.base) as api:
        await story.start()
        await story.ready()
        await story.begin(api)
        await story.kill()
        for point in ("download.kept:2", "download.complete:1", "file.written:1", "dataset.kept:1"):
            await story.dies_at(point)
        for point in ("chunk.worked:1", "analysis.kept:2", "chunk.marked:2"):
            await story.dies_at(point)
        for point in ("report.begun:1", "report.kept:1"):
            await story.dies_at(point)
        await story.start()
        await story.ready()
        assert await outcome(story, api) == expected
        assert story.hub is not None
        assert await story.hub.stop() == 0
    assert dataset.asked[-1] is not None


def test_each_point_of_a_data_set_is_one_that_a_hub_dies_at() -> None:
    here = Path(__file__).read_text()
    assert [point for point in DATA_SETS if f'"{point}:' not in here] == []


@pytest.mark.timeout(240)
async def test_what_each_chunk_does_is_done_once_though_the_hub_dies(tmp_path: Path) -> None:
    dataset = Dataset(table(1_000, width=10))
    async with telling(tmp_path / "killed", dataset) as story, client(story.base) as api:
        driven = Driven(story.base, api)
        await story.start()
        await story.ready()
        await story.set_up(api, "data", EACH_CHUNK.replace("SINK", story.sink.url))
        assert story.hub is not None
        assert await story.hub.stop() == 0
        await story.start("chunk.worked:2")
        await story.ready()
        given = {"input": {"url": f"{story.url}a.csv"}}
        answer = await api.post("/v1/tasks/crunch/runs", json=given)
        assert answer.status_code == 202, answer.text
        await story.died()
        for point in ("chunk.worked:1", "chunk.marked:1", "request.answered:1", "segment.ready:9"):
            await story.dies_at(point)
        await story.start()
        await story.ready()
        await settled(driven, 60)
        (run,) = (await driven.get("/v1/runs?task=data/crunch"))["items"]
        assert run["status"] == "succeeded", run
        assert sorted(int(each["no"]) for each in await fields(driven, "rows")) == [*range(1_000)]
        totals = await fields(driven, "totals")
        assert totals == [{"of": "all", "rows": 1_000, "chunks": 10}]
        keys: dict[tuple[str, int], set[str]] = {}
        for each in story.sink.requests:
            keys.setdefault((each.json["kind"], each.json["n"]), set()).add(each.key)
        assert sorted(keys) == sorted((kind, n) for kind in ("asked", "chunk") for n in range(10))
        assert {len(each) for each in keys.values()} == {1}
        assert await story.hub.stop() == 0
