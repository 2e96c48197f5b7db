"""What docs/stacks.md shows loads, runs, and comes to what it says."""

import re
from typing import Any

import pytest

from hub.stack.check import problems_of
from hub.stack.load import load_stack
from tests.program import STACKS
from tests.simulate.test_simulation import kinds, simulated

PAGE = (STACKS.parent / "docs" / "stacks.md").read_text("utf-8")
TEXTS = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)


def named(task: str) -> str:
    return next(text for text in TEXTS if f'"{task}"' in text)


async def result(task: str, **given: Any) -> Any:
    told = await simulated(named(task), task, **given)
    [run, *_] = kinds(told, "run")
    assert run["status"] == "succeeded", run["failure"]
    return run["result"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_document_is_sound(text: str) -> None:
    stack = load_stack("page", text)
    assert [problem.message for problem in problems_of(stack, {})] == []


async def test_the_first_task_greets() -> None:
    assert await result("greet", input={"name": "ada"}) == {"number": 1, "hello": "Ada"}


async def test_expressions_come_to_what_the_page_says() -> None:
    assert await result("expressions") == [6.5, "total: 6.5 EUR", True, "unknown"]


async def test_a_failure_is_caught() -> None:
    answers = {"https://pay.example.com/": {"status": 500}}
    assert await result("charge", answers=answers) is None


async def test_branches_give_what_they_made() -> None:
    answers = {"https://api.example.com/USD": {"status": 201}}
    assert await result("prices", answers=answers) == [200, 201]


async def test_a_query_finds_what_the_page_says() -> None:
    assert await result("find") == ["Oslo", "Rome"]
    assert await result("find", input={"most": 100}) == ["Oslo"]


async def test_a_live_table_is_a_table_like_others() -> None:
    assert await result("report", input={"title": "a", "mail": "b"}) == "open"


async def test_a_declared_table_fills_in_what_is_missing() -> None:
    assert await result("visit", input={"mail": "ada@example.com"}) == ["free", 1]
    known = {"customers": [{"id": 1, "mail": "ada@example.com", "plan": "team", "visits": 4}]}
    given = {"mail": "ada@example.com"}
    assert await result("visit", input=given, tables=known) == ["team", 5]


async def test_claimed_records_are_taken_once() -> None:
    assert await result("mail_out") == 1


async def test_the_endpoint_s_task_answers() -> None:
    told = await simulated(named("/orders/{shop}"), "orders-shop", input={"item": "pen", "shop": 1})
    assert [run["result"] for run in kinds(told, "run")] == [{"order": 1}, None]
    assert [each["message"] for each in kinds(told, "log")] == [
        "this runs after the answer",
        "packing order 1",
    ]


async def test_the_schedule_fires_at_night() -> None:
    told = await simulated(named("nightly"), None, 1)
    assert [each["message"] for each in kinds(told, "log")] == ["it is 02:30"]
