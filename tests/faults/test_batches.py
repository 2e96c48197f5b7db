"""A large table worked through by cursor, in a chain of runs, while the hub is killed."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.test_random_faults import fields
from tests.program import Driven, Program, client, free_port

RECORDS = int(os.environ.get("HUB_TEST_BATCH_RECORDS", "2000"))
KILLS = int(os.environ.get("HUB_TEST_BATCH_KILLS", "3"))
BATCH = max(100, RECORDS // 100)
STACK = """
{ task: "batch", function_stack: [
  { function: "query_all_records", table: "people", after: "{{cursor}}", limit: %d },
  { function: "for_each_loop", array: "{{people}}", function_stack: [
    { function: "edit_record", table: "people", record_id: "{{loop_item.id}}",
      data: { handled: { $inc: 1 } } },
  ] },
  { function: "upsert_record", table: "totals", where: { name: "all" },
    data: { handled: { $inc: "{{length(people)}}" }, batches: { $inc: 1 } } },
  { function: "set_progress", done: "{{totals.handled}}", total: %d },
  { function: "conditional", condition: "{{length(people) == %d}}", true_stack: [
    { function: "background_task", task: "batch", data: { cursor: "{{last(people).id}}" } },
  ] },
] }
"""


@asynccontextmanager
async def killable(
    folder: Path, stacks: Path | None = None, prelude: str | None = None
) -> AsyncIterator[tuple[Program, str]]:
    """``hub up`` in a process of its own, and where it answers."""
    port = free_port()
    arguments = ["up", "--port", str(port), "--data", str(folder / "data")]
    arguments += ["--stacks", str(stacks or folder / "none")]
    hub = Program(arguments, {"HUB_LEASE_S": "1"}, folder / "up.log", prelude)
    await hub.start()
    try:
        yield hub, f"http://127.0.0.1:{port}"
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.kill()


async def fill(driven: Driven) -> None:
    """The table, record by record in order of its ids."""
    for begin in range(0, RECORDS, 500):
        some = [{"n": n, "handled": 0} for n in range(begin, min(begin + 500, RECORDS))]
        answer = await driven.api.post("/v1/tables/people/records", json=some)
        assert answer.status_code == 201, answer.text


async def handled(driven: Driven) -> int:
    """How many it says that it has done."""
    found = await fields(driven, "totals")
    return found[0]["handled"] if found else 0


async def reached(driven: Driven, count: int) -> None:
    """Wait until so many are done, looking at committed work alone."""
    async with asyncio.timeout(60 + RECORDS / 200):
        while await handled(driven) < count:
            await asyncio.sleep(0.02)


@pytest.mark.timeout(120 + RECORDS / 50)
async def test_a_batch_that_is_killed_handles_each_record_once(tmp_path: Path) -> None:
    async with killable(tmp_path) as (hub, base), client(base) as api:
        driven = Driven(base, api)
        await hub.ready(base)
        await driven.put("/v1/stacks/crm", STACK % (BATCH, RECORDS, BATCH))
        await fill(driven)
        answer = await driven.api.post("/v1/tasks/batch/runs", json={"input": {}})
        assert answer.status_code == 202
        for kill in range(1, KILLS + 1):
            await reached(driven, RECORDS * kill // (KILLS + 1))
            await hub.kill()
            await hub.start()
            await hub.ready(base)
        await reached(driven, RECORDS)
        people = await fields(driven, "people")
        assert len(people) == RECORDS
        assert {each["handled"] for each in people} == {1}
        [total] = await fields(driven, "totals")
        assert total["handled"] == RECORDS
        last = await driven.get(f"/v1/runs?task=batch&limit={RECORDS // BATCH + 5}")
        assert {run["status"] for run in last["items"]} <= {"succeeded", "running", "queued"}
        assert total["batches"] in (RECORDS // BATCH, RECORDS // BATCH + 1)
