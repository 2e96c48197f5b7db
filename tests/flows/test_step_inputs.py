"""What each step of a run was given is told afterwards, though nothing of it was kept."""

from typing import Any

import pytest

from tests.program import Driven
from tests.sink import Answer, Sink

STACK = """
{ task: "sell", function_stack: [
  { function: "create_variable", name: "at", value: "{{now()}}" },
  { function: "add_record", table: "orders", data: { n: "{{n}}", at: "{{at}}" }, as: "order" },
  { function: "for_each_loop", array: "{{items}}", function_stack: [
    { function: "create_variable", name: "price", value: "{{loop_item.price * 2}}" },
    { function: "conditional", condition: "{{price > 5}}", true_stack: [
      { function: "external_api_request", url: "%s/{{loop_item.name}}", method: "POST",
        headers: { authorization: "Bearer {{env.SHOP_KEY}}" }, body: { price: "{{price}}" } },
    ] },
  ] },
  { function: "parallel", as: "both", stacks: {
    left: [{ function: "create_variable", name: "x", value: "{{n + 1}}" }],
    right: [{ function: "run_task", task: "tax", data: { of: "{{n * 10}}" }, as: "tax" }],
  } },
  { function: "edit_record", table: "orders", record_id: "{{order.id}}",
    data: { tax: "{{both.right.tax}}", tries: { $inc: "{{n}}" } } },
  { function: "query_all_records", table: "orders", filter: { n: { $gte: "{{n}}" } }, as: "found" },
  { function: "try_catch", try_stack: [
    { function: "throw_error", message: "no {{n}}", code: "no" },
  ], catch_stack: [
    { function: "create_variable", name: "why", value: "{{error.message}}" },
  ] },
  { function: "create_variable", name: "bad", value: "{{order.missing.deeper + 'a' - 1}}" },
] }
{ task: "tax", function_stack: [
  { function: "create_variable", name: "rate", value: "{{of / 5}}" },
  { function: "return_response", body: { rate: "{{rate}}" } },
] }
"""
INPUT = {"n": 3, "items": [{"name": "pen", "price": 1}, {"name": "book", "price": 9}]}


@pytest.fixture
async def run(hub: Driven, make: Sink) -> dict[str, Any]:
    """A run that fails at its last step."""
    make.answer = lambda n, request: Answer()
    await hub.put("/v1/variables/SHOP_KEY", {"value": "hush-hush", "secret": True})
    await hub.put("/v1/stacks/shop", STACK % make.url)
    answer = await hub.api.post("/v1/tasks/sell/runs", json={"input": INPUT})
    return await hub.until(f"/v1/runs/{answer.json()['id']}", status="failed")


async def given(hub: Driven, run: dict[str, Any]) -> dict[str, Any]:
    """What each step was given, by its path."""
    found: dict[str, Any] = {}
    url = f"/v1/runs/{run['id']}/steps?input=true"
    while url:
        page = await hub.get(url)
        assert len(page["items"]) <= 10
        found |= {each["path"]: each["input"] for each in page["items"]}
        url = page["next"] and page["next"].removeprefix(hub.base)
    return found


async def test_each_step_tells_what_it_was_given(
    hub: Driven, make: Sink, run: dict[str, Any]
) -> None:
    steps = (await hub.get(f"/v1/runs/{run['id']}/steps?limit=200"))["items"]
    assert {each["input"] for each in steps} == {None}, "only whoever asks for it gets it"
    outputs = {each["path"]: each["output"] for each in steps}
    found = await given(hub, run)
    assert set(found) == set(outputs)
    order = outputs["1"]
    assert found["1"] == {"table": "orders", "data": {"n": 3, "at": order["at"]}}
    assert found["2"] == {"array": INPUT["items"]}
    assert found["2/0/0"] == {"name": "price", "value": 2}
    assert found["2/1/1"] == {"condition": True}
    asked = found["2/1/1/true/0"]
    assert asked["url"] == f"{make.url}/book"
    assert (asked["method"], asked["data"]) == ("POST", {"price": 18})
    assert asked["headers"] == {"authorization": "Bearer {{env.SHOP_KEY}}"}
    assert found["3/left/0"] == {"name": "x", "value": 4}
    assert found["3/right/0"] == {"task": "tax", "data": {"of": 30}}
    assert {"name": "rate", "value": 6} in found.values(), "of the task that was called"
    changed = {"tax": outputs["4"]["tax"], "tries": {"$inc": 3}}
    assert found["4"] == {"table": "orders", "record_id": order["id"], "data": changed}
    assert found["5"] == {"table": "orders", "filter": {"n": {"$gte": 3}}}
    assert found["6/try/0"] == {"message": "no 3", "code": "no"}
    assert found["6/catch/0"] == {"name": "why", "value": "no 3"}
    assert found["7"] == {"name": "bad"}, "what could not be computed is left out"


