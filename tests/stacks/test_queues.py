"""Work that waits: in a table, in lanes, for spare time."""

from typing import Any

import pytest

from hub.model.json import Json
from hub.run.machine import Load, Machine
from tests.simulate.test_simulation import kinds
from tests.stacks.shipped import failure, runs_of, sent, shipped

QUEUE = {"QUEUE_URL": "https://queue.example/"}


async def test_work_is_left_done_and_looked_at() -> None:
    given = {"task_type": "tell", "payload": {"text": "hello"}, "priority": "high"}
    told = await shipped("task_queue.json5", "leave", 1, input=given)
    assert kinds(told, "run")[0]["result"] == {"job": 1, "status": "pending"}
    [message] = kinds(told, "message")
    assert (message["channel"], message["data"]) == ("queue", {"text": "hello"})
    [row] = told["tables"]["task_queue"]
    assert (row["status"], row["error"]) == ("completed", None)
    rows = {"task_queue": told["tables"]["task_queue"]}
    rows["task_queue"][0].pop("updated_at")
    told = await shipped("task_queue.json5", "look", input={"job": "1"}, tables=rows)
    assert kinds(told, "run")[0]["result"] == {"job": 1, "status": "completed", "error": None}


async def test_many_rows_are_worked_off_by_priority_and_each_once() -> None:
    names = ("low", "normal", "high", "urgent")
    rows: list[Json] = [
        {"task_type": "call", "payload": {"n": n}, "priority": names[n % 4]} for n in range(25)
    ]
    told = await shipped(
        "task_queue.json5", "work", 1, variables=QUEUE, tables={"task_queue": rows}
    )
    order = [each["body"]["n"] for each in sent(told)]
    assert sorted(order) == list(range(25))
    ranks = [n % 4 for n in order]
    assert ranks == sorted(ranks, reverse=True)
    assert len(runs_of(told, "work")) == 3
    assert {each["status"] for each in told["tables"]["task_queue"]} == {"completed"}


async def test_what_fails_is_marked_and_the_others_go_on() -> None:
    rows: list[Json] = [{"task_type": "call", "payload": {"n": n}} for n in range(2)]
    answers: Json = {"https://queue.example/": [{"status": 500}] * 3 + [{}]}
    told = await shipped(
        "task_queue.json5", "work", 1, variables=QUEUE, tables={"task_queue": rows}, answers=answers
    )
    assert [each["status"] for each in told["tables"]["task_queue"]] == ["failed", "completed"]


@pytest.mark.parametrize("given", [{"task_type": "work"}, {}, {"task_type": "tell", "payload": 5}])
async def test_the_endpoint_takes_only_what_can_be_done(given: dict[str, Any]) -> None:
    assert failure(await shipped("task_queue.json5", "leave", input=given)) == "input_invalid"


@pytest.mark.parametrize(("priority", "after_s"), [("high", 0), (None, 10), ("low", 60)])
async def test_an_export_waits_in_its_lane(priority: str | None, after_s: int) -> None:
    given = {"table": "orders"} | ({} if priority is None else {"priority": priority})
    tables = {"orders": [{}, {}, {}]}
    told = await shipped("priority_lanes.json5", "ask", 1, input=given, tables=tables)
    [export] = told["tables"]["exports"]
    assert (export["status"], export["records"]) == ("ready", 3)
    [made] = runs_of(told, "make")
    assert made["at"].endswith(f"08:0{after_s // 60}:{after_s % 60:02d}.000000Z")


async def test_pictures_are_made_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = [Load(95, 10), Load(10, 95)]

    async def load(_: Machine) -> Load:
        return loads.pop(0) if loads else Load(10, 10)

    monkeypatch.setattr(Machine, "load", load)
    pictures: list[Json] = [{"url": f"https://p.example/{n}.png"} for n in range(45)]
    answers: Json = {"https://thumbs.example/": [{"status": 500}, {}]}
    told = await shipped(
        "spare_time.json5",
        "work",
        1,
        variables={"THUMBNAIL_URL": "https://thumbs.example/"},
        tables={"pictures": pictures},
        answers=answers,
    )
    assert [each["body"]["picture"] for each in sent(told)] == list(range(1, 46))
    assert sent(told)[0]["after_s"] == 120
    states = [each["state"] for each in told["tables"]["pictures"]]
    assert states == ["failed", *["done"] * 44]
    assert len({each["run"] for each in kinds(told, "run")}) == 1
    assert told["left"] == []
