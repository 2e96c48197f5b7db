"""Stacks on tables, for real: what the databases themselves have a say in."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hub.model.record import Record
from hub.store.records import INSERT, TAKE_IDS, TakeIds
from tests.program import Driven

RUNS, ROUNDS = 8, 5
UNIQUE = '{ tables: { people: { columns: { mail: { type: "text", unique: true } } } } }'
EXCHANGE = (
    UNIQUE
    + """
{ task: "main", function_stack: [
  { function: "bulk_add_records", table: "people", records: [{ mail: "a" }, { mail: "b" }],
    as: "both" },
  { function: "count_records", table: "people" },
  { function: "edit_record", table: "people", record_id: "{{both[0].id}}", data: { mail: "c" } },
  { function: "edit_record", table: "people", record_id: "{{both[1].id}}", data: { mail: "a" } },
  { function: "edit_record", table: "people", record_id: "{{both[0].id}}", data: { mail: "b" } },
  { function: "delete_record", table: "people", record_id: "{{both[1].id}}" },
  { function: "add_record", table: "people", data: { mail: "a" } },
  { function: "query_all_records", table: "people", sort: { mail: "asc" } },
  { function: "return_response", body: "{{pluck(people, 'mail')}}" },
] }
"""
)
TWINS = (
    UNIQUE
    + """
{ task: "main", function_stack: [
  { function: "parallel", as: "codes", stacks: [
    [{ function: "try_catch",
       try_stack: [{ function: "add_record", table: "people", data: { mail: "n" } }],
       catch_stack: [{ function: "create_variable", name: "code", value: "{{error.code}}" }] }],
    [{ function: "try_catch",
       try_stack: [{ function: "add_record", table: "people", data: { mail: "n" } }],
       catch_stack: [{ function: "create_variable", name: "code", value: "{{error.code}}" }] }],
  ] },
  { function: "return_response", body: "{{pluck(codes, 'code')}}" },
] }
"""
)
# each run has fields of its own in one record that all of them edit
OWN_FIELDS = """
{ task: "main", function_stack: [
  { function: "for_each_loop", array: "{{range(1, input.rounds)}}", function_stack: [
    { function: "edit_record", table: "board", record_id: 1,
      data: { "{{'by_' + input.me}}": "{{loop_item}}" } },
    { function: "edit_record", table: "board", record_id: 1, data: { sum: { $inc: 1 } } },
    { function: "upsert_record", table: "keys", where: { key: "{{loop_item}}" },
      data: { seen: { $inc: 1 } } },
  ] },
] }
"""
ADD_ONE = (
    UNIQUE
    + """
{ task: "main", function_stack: [
  { function: "add_record", table: "people", data: { mail: "n", by: "{{run.id}}" } },
] }
"""
)
READ_ALL = """
{ task: "main", function_stack: [
  { function: "try_catch",
    try_stack: [{ function: "query_all_records", table: "giants" }],
    catch_stack: [{ function: "create_variable", name: "caught", value: true }] },
  { function: "return_response", body: "never" },
] }
{ task: "edit", function_stack: [
  { function: "bulk_edit_records", table: "giants", filter: {}, data: { seen: true } },
] }
{ task: "few", function_stack: [
  { function: "query_all_records", table: "giants", limit: 20 },
  { function: "return_response", body: "{{length(giants)}}" },
] }
"""
MIB = 1 << 20


async def ended(
    hub: Driven, task: str = "shop/main", given: Any = None, timeout_s: float = 20
) -> dict[str, Any]:
    """A run of a task, when it has ended."""
    started = await hub.api.post(f"/v1/tasks/{task}/runs", json={"input": given or {}})
    assert started.status_code in (201, 202), started.text
    path = f"/v1/runs/{started.json()['id']}"
    async with asyncio.timeout(timeout_s):
        while (run := await hub.get(path))["status"] in ("queued", "running", "waiting"):
            await asyncio.sleep(0.02)
    return run


async def fields(hub: Driven, table: str) -> list[dict[str, Any]]:
    """The records of a table, by id, without what the hub sets."""
    page = await hub.get(f"/v1/tables/{table}/records?limit=100")
    return [each["fields"] for each in page["items"]]


async def test_unique_values_are_exchanged_freed_and_given_again_in_one_run(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", EXCHANGE)
    run = await ended(hub)
    assert (run["status"], run["result"]) == ("succeeded", ["a", "b"]), run["failure"]


async def test_of_two_branches_that_add_one_value_one_is_told(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", TWINS)
    run = await ended(hub)
    assert sorted(run["result"], key=str) == [None, "not_unique"]
    assert [each["mail"] for each in await fields(hub, "people")] == ["n"]


@pytest.mark.timeout(120)
async def test_no_edit_of_a_record_that_all_runs_edit_is_lost(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", OWN_FIELDS)
    added = await hub.api.post("/v1/tables/board/records", json={"name": "board"})
    assert added.status_code == 201
    runs = [ended(hub, given={"me": str(n), "rounds": ROUNDS}, timeout_s=60) for n in range(RUNS)]
    assert {run["status"] for run in await asyncio.gather(*runs)} == {"succeeded"}
    assert await fields(hub, "board") == [
        {"name": "board", "sum": RUNS * ROUNDS} | {f"by_{n}": ROUNDS for n in range(RUNS)}
    ]
    seen = await fields(hub, "keys")
    assert sorted(each["key"] for each in seen) == list(range(1, ROUNDS + 1))
    assert {each["seen"] for each in seen} == {RUNS}


async def test_of_runs_that_add_one_value_one_does_and_the_others_say_why(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", ADD_ONE)
    runs = await asyncio.gather(*(ended(hub) for _ in range(RUNS)))
    won = [run for run in runs if run["status"] == "succeeded"]
    assert [each["by"] for each in await fields(hub, "people")] == [run["id"] for run in won]
    failures = [run["failure"] for run in runs if run["failure"] is not None]
    assert [(each["code"], each["step"]) for each in failures] == [("not_unique", "0")] * (RUNS - 1)


@pytest.mark.timeout(120)
async def test_more_than_a_run_can_hold_is_not_read_and_nothing_is_cut_off(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", READ_ALL)
    await keep_giants(hub, 66)
    for task in ("shop/main", "shop/edit"):
        run = await ended(hub, task)
        assert (run["status"], run["failure"]["code"]) == ("failed", "limit_memory")
        assert "take fewer at once (limit, after)" in run["failure"]["message"]
    page = await hub.get("/v1/tables/giants/records?limit=2")
    assert [each["fields"].keys() for each in page["items"]] == [{"text"}] * 2
    assert (await ended(hub, "shop/few"))["result"] == 20


async def keep_giants(hub: Driven, number: int) -> None:
    """Have so many records of a mebibyte."""
    assert hub.hub is not None
    ids: Sequence[int] = await hub.hub.ledger.write(TAKE_IDS, TakeIds("giants", number))
    for record_id in ids:
        record = Record("giants", record_id, {"text": "x" * MIB}, 1, 1)
        await hub.hub.ledger.write(INSERT, [record])
