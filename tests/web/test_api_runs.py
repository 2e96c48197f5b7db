import asyncio
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.ids import new_id
from hub.model.run import Ending, Failure, RunStart, RunStatus
from hub.stack.journal import Entry
from hub.store.runs import START
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf
from tests.web.work import claim, finish, record

SHOP = """{"sell": {"description": "Sells.", "function_stack": [
  {"function": "create_variable", "name": "x", "value": 1},
  {"function": "conditional", "condition": true, "true_stack": [
    {"function": "for_each_loop", "array": [1], "function_stack": [
      {"function": "add_record", "table": "sold", "data": {}}]}]}]}}"""
DONE = Ending(RunStatus.SUCCEEDED, "v1", '{"sold":true}')


@pytest.fixture
async def shop(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/stacks/shop", content=SHOP), 201)


pytestmark = pytest.mark.usefixtures("shop")


async def test_tasks_are_listed_and_read(api: httpx.AsyncClient) -> None:
    (item,) = good(await api.get("/v1/tasks"))["items"]
    assert (item["name"], item["description"], item["steps"]) == ("shop/sell", "Sells.", 2)
    whole = good(await api.get("/v1/tasks/shop/sell"))
    assert item.items() <= whole.items()
    assert good(await api.get("/v1/tasks/sell")) == whole
    refused(await api.get("/v1/tasks/buy"), 404, "task_unknown")


async def test_a_task_tells_its_steps_and_what_it_takes_in_each_version(
    api: httpx.AsyncClient,
) -> None:
    before = good(await api.get("/v1/tasks/sell"))
    assert [(each["path"], each["function"]) for each in before["outline"]] == [
        ("0", "create_variable"),
        ("1", "conditional"),
        ("1/true/0", "for_each_loop"),
        ("1/true/0/*/0", "add_record"),
    ]
    assert (before["input"], before["lane"], before["on_error"]) == (None, None, None)
    after = """{"sell": {"lane": "low", "input": {"type": "object"}, "function_stack": [
      {"function": "stop", "id": "end", "description": "Nothing."}]}}"""
    good(await api.put("/v1/stacks/shop", content=after))
    now = good(await api.get("/v1/tasks/sell"))
    assert (now["input"], now["lane"]) == ({"type": "object"}, "low")
    (step,) = now["outline"]
    told = {"path": "0", "function": "stop", "id": "end", "description": "Nothing.", "as": None}
    assert step == told
    url = "/v1/tasks/{}?version={}"
    for name in ("shop/sell", "sell"):
        assert good(await api.get(url.format(name, before["version"]))) == before
    refused(await api.get(url.format("shop/sell", "0000")), 404, "task_gone")
    refused(await api.get(url.format("buy", before["version"])), 404, "task_unknown")
    refused(await api.get("/v1/tasks/sell?versions=1"), 400, "query_unknown")


async def test_a_task_that_is_gone_is_read_in_the_version_that_had_it(
    api: httpx.AsyncClient,
) -> None:
    version = good(await api.get("/v1/tasks/sell"))["version"]
    good(await api.put("/v1/stacks/shop", content='{"buy": {"function_stack": []}}'))
    refused(await api.get("/v1/tasks/shop/sell"), 404, "task_gone")
    assert good(await api.get(f"/v1/tasks/shop/sell?version={version}"))["steps"] == 2


async def test_a_bare_name_that_two_stacks_have_is_refused(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/stacks/mall", content=SHOP), 201)
    body = refused(await api.get("/v1/tasks/sell"), 400, "task_ambiguous")
    assert "mall/sell or shop/sell" in body["message"]


async def test_an_input_that_the_task_does_not_take_is_refused_before_anything_is_queued(
    api: httpx.AsyncClient,
) -> None:
    text = """{ task: "buy", input: { type: "object", required: ["n"],
        properties: { n: { type: "integer" } } }, function_stack: [] }"""
    good(await api.put("/v1/stacks/mall", content=text), 201)
    url = "/v1/tasks/mall/buy/runs"
    for given in ({}, {"n": "x"}):
        body = refused(await api.post(url, json={"input": given}), 422, "input_invalid")
        assert pointers(body)
    assert good(await api.get("/v1/runs"))["items"] == []
    good(await api.post(url, json={"input": {"n": 1}}), 202)


async def test_a_run_is_queued_and_read(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/tasks/shop/sell/runs", json={"input": {"n": 2**70}})
    told = good(response, 202)
    assert told["status"] == "queued"
    assert told["url"] == response.headers["location"] == f"http://hub.test/v1/runs/{told['id']}"
    run = good(await api.get(told["url"]))
    assert run.pop("due_at") <= run.pop("created_at")
    assert run == {
        "id": told["id"],
        "task": "shop/sell",
        "version": None,
        "status": "queued",
        "lane": "normal",
        "attempt": 0,
        "progress": None,
        "input": {"n": 2**70},
        "result": None,
        "failure": None,
        "parent": None,
        "retry_of": None,
        "chain_depth": 0,
        "event_id": None,
        "started_at": None,
        "finished_at": None,
    }


async def test_a_bare_name_and_no_input_do(api: httpx.AsyncClient) -> None:
    told = good(await api.post("/v1/tasks/sell/runs", json={}), 202)
    run = good(await api.get(told["url"]))
    assert (run["task"], run["input"]) == ("shop/sell", {})


async def test_the_same_idempotency_key_gives_the_same_run(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    wish = {"input": {}, "idempotency_key": "once"}
    first = good(await api.post("/v1/tasks/sell/runs", json=wish), 202)
    await claim(hub)
    again = good(await api.post("/v1/tasks/sell/runs", json=wish), 202)
    assert (again["id"], again["status"]) == (first["id"], "running")


async def test_a_delayed_run_is_due_later(api: httpx.AsyncClient, hub: Hub) -> None:
    told = good(await api.post("/v1/tasks/sell/runs", json={"delay_s": 60.5}), 202)
    run = good(await api.get(told["url"]))
    assert run["due_at"] > run["created_at"]
    assert await claim(hub) == []


async def test_whoever_waits_gets_the_run(api: httpx.AsyncClient, hub: Hub) -> None:
    async def work() -> None:
        while not (taken := await claim(hub)):  # the queue is asked, as a worker does
            await asyncio.sleep(0.01)
        await finish(hub, taken[0], DONE)

    wish = {"input": {}, "wait_s": 10}
    response, _ = await asyncio.gather(api.post("/v1/tasks/sell/runs", json=wish), work())
    run = good(response)
    assert (run["status"], run["result"]) == ("succeeded", {"sold": True})
    assert response.headers["location"].endswith(run["id"])


async def test_a_failed_run_says_so_under_failure(api: httpx.AsyncClient, hub: Hub) -> None:
    told = good(await api.post("/v1/tasks/sell/runs", json={}), 202)
    (run,) = await claim(hub)
    failure = Failure("broken", "It broke.", "1/true/0/0/0")
    entry = Entry("0", "create_variable", 1_000_000, 1500, None, journaled=False)
    guard = Entry("1?", "if", 1_000_000, 0, {"now": 1})
    version = hub.catalog.now.stacks["shop"].version
    await finish(hub, run, Ending(RunStatus.FAILED, version, None, failure), (entry, guard))
    shown = good(await api.get(told["url"]))
    assert shown["failure"] == {"code": "broken", "message": "It broke.", "step": "1/true/0/0/0"}
    steps = good(await api.get(told["url"] + "/steps"))
    assert steps["next"] is None
    assert steps["items"][0] == {
        "path": "0",
        "function": "create_variable",
        "status": "succeeded",
        "started_at": "1970-01-01T00:00:01.000000Z",
        "duration_ms": 1.5,
        "input": None,
        "output": None,
        "note": None,
        "failure": None,
    }
    last = steps["items"][1]
    assert (last["path"], last["status"], last["function"]) == (
        "1/true/0/0/0",
        "failed",
        "add_record",
    )
    assert last["failure"] == {"code": "broken", "message": "It broke."}
    assert len(steps["items"]) == 2
    first, last = good(await api.get(told["url"] + "/steps?input=true"))["items"]
    assert first["input"] == {"name": "x", "value": 1}
    assert last["input"] == {"table": "sold", "data": {}}


async def test_steps_come_in_pages(api: httpx.AsyncClient, hub: Hub) -> None:
    told = good(await api.post("/v1/tasks/sell/runs", json={}), 202)
    (run,) = await claim(hub)
    await finish(hub, run, DONE, tuple(Entry(str(n), "x", n, 1, {"n": n}) for n in range(5)))
    seen, url = [], told["url"] + "/steps?limit=2"
    while url:
        page = good(await api.get(url))
        seen += [item["output"]["n"] for item in page["items"]]
        url = page["next"]
    assert seen == [0, 1, 2, 3, 4]


async def test_a_step_is_found_by_its_path_each_time_that_it_was_done(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    told = good(await api.post("/v1/tasks/sell/runs", json={}), 202)
    (run,) = await claim(hub)
    entries = (Entry("0", "x", 1, 1, 1), Entry("1/true/0", "x", 2, 1, 2), Entry("0", "x", 3, 1, 3))
    await finish(hub, run, DONE, entries)

    async def outputs(query: str) -> list[int]:
        found = good(await api.get(f"{told['url']}/steps?{query}"))
        return [item["output"] for item in found["items"]]

    assert await outputs("path=0") == [1, 3]
    assert await outputs("path=1/true/0") == [2]
    assert await outputs("path=0&limit=1") == [1]
    assert await outputs("path=1") == []


async def test_when_the_wait_is_over_the_run_goes_on(api: httpx.AsyncClient) -> None:
    wish = {"wait_s": 0.02}
    assert good(await api.post("/v1/tasks/sell/runs", json=wish), 202)["status"] == "queued"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"inputs": {}}, "/inputs"),
        ({"input": []}, "/input"),
        ({"input": None}, "/input"),
        ({"delay_s": -1}, "/delay_s"),
        ({"delay_s": "5"}, "/delay_s"),
        ({"delay_s": 1e300}, "/delay_s"),
        ({"delay_s": True}, "/delay_s"),
        ({"wait_s": 61}, "/wait_s"),
        ({"idempotency_key": ""}, "/idempotency_key"),
        ({"idempotency_key": "a\x00"}, "/idempotency_key"),
        ({"idempotency_key": "a" * 201}, "/idempotency_key"),
        ({"idempotency_key": 7}, "/idempotency_key"),
        ([], ""),
    ],
)
async def test_what_is_wrong_with_a_wish_is_named(
    api: httpx.AsyncClient, body: Any, place: str
) -> None:
    problem = refused(await api.post("/v1/tasks/sell/runs", json=body), 422, "validation")
    assert pointers(problem)[0][0] == place


async def test_an_unknown_task_is_404(api: httpx.AsyncClient) -> None:
    refused(await api.post("/v1/tasks/buy/runs", json={}), 404, "task_unknown")
    refused(await api.post("/v1/tasks/other/sell/runs", json={}), 404, "task_unknown")


async def test_starting_needs_the_scope_run(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    writer, runner = await key_of("write"), await key_of("run")
    refused(await api.post("/v1/tasks/sell/runs", json={}, headers=writer), 403, "forbidden")
    good(await api.post("/v1/tasks/sell/runs", json={}, headers=runner), 202)


async def test_runs_are_listed_by_what_they_are(api: httpx.AsyncClient, hub: Hub) -> None:
    event_id = await record(hub, task="shop/sell")
    (first,) = await claim(hub)
    await finish(hub, first, DONE)
    second = good(await api.post("/v1/tasks/sell/runs", json={}), 202)["id"]

    async def ids(query: str) -> list[str]:
        return [item["id"] for item in good(await api.get(f"/v1/runs?{query}"))["items"]]

    assert await ids("") == [second, first.id]
    assert await ids("task=shop/sell") == await ids("task=sell") == [second, first.id]
    assert await ids("task=other") == []
    assert await ids("status=succeeded") == [first.id]
    assert await ids(f"event_id={event_id}") == [first.id]
    refused(await api.get("/v1/runs?status=fine"), 400, "query_invalid")
    refused(await api.get("/v1/runs?brief=yes"), 400, "query_invalid")
    refused(await api.get("/v1/runs?parent=evt_1"), 400, "query_invalid")


async def test_runs_are_listed_by_the_run_that_has_started_them(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    first = good(await api.post("/v1/tasks/sell/runs", json={}), 202)["id"]
    second = RunStart(new_id("run"), "shop/sell", "{}", parent=first)
    await hub.ledger.write(START, second)
    found = good(await api.get(f"/v1/runs?parent={first}"))["items"]
    assert [each["id"] for each in found] == [second.id]
    assert good(await api.get(f"/v1/runs?parent={second.id}"))["items"] == []


async def test_a_brief_list_of_runs_is_without_what_may_be_large(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    good(await api.post("/v1/tasks/sell/runs", json={"input": {"n": 1}}), 202)
    (run,) = await claim(hub)
    await finish(hub, run, DONE)
    (whole,) = good(await api.get("/v1/runs?brief=false"))["items"]
    (brief,) = good(await api.get("/v1/runs?brief=true"))["items"]
    assert (whole["input"], whole["result"]) == ({"n": 1}, {"sold": True})
    assert brief == {**whole, "input": None, "result": None}


async def test_runs_come_in_pages(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [good(await api.post("/v1/tasks/sell/runs", json={}), 202)["id"] for _ in range(5)]
    monkeypatch.setattr("hub.web.api.runs._CHUNK", 2)
    for limit in (1, 2, 3, 4, 5):
        seen: list[str] = []
        url: str | None = f"/v1/runs?limit={limit}"
        while url:
            page = good(await api.get(url))
            assert len(page["items"]) <= limit
            seen += [item["id"] for item in page["items"]]
            url = page["next"]
        assert seen == made[::-1]


async def test_a_page_of_large_runs_ends_early(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        good(await api.post("/v1/tasks/sell/runs", json={"input": {"x": "y" * 100}}), 202)
    monkeypatch.setattr("hub.web.api.runs._CHUNK", 1)
    monkeypatch.setattr("hub.web.api.runs._MAX_CHARS", 100)
    page = good(await api.get("/v1/runs"))
    assert len(page["items"]) == 1
    assert page["next"] is not None


@pytest.mark.parametrize(
    "run_id", ["run_x", "evt_" + "0" * 32, "run_" + "0" * 32, "RUN_" + "0" * 32]
)
async def test_an_unknown_run_is_404(api: httpx.AsyncClient, run_id: str) -> None:
    refused(await api.get(f"/v1/runs/{run_id}"), 404, "run_unknown")
    refused(await api.get(f"/v1/runs/{run_id}/steps"), 404, "run_unknown")
