"""The table `task_queue`: its rows are taken once, the most urgent first, and marked."""

from typing import Any

import pytest

from tests.simulate.test_simulation import MORNING, kinds, simulated

TASKS = """
{ task: "mail", queueable: true, function_stack: [
  { function: "add_record", table: "mails", data: { to: "{{to}}" } },
] }
{ task: "fail", queueable: true, function_stack: [
  { function: "throw_error", message: "no luck with {{to}}", code: "bad" },
] }
{ task: "secret", function_stack: [{ function: "add_record", table: "leaks", data: {} }] }
"""
NEXT = """
{ task: "work", function_stack: [
  { function: "process_next_batch", batch_size: "{{input.size ?? 10}}",
    task_types: { letter: "mail" } },
  { function: "return_response", body: "{{batch}}" },
] }
"""


def rows(*types: str, **fields: Any) -> dict[str, list[Any]]:
    return {
        "task_queue": [
            {"task_type": kind, "payload": {"to": f"{n}"}, "status": "pending", **fields}
            for n, kind in enumerate(types)
        ]
    }


async def worked(tables: dict[str, list[Any]], stack: str = NEXT, **given: Any) -> dict[str, Any]:
    return await simulated(TASKS + stack, "work", 1, tables=tables, **given)


async def test_a_batch_is_worked_off_and_marked() -> None:
    told = await worked(rows("mail", "fail", "letter"))
    assert kinds(told, "run")[0]["result"] == {"claimed": 3, "completed": 2, "failed": 1}
    first, second, third = told["tables"]["task_queue"]
    assert (first["status"], first["completed_at"], first["error"]) == ("completed", MORNING, None)
    assert (second["status"], second["error"]) == ("failed", "no luck with 1")
    assert third["status"] == "completed"
    assert {each["run_id"] for each in told["tables"]["task_queue"]} == {
        kinds(told, "run")[0]["run"]
    }
    assert [each["to"] for each in told["tables"]["mails"]] == ["0", "2"]


async def test_the_most_urgent_and_oldest_go_first() -> None:
    tables = rows("mail", "mail", "mail", "mail")
    for row, priority in zip(tables["task_queue"], ("low", "normal", "high", "high"), strict=True):
        row["priority"] = priority
    told = await worked(tables, input={"size": 3})
    assert [each["to"] for each in told["tables"]["mails"]] == ["2", "3", "1"]
    assert [each["status"] for each in told["tables"]["task_queue"]] == [
        "pending",
        *["completed"] * 3,
    ]


@pytest.mark.parametrize(
    "kind",
    ["secret", "work", "add_record", "get_system_metrics", "shop/secret", "none", "", None, 5],
)
async def test_a_row_names_only_what_it_may(kind: Any) -> None:
    told = await worked(rows(kind))
    [row] = told["tables"]["task_queue"]
    assert row["status"] == "failed"
    assert "leaks" not in told["tables"]


async def test_an_empty_queue_is_no_fault() -> None:
    told = await worked({})
    assert kinds(told, "run")[0]["result"] == {"claimed": 0, "completed": 0, "failed": 0}


NOW = """
{ task: "work", function_stack: [
  { function: "get_record", table: "task_queue", filter: { status: "pending" } },
  { function: "process_task_immediately" },
] }
"""
LATER = """
{ task: "work", function_stack: [
  { function: "get_record", table: "task_queue", filter: { status: "pending" } },
  { function: "queue_task_for_processing", delay: 90 },
] }
"""


async def test_one_row_is_worked_off_at_once() -> None:
    told = await worked(rows("mail", "mail"), NOW)
    assert [each["status"] for each in told["tables"]["task_queue"]] == ["completed", "pending"]
    assert await worked({}, NOW)


@pytest.mark.parametrize(("kind", "status"), [("mail", "completed"), ("fail", "failed")])
async def test_one_row_gets_a_run_of_its_own_and_is_marked_with_its_end(
    kind: str, status: str
) -> None:
    told = await worked(rows(kind), LATER)
    begun, run = kinds(told, "run")
    assert (begun["task"], run["task"]) == ("shop/work", f"shop/{kind}")
    assert run["at"] == "2026-03-01T08:01:30.000000Z"
    [row] = told["tables"]["task_queue"]
    assert (row["status"], row["run_id"]) == (status, run["run"])
    assert not told["left"]


async def test_a_row_that_somebody_else_has_taken_is_left_alone() -> None:
    stack = LATER.replace('status: "pending"', 'task_type: "mail"')
    told = await worked(rows("mail", status="processing"), stack)
    assert [each["task"] for each in kinds(told, "run")] == ["shop/work"]
    assert told["tables"]["task_queue"][0]["status"] == "processing"


async def test_a_run_starts_over_with_an_empty_journal_and_new_keys() -> None:
    stack = """
    { task: "work", function_stack: [
      { function: "external_api_request", url: "https://a.example/", data: { n: 1 } },
      { function: "count_records", table: "rounds", as: "before" },
      { function: "add_record", table: "rounds", data: { chance: "{{generate_uuid()}}" } },
      { function: "delay_processing", delay: 60, if: "{{before < 2}}" },
      { function: "return_response", body: "{{before}}" },
    ] }
    """
    told = await worked({}, stack)
    runs = kinds(told, "run")
    assert len({each["run"] for each in runs}) == 1
    assert [each["status"] for each in runs] == ["waiting", "waiting", "succeeded"]
    assert runs[-1]["result"] == 2
    sent = kinds(told, "request")
    assert [each["at"][14:19] for each in sent] == ["00:00", "01:00", "02:00"]
    assert len({each["idempotency_key"] for each in sent}) == 3
    assert len({each["chance"] for each in told["tables"]["rounds"]}) == 3