async def test_telling_it_does_nothing_again(hub: Driven, make: Sink, run: dict[str, Any]) -> None:
    before = await hub.get(f"/v1/runs/{run['id']}")
    requests = len(make.requests)
    for _ in range(3):
        await given(hub, run)
    assert await hub.get(f"/v1/runs/{run['id']}") == before
    assert len(make.requests) == requests
    assert len((await hub.get("/v1/tables/orders/records"))["items"]) == 1


async def test_the_clock_stands_where_it_stood(hub: Driven, run: dict[str, Any]) -> None:
    order = (await hub.get(f"/v1/runs/{run['id']}/steps?path=1"))["items"][0]["output"]
    for _ in range(2):
        found = (await hub.get(f"/v1/runs/{run['id']}/steps?path=0&input=true"))["items"][0]
        assert found["input"] == {"name": "at", "value": order["at"]}


async def test_a_task_called_by_its_name_was_given_its_fields(hub: Driven) -> None:
    stack = """
    { task: "outer", function_stack: [
      { function: "inner", at: "{{now()}}", of: ["{{n}}", "x"], as: "told" },
    ] }
    { task: "inner", function_stack: [{ function: "return_response", body: "{{at}}" }] }"""
    await hub.put("/v1/stacks/calls", stack)
    answer = await hub.api.post("/v1/tasks/outer/runs", json={"input": {"n": 3}})
    run = await hub.until(f"/v1/runs/{answer.json()['id']}", status="succeeded")
    found = await given(hub, run)
    at = found["0"].pop("at")
    assert found.pop("0") == {"of": [3, "x"]}
    assert list(found.values()) == [{"body": at}], "what the task that was called was given"


async def test_what_is_no_longer_kept_is_not_guessed(hub: Driven, run: dict[str, Any]) -> None:
    other = STACK.replace("price * 2", "price * 3").replace("{{n + 1}}", "{{n + 2}}")
    await hub.put("/v1/stacks/shop", other % "http://127.0.0.1:9")
    found = await given(hub, run)
    assert found["2/0/0"] == {"name": "price", "value": 2}, "the version that ran is asked"


async def test_a_run_that_waits_tells_as_far_as_it_has_come(hub: Driven) -> None:
    stack = """{ task: "slow", function_stack: [
      { function: "create_variable", name: "x", value: "{{n * 2}}" },
      { function: "sleep", seconds: "{{x * 100}}" },
      { function: "create_variable", name: "y", value: "{{x + 1}}" },
    ] }"""
    await hub.put("/v1/stacks/slow", stack)
    answer = await hub.api.post("/v1/tasks/slow/runs", json={"input": {"n": 3}})
    run = await hub.until(f"/v1/runs/{answer.json()['id']}", status="waiting")
    found = await given(hub, run)
    assert found["0"] == {"name": "x", "value": 6}
    assert found["1"] == {"seconds": 600}
    assert "2" not in found


async def test_a_wrong_wish_is_refused(hub: Driven, run: dict[str, Any]) -> None:
    answer = await hub.api.get(f"/v1/runs/{run['id']}/steps?input=maybe")
    assert answer.status_code == 400
    assert "input" in answer.text
    page = await hub.get(f"/v1/runs/{run['id']}/steps?path=99&input=true")
    assert page["items"] == []
