"""Two workers at one data set: whoever has lost the run lets go, and it is all done once."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from hub.outbound.partfile import PartFile
from hub.run.datasets import FiledDataSets
from hub.stack.datasets import Fetch
from hub.stack.steps import datasets as steps
from hub.store.leases import EXPIRE_ALL, SWEEP
from tests.faults.apart import until
from tests.faults.test_datasets_refused import lying
from tests.flows.test_datasets import ended, serving, table
from tests.outbound.datasets import Dataset
from tests.program import Driven, embedded_hub

LOSSES = 3
"""Of each kind: five in a row without coming further end a run."""
STACK = """{ task: "crunch", function_stack: [
  { function: "download_dataset", url: "{{input.url}}" },
  { function: "process_data_in_chunks", chunk_size: 500 },
  { function: "generate_analysis_report" },
] }"""


async def work(hub: Driven, url: str, losses: int) -> tuple[str, int]:
    """The report's digest, and the times that a run was begun that lost its lease so often."""
    answer = await hub.api.post("/v1/tasks/crunch/runs", json={"input": {"url": url}})
    assert answer.status_code == 202, answer.text
    run_id = answer.json()["id"]
    for word in ("fetched", "rows") if losses else ():
        await until(lambda word=word: comes_to(hub, run_id, word))
        for _ in range(losses):
            before = (await hub.get(f"/v1/runs/{run_id}"))["attempt"]
            await lose(hub)
            await until(lambda before=before: begins_again(hub, run_id, before))
    run = await ended(hub, "data/crunch")
    assert (run["id"], run["status"]) == (run_id, "succeeded"), run
    files = (await hub.get(f"/v1/files?run_id={run_id}"))["items"]
    assert sorted(each["name"].partition("-")[0] for each in files) == [
        "analysis",
        "report.html",
        "report.json",
        "users.csv",
    ]
    (digest,) = (each["sha256"] for each in files if each["name"] == "report.json")
    return digest, run["attempt"]


async def comes_to(hub: Driven, run_id: str, word: str) -> bool:
    """Whether the run tells of what is named so, or has ended."""
    run = await hub.get(f"/v1/runs/{run_id}")
    return run["status"] == "succeeded" or word in ((run["progress"] or {}).get("message") or "")


async def begins_again(hub: Driven, run_id: str, before: int) -> bool:
    """Whether somebody has claimed the run anew, or it has ended."""
    run = await hub.get(f"/v1/runs/{run_id}")
    return run["status"] == "succeeded" or run["attempt"] > before


async def lose(hub: Driven) -> None:
    """All leases run out, so that what is being worked on is claimed anew beside that."""
    assert hub.hub is not None
    await hub.hub.ledger.write(EXPIRE_ALL, None)
    await hub.hub.ledger.write(SWEEP, None)


@pytest.mark.timeout(90)
async def test_a_run_that_loses_its_lease_at_a_data_set_does_it_all_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_SAVE_EVERY_S", 0.05)
    dataset = Dataset(table(40_000))
    async with embedded_hub(tmp_path) as hub, serving(dataset) as url:
        await hub.put("/v1/stacks/data", STACK)
        expected, _ = await work(hub, f"{url}users.csv", 0)
        dataset.rate = 500_000
        found, attempts = await work(hub, f"{url}users.csv", LOSSES)
        assert found == expected
        assert attempts > LOSSES
        assert len(lying(tmp_path)) == len((await hub.get("/v1/files"))["items"]) == 8


async def test_a_fetch_waits_for_who_is_at_it_and_takes_what_is_there(tmp_path: Path) -> None:
    dataset = Dataset(table())
    told: list[Any] = []

    async def tell(done: int, total: int | None) -> None:
        told.append((done, total))

    async with embedded_hub(tmp_path) as hub, serving(dataset) as url:
        assert hub.hub is not None
        parts = hub.hub
        datasets = FiledDataSets(
            parts.filing, parts.client, parts.catalog, tmp_path / "downloads", hub.base
        )
        wanted = Fetch(f"{url}a.csv", (), 1 << 20, 10.0, "run_1", "run_1:0")
        name = hashlib.sha256(wanted.part.encode()).hexdigest()
        async with PartFile(tmp_path / "downloads", name):
            fetching = [asyncio.create_task(datasets.fetch(wanted, tell)) for _ in range(3)]
            await asyncio.sleep(0.7)
            assert not any(each.done() for each in fetching)
            assert dataset.asked == []
        one, two, three = await asyncio.gather(*fetching)
        assert one == two == three
        assert dataset.asked == [None]
        assert told[-1] == (len(dataset.data), len(dataset.data))
        assert len(lying(tmp_path)) == 1
