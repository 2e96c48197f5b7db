"""A data set that cannot be had or kept: the run says why, and nothing of it is left."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hub.outbound.partfile import OWN, PartFile, sweep
from hub.outbound.partial import Partial
from tests.faults.apart import until
from tests.faults.test_datasets import telling
from tests.flows.test_datasets import ended, run, serving, table
from tests.outbound.datasets import Dataset
from tests.outbound.servers import Exchange
from tests.program import Driven, client, embedded_hub

DAY_S = 86_400
STACK = '{ function: "download_dataset", url: "{{input.url}}" }'


def lying(data: Path) -> list[str]:
    """The names of what lies among the downloads and the files."""
    folders = (data / "downloads", data / "files")
    return [each.name for folder in folders for each in folder.rglob("*") if each.is_file()]


def aged(data: Path) -> int:
    """What the hub's own sweep does a day later."""
    then = time.time() - DAY_S - 60
    for path in (data / "downloads").iterdir():
        os.utime(path, (then, then))
    return sweep(data / "downloads", DAY_S)


@dataclass
class Moving(Dataset):
    """Breaks off amid each answer, and is another version when it is asked again."""

    async def answer(self, exchange: Exchange, asked: dict[str, str]) -> None:
        self.etag, self.cuts = f'"{len(self.asked)}"', [100_000]
        await super().answer(exchange, asked)


@dataclass
class Ending(Dataset):
    """Breaks off amid the first answer; then there is only a status."""

    status: str | None = None

    async def answer(self, exchange: Exchange, asked: dict[str, str]) -> None:
        if self.asked and self.status is not None:
            await exchange.answer(b"", status=self.status)
            return
        await super().answer(exchange, asked)


@pytest.mark.parametrize(
    ("given", "dataset", "code", "says"),
    [
        ({"files_max_bytes": 50_000}, Dataset(table()), "files_full", "HUB_FILES_MAX_BYTES"),
        ({"file_max_bytes": 50_000}, Dataset(table()), "file_too_large", "HUB_FILE_MAX_BYTES"),
        ({}, Moving(table(20_000)), "dataset_changed", "give the URL"),
        ({}, Ending(table(), cuts=[9_000], status="404 Not Found"), "status_refused", "404"),
        ({}, Ending(table(), cuts=[9_000], status="410 Gone"), "status_refused", "410"),
    ],
    ids=["files_full", "file_too_large", "changed", "not_found", "gone"],
)
async def test_what_cannot_be_had_or_kept_fails_its_step_and_leaves_nothing(
    tmp_path: Path, given: dict[str, Any], dataset: Dataset, code: str, says: str
) -> None:
    async with embedded_hub(tmp_path, **given) as hub, serving(replace(dataset)) as url:
        told = await run(hub, STACK, url=f"{url}a.csv")
        assert told["status"] == "failed"
        assert (told["failure"]["step"], told["failure"]["code"]) == ("0", code)
        assert says in told["failure"]["message"]
        assert lying(tmp_path) == []
        assert (await hub.get("/v1/files"))["items"] == []


async def test_an_analysis_and_a_report_that_cannot_be_kept_fail_their_steps(
    tmp_path: Path,
) -> None:
    work = f"""{STACK}, {{ function: "process_data_in_chunks" }},
      {{ function: "generate_analysis_report" }}"""
    async with serving(Dataset(table())) as url:
        async with embedded_hub(tmp_path / "enough") as hub:
            assert (await run(hub, work, url=f"{url}a.csv"))["status"] == "succeeded"
            files = (await hub.get("/v1/files"))["items"]
        found = {each["name"].partition("-")[0]: each["size"] for each in files}
        sizes = [found[name] for name in ("a.csv", "analysis", "report.html", "report.json")]
        for n, step in ((2, "1"), (3, "2"), (4, "2")):  # the data set, the analysis, the report
            data = tmp_path / str(n)
            async with embedded_hub(data, files_max_bytes=sum(sizes[:n]) - 1) as hub:
                told = await run(hub, work, url=f"{url}a.csv")
                failure = told["failure"]
                assert (failure["step"], failure["code"]) == (step, "files_full")
                assert len(lying(data)) == len((await hub.get("/v1/files"))["items"]) == n - 1


@pytest.mark.timeout(120)
async def test_a_part_file_for_which_there_is_no_room_fails_the_step(tmp_path: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (12 << 20, 12 << 20))"
    dataset = Dataset(table(1_000_000))
    assert len(dataset.data) > 13 << 20
    async with telling(tmp_path / "small", dataset, prelude=limit) as story:
        await story.start()
        await story.ready()
        async with client(story.base) as api:
            told = await run(Driven(story.base, api), STACK, url=f"{story.url}a.csv")
        assert (told["failure"]["step"], told["failure"]["code"]) == ("0", "disk_failed")
        assert "HUB_DATA" in told["failure"]["message"]
        assert lying(story.data) == []


