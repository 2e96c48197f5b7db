"""A stack decides, repeats, starts other tasks, and says what it found."""

from tests.program import Driven

SORTING = """
{ task: "sort", function_stack: [
  { function: "create_variable", name: "seen", value: 0 },
  { function: "for_each_loop", array: "{{items}}", function_stack: [
    { function: "update_variable", name: "seen", value: "{{seen + 1}}" },
    { function: "conditional", condition: "{{loop_item.price >= 100}}",
      true_stack: [
        { function: "background_task", task: "note", data: { name: "{{loop_item.name}}" } },
      ] },
  ] },
  { function: "return_response", body: { seen: "{{seen}}" } },
] }
{ task: "note", function_stack: [
  { function: "add_record", table: "notes", data: { name: "{{input.name}}" } },
] }
"""


async def start(hub: Driven, task: str, given: object, **more: object) -> dict[str, object]:
    """Start a run and wait for its end."""
    answer = await hub.api.post(
        f"/v1/tasks/{task}/runs", json={"input": given, "wait_s": 10, **more}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_task_started_by_hand_loops_decides_and_starts_others(hub: Driven) -> None:
    await hub.put("/v1/stacks/sorting", SORTING)
    items = [{"name": "pen", "price": 2}, {"name": "desk", "price": 300}]
    run = await start(hub, "sort", {"items": items})
    assert (run["status"], run["result"]) == ("succeeded", {"seen": 2})
    (child,) = [
        each for each in (await hub.get("/v1/runs"))["items"] if each["task"] == "sorting/note"
    ]
    await hub.until(f"/v1/runs/{child['id']}", status="succeeded")
    assert child["parent"] == run["id"]
    (record,) = (await hub.get("/v1/tables/notes/records"))["items"]
    assert record["fields"] == {"name": "desk"}


async def test_the_steps_of_a_run_can_be_read(hub: Driven) -> None:
    await hub.put("/v1/stacks/sorting", SORTING)
    run = await start(hub, "sorting/sort", {"items": [{"name": "desk", "price": 300}]})
    steps = (await hub.get(f"/v1/runs/{run['id']}/steps"))["items"]
    assert [(step["path"], step["function"]) for step in steps] == [
        ("0", "create_variable"),
        ("1", "for_each_loop"),
        ("1/0/0", "update_variable"),
        ("1/0/1", "conditional"),
        ("1/0/1/true/0", "background_task"),
        ("2", "return_response"),
    ]


async def test_a_run_that_fails_names_its_step_and_keeps_what_went_before(hub: Driven) -> None:
    await hub.put(
        "/v1/stacks/broken",
        """{ task: "broken", function_stack: [
             { function: "add_record", table: "kept", data: { a: 1 } },
             { function: "deliver", destination: "nowhere", payload: {} },
        ] }""",
    )
    run = await start(hub, "broken", {})
    assert run["status"] == "failed"
    failure = run["failure"]
    assert isinstance(failure, dict)
    assert (failure["code"], failure["step"]) == ("destination_unknown", "1")
    assert len((await hub.get("/v1/tables/kept/records"))["items"]) == 1


async def test_a_run_keeps_its_idempotency_key(hub: Driven) -> None:
    await hub.put("/v1/stacks/sorting", SORTING)
    first = await start(hub, "note", {"name": "a"}, idempotency_key="once")
    again = await start(hub, "note", {"name": "b"}, idempotency_key="once")
    assert first["id"] == again["id"]


async def test_a_delayed_run_waits(hub: Driven) -> None:
    await hub.put("/v1/stacks/sorting", SORTING)
    answer = await hub.api.post(
        "/v1/tasks/note/runs", json={"input": {"name": "later"}, "delay_s": 3600}
    )
    assert answer.status_code == 202
    run = await hub.get(f"/v1/runs/{answer.json()['id']}")
    assert run["status"] == "queued"
    assert run["due_at"] > run["created_at"]


async def test_a_secret_variable_never_reaches_a_record(hub: Driven) -> None:
    await hub.put("/v1/variables/OPEN", {"value": "yes", "secret": False})
    await hub.put("/v1/variables/TOKEN", {"value": "hush-hush", "secret": True})
    await hub.put(
        "/v1/stacks/env",
        """{ "open": [ { function: "return_response", body: "{{env.OPEN}}" } ],
             "closed": [ { function: "add_record", table: "t", data: { a: "{{env.TOKEN}}" } } ],
             "missing": [ { function: "return_response", body: "{{env.NOBODY}}" } ] }""",
    )
    assert (await start(hub, "open", {}))["result"] == "yes"
    closed = await start(hub, "closed", {})
    assert closed["status"] == "failed"
    assert "hush-hush" not in str(closed)
    missing = await start(hub, "missing", {})
    assert "NOBODY" in str(missing["failure"])


async def test_a_stack_sees_its_run_and_its_event(hub: Driven) -> None:
    await hub.put(
        "/v1/stacks/facts",
        """{ task: "facts", source: "shop", function_stack: [
             { function: "return_response",
               body: { run: "{{run.id}}", event: "{{event.id}}", source: "{{event.source}}" } },
        ] }""",
    )
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    sent = (await hub.api.post("/in/shop", json={})).json()
    run = await hub.until(f"/v1/runs/{sent['run_id']}", status="succeeded")
    assert run["result"] == {"run": sent["run_id"], "event": sent["event_id"], "source": "shop"}
    steps = (await hub.get(f"/v1/runs/{run['id']}/steps"))["items"]
    assert [step["function"] for step in steps] == ["return_response"]


async def test_what_was_queued_before_its_stack_was_removed_ends_all_the_same(hub: Driven) -> None:
    text = """{ task: "later", function_stack: [
      { function: "add_record", table: "notes", data: { n: 1 } } ] }"""
    await hub.put("/v1/stacks/old", text)
    told = await hub.api.post("/v1/tasks/old/later/runs", json={"delay_s": 0.5})
    assert (await hub.api.delete("/v1/stacks/old")).status_code == 204
    again = await hub.api.post("/v1/tasks/old/later/runs", json={})
    assert (again.status_code, again.json()["code"]) == (404, "task_gone")
    await hub.until(f"/v1/runs/{told.json()['id']}", status="succeeded")
    assert len((await hub.get("/v1/tables/notes/records"))["items"]) == 1
