"""Runs that are at the same records at once: each does its part, and nothing is done twice."""

import asyncio
from typing import Any

import pytest

from tests.program import Driven

JOBS, RUNS = 60, 8
STACK = """
{
  tables: { once: { columns: { key: { type: "text", unique: true } } } },
}
{
  task: "share",
  function_stack: [
    { function: "while_loop", condition: "{{jobs == null || length(jobs) > 0}}", function_stack: [
      { function: "claim_records", table: "jobs", filter: { state: "new" },
        sort: { n: "asc" }, set: { state: "taken", by: "{{run.id}}" }, limit: 3 },
      { function: "for_each_loop", array: "{{jobs}}", function_stack: [
        { function: "edit_record", table: "totals", record_id: 1,
          data: { n: { $inc: 1 } }, as: "total" },
        { function: "edit_record", table: "totals", record_id: 2,
          data: { n: "{{(sum ?? 0) + loop_item.n}}" }, as: "last" },
        { function: "edit_record", table: "jobs", record_id: "{{loop_item.id}}",
          data: { state: "done", done: { $inc: 1 } }, as: "job" },
      ] },
    ] },
    { function: "upsert_record", table: "seen", where: { day: "today" },
      data: { runs: { $inc: 1 } } },
    { function: "try_catch",
      try_stack: [
        { function: "add_record", table: "once", data: { key: "k", by: "{{run.id}}" } },
        { function: "create_variable", name: "won", value: true },
      ],
      catch_stack: [{ function: "create_variable", name: "won", value: "{{error.code}}" }] },
    { function: "return_response", body: "{{won}}" },
  ],
}
"""


@pytest.mark.timeout(120)
async def test_claims_counters_upserts_and_unique_values_hold_between_runs(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    for table, rows in (
        ("jobs", [{"n": n, "state": "new"} for n in range(JOBS)]),
        ("totals", [{"n": 0}, {"n": 0}]),
    ):
        added = await hub.api.post(f"/v1/tables/{table}/records", json=rows)
        assert added.status_code == 201

    async def ran() -> dict[str, Any]:
        started = await hub.api.post("/v1/tasks/shop/share/runs", json={"input": {}})
        return await hub.until(f"/v1/runs/{started.json()['id']}", 60, status="succeeded")

    runs = await asyncio.gather(*(ran() for _ in range(RUNS)))
    jobs = (await hub.get(f"/v1/tables/jobs/records?limit={JOBS}"))["items"]
    assert [each["fields"]["done"] for each in jobs] == [1] * JOBS
    totals = (await hub.get("/v1/tables/totals/records"))["items"]
    assert totals[0]["fields"]["n"] == JOBS
    [seen] = (await hub.get("/v1/tables/seen/records"))["items"]
    assert seen["fields"]["runs"] == RUNS
    [once] = (await hub.get("/v1/tables/once/records"))["items"]
    results = [each["result"] for each in runs]
    assert sorted(results, key=str) == sorted([True, *["not_unique"] * (RUNS - 1)], key=str)
    assert once["fields"]["by"] == runs[results.index(True)]["id"]