async def until_run(hub: Driven, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The only run, when it is as it should be."""
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        runs = (await hub.get("/v1/runs"))["items"]
        found.update(runs[0] if runs else {})
        return bool(runs) and holds(found)

    await until(is_so)
    return found


async def began(hub: Driven, url: str, stack: str = STACK) -> None:
    """Ask for a run."""
    await hub.put("/v1/stacks/data", f"{{ task: 'crunch', function_stack: [{stack}] }}")
    answer = await hub.api.post("/v1/tasks/crunch/runs", json={"input": {"url": f"{url}a.csv"}})
    assert answer.status_code == 202, answer.text


@pytest.mark.timeout(60)
async def test_a_run_whose_server_was_away_goes_on_by_range_when_it_is_retried(
    tmp_path: Path,
) -> None:
    dataset = Ending(table(50_000), cuts=[900_000], status="503 Service Unavailable")
    async with embedded_hub(tmp_path) as hub, serving(dataset) as url:
        told = await run(hub, STACK, url=f"{url}a.csv")
        assert (told["failure"]["step"], told["failure"]["code"]) == ("0", "try_later")
        assert sorted(name.partition(".")[2] for name in lying(tmp_path)) == ["known", "part"]
        dataset.status = None
        answer = await hub.api.post(f"/v1/runs/{told['id']}/retry")
        assert answer.status_code == 202, answer.text
        await hub.until(f"/v1/runs/{told['id']}", status="succeeded")
        assert dataset.asked[-1] is not None
        (file,) = (await hub.get("/v1/files"))["items"]
        assert file["size"] == len(dataset.data)
        assert len(lying(tmp_path)) == 1


@pytest.mark.timeout(60)
async def test_a_run_whose_server_stays_away_leaves_a_part_for_a_day(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        async with serving(Dataset(table(50_000), rate=200_000)) as url:
            await began(hub, url)
            await until_run(hub, lambda each: bool(lying(tmp_path)))
        told = await ended(hub, "data/crunch")
        assert told["failure"]["code"] in ("connect_failed", "answer_broken")
        assert sorted(name.partition(".")[2] for name in lying(tmp_path)) == ["known", "part"]
        assert sweep(tmp_path / "downloads", DAY_S) == 0
        assert aged(tmp_path) == 1
        assert lying(tmp_path) == []


@pytest.mark.timeout(60)
async def test_a_run_that_is_cancelled_stops_its_fetch(tmp_path: Path) -> None:
    dataset = Dataset(table(200_000), rate=400_000)
    async with embedded_hub(tmp_path) as hub, serving(dataset) as url:
        await began(hub, url)
        seen = await until_run(hub, lambda each: bool(each["progress"]))
        assert seen["progress"]["message"].endswith("MB fetched")
        assert seen["progress"]["total"] == len(dataset.data)
        answer = await hub.api.post(f"/v1/runs/{seen['id']}/cancel")
        assert answer.status_code in (200, 202), answer.text

        async def is_let_go() -> bool:
            return aged(tmp_path) == 1

        await until(is_let_go, 10)
        await asyncio.sleep(0.2)  # what was on its way
        sent = dataset.sent
        await asyncio.sleep(0.3)
        assert dataset.sent == sent < len(dataset.data)
        assert lying(tmp_path) == []


async def test_a_sweep_leaves_what_is_in_use_and_what_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    async with PartFile(folder, "old") as old, PartFile(folder, f"{OWN}copy") as copy:
        for part in (old, copy):
            await part.append(0, b"x")
            await part.keep(Partial("https://data.example/a"))
        assert aged(tmp_path) == 0
        assert sweep(folder, 0) == 0
    async with PartFile(folder, "new") as new:
        await new.append(0, b"x")
    assert sweep(folder, DAY_S) == 2
    assert [each.name for each in folder.iterdir()] == ["new.part"]
    assert sweep(tmp_path / "none", DAY_S) == 0


async def test_who_is_cancelled_while_a_part_file_is_opened_leaves_it_to_others(
    tmp_path: Path,
) -> None:
    for _ in range(20):
        opening = asyncio.create_task(PartFile(tmp_path, "data").__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with PartFile(tmp_path, "data"):
            pass


async def test_one_that_is_cancelled_twice_still_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []

    def slowly(self: PartFile, offset: int, data: bytes) -> None:
        time.sleep(0.3)
        written.append(time.monotonic())

    monkeypatch.setattr(PartFile, "_write", slowly)

    async def work() -> None:
        async with PartFile(tmp_path, "data") as part:
            await part.append(0, b"x")

    working = asyncio.create_task(work())
    for _ in range(2):
        await asyncio.sleep(0.1)
        working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert len(written) == 1
