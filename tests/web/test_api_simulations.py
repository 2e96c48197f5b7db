"""``/v1/simulations`` and checking a stack: nothing of it is kept."""

from typing import Any

import httpx
import pytest

from tests.web.answers import good, refused

STACK = """{ task: "ask", function_stack: [
  { function: "external_api_request", url: "https://api.example.com/", data: { n: 1 } },
  { function: "background_task", task: "ask", delay: 3600, if: "{{!input.again}}",
    data: { again: true } },
] }"""


async def simulate(api: httpx.AsyncClient, **wish: Any) -> httpx.Response:
    return await api.post("/v1/simulations", json={"stack": STACK, "task": "ask", **wish})


async def test_a_stack_is_simulated_and_not_kept(api: httpx.AsyncClient) -> None:
    told = good(await simulate(api, span_s=7200, at="2026-01-01T00:00:00Z"))
    runs = [each for each in told["timeline"] if each["kind"] == "run"]
    assert [each["at"] for each in runs] == [
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T01:00:00.000000Z",
    ]
    assert told["left"] == []
    refused(await api.get("/v1/stacks/draft"), 404, "stack_unknown")
    assert good(await api.get("/v1/runs"))["items"] == []


async def test_answers_of_the_world_outside_are_given(api: httpx.AsyncClient) -> None:
    told = good(await simulate(api, answers={"https://api.example.com/": {"status": 500}}))
    [run] = [each for each in told["timeline"] if each["kind"] == "run"]
    assert run["failure"]["code"] == "status_refused"


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"stack": "{"}, 422, "document_broken"),
        ({"task": "none"}, 404, "task_unknown"),
        ({"span_s": -1}, 422, "validation"),
        ({"at": "soon"}, 422, "validation"),
        ({"answers": {"x": {"stauts": 1}}}, 400, "answers_invalid"),
        ({"tables": {"a b": [{}]}}, 400, "table_invalid"),
    ],
)
async def test_what_cannot_be_simulated_is_refused(
    api: httpx.AsyncClient, wish: dict[str, Any], status: int, code: str
) -> None:
    refused(await simulate(api, **wish), status, code)


async def test_a_text_is_checked_and_not_kept(api: httpx.AsyncClient) -> None:
    text = '{ task: "t", function_stack: [{ function: "add_recrod" }] }'
    told = good(await api.post("/v1/stacks/shop/check", content=text))
    [problem] = told["problems"]
    assert (problem["severity"], problem["hint"]) == ("warning", "Did you mean 'add_record'?")
    broken = good(await api.post("/v1/stacks/shop/check", content="{"))
    assert broken["problems"][0]["severity"] == "error"
    refused(await api.get("/v1/stacks/shop"), 404, "stack_unknown")
