"""The reference's delayed, queued, retried, batched and scheduled documents, run for real.

Nothing is simulated but the passing of time: what is due in a fortnight is brought nearer.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from hub.run.machine import Load, Machine
from tests.flows.clock import armed, pass_s
from tests.program import Driven
from tests.reference import TEXTS, at_hand, recording
from tests.sink import Answer, Sink

pytestmark = at_hand
SECRET = "a-secret-of-the-owner-s-own-sign-in"
DAY_S = 86_400


async def load(hub: Driven, number: int, more: str = "", **variables: str) -> None:
    """Set a document as it stands, with what its reader has to add."""
    for name, value in variables.items():
        await hub.put(f"/v1/variables/{name}", {"value": value})
    await hub.put("/v1/stacks/shop", TEXTS[number - 1] + more)


async def run(hub: Driven, task: str, **given: Any) -> dict[str, Any]:
    """Run a task to its end."""
    body = {"input": given, "wait_s": 10}
    told = (await hub.api.post(f"/v1/tasks/shop/{task}/runs", json=body)).json()
    assert told["status"] == "succeeded", told
    return told


async def add(hub: Driven, table: str, *records: dict[str, Any]) -> None:
    answer = await hub.api.post(f"/v1/tables/{table}/records", json=list(records))
    assert answer.status_code == 201, answer.text


async def fields(hub: Driven, table: str) -> list[dict[str, Any]]:
    """What the records of a table hold, the oldest first."""
    items = (await hub.get(f"/v1/tables/{table}/records?limit=500"))["items"]
    return [each["fields"] for each in sorted(items, key=lambda each: each["id"])]


async def until(hub: Driven, table: str, **wanted: Any) -> list[dict[str, Any]]:
    """Look until all records of the table have these values."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(10):
            while True:
                found = await fields(hub, table)
                if found and all(wanted.items() <= each.items() for each in found):
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{table} never had {wanted}: {found}") from None


async def due(hub: Driven, task: str, in_s: float) -> None:
    """Wait until a run of the task is put off by so much."""
    found: list[float] = []
    try:
        async with asyncio.timeout(10):
            while not any(each == pytest.approx(in_s, abs=1) for each in found):
                await asyncio.sleep(0.02)
                runs = (await hub.get(f"/v1/runs?task=shop/{task}&status=queued"))["items"]
                found = [put_off_s(each) for each in runs]
    except TimeoutError:
        raise AssertionError(f"{task} was never put off by {in_s} s: {found}") from None


def put_off_s(run: dict[str, Any]) -> float:
    created, at = (datetime.fromisoformat(run[name]) for name in ("created_at", "due_at"))
    return (at - created).total_seconds()


async def test_2_an_order_is_confirmed_after_its_answer(hub: Driven, make: Sink) -> None:
    await load(hub, 2, EMAIL_SERVICE_URL=make.url)
    told = await run(hub, "main_function", order_data={"customer_email": "ada@example.com"})
    assert told["result"] == {"order_id": 1, "status": "created"}
    [mail] = await make.wait_for(1)
    assert mail.json == {
        "template": "order_confirmation",
        "to": "ada@example.com",
        "order_id": 1,
    }
    await until(hub, "orders", confirmation_sent=True)


async def test_3_a_trial_is_reminded_of_after_a_fortnight(hub: Driven, make: Sink) -> None:
    signing_up = """{ endpoint: "/sign-up", auth: { mode: "jwt", secret: "SIGN_IN",
        issuer: "https://id.example.com", audience: "shop" }, function_stack: [
        { function: "background_task", task: "shop" } ] }"""
    await hub.put("/v1/variables/SIGN_IN", {"value": SECRET, "secret": True})
    await load(hub, 3, signing_up, EMAIL_SERVICE_URL=make.url)
    await add(hub, "users", {"email": "ada@example.com", "subscription_status": "trial"})
    claims = {"iss": "https://id.example.com", "aud": "shop", "sub": "1", "exp": 4_000_000_000}
    token = jwt.encode(claims, SECRET, "HS256")
    answer = await hub.api.post("/sign-up", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    await due(hub, "trial_expiry_warning", 14 * DAY_S)
    [trial] = await fields(hub, "user_trials")
    begin, end = (datetime.fromisoformat(trial[name]) for name in ("start_date", "end_date"))
    assert (trial["user_id"], end - begin) == ("1", timedelta(days=14))
    await pass_s(hub, 14 * DAY_S - 60)
    await asyncio.sleep(1.5)
    assert make.requests == []
    await pass_s(hub, 60)
    [mail] = await make.wait_for(1)
    assert (mail.json["template"], mail.json["to"]) == ("trial_expiring", "ada@example.com")


QUEUE_TASKS = recording("process_email_task", "process_report_task", "process_sync_task")


async def test_4_queued_tasks_are_worked_off_by_priority(hub: Driven) -> None:
    await load(hub, 4, QUEUE_TASKS)
    wanted = [("send_email", "low"), ("generate_report", "high"), ("sync_data", "normal")]
    await add(
        hub,
        "task_queue",
        *({"task_type": kind, "priority": how, "status": "pending"} for kind, how in wanted),
    )
    await run(hub, "add_to_queue", task_type="send_email", task_data={"n": 1}, priority="high")
    queue = await until(hub, "task_queue", status="completed")
    begun = sorted(range(4), key=lambda n: queue[n]["started_at"])
    assert begun == [1, 3, 2, 0]
    for table, count in (("email", 2), ("report", 1), ("sync", 1)):
        assert len(await fields(hub, f"process_{table}_task")) == count


async def test_5_a_payment_is_tried_again_and_then_marked_as_failed(
    hub: Driven, make: Sink
) -> None:
    await load(hub, 5, PAYMENT_PROCESSOR_URL=make.url)
    await add(hub, "payments", {"amount": 12.5})
    make.answer = lambda n, request: Answer(502, "no luck")
    await run(hub, "process_payment", payment_id=1)
    for tries, wait_s in enumerate((60, 120, 240), 1):
        await due(hub, "process_payment", wait_s)
        assert len(make.requests) == tries
        await pass_s(hub, wait_s)
        await make.wait_for(tries + 1)
    [payment] = await until(hub, "payments", status="failed")
    assert "502" in payment["error"]
    assert len({request.key for request in make.requests}) == 1
    assert {request.json["amount"] for request in make.requests} == {12.5}
    await pass_s(hub, DAY_S)
    await asyncio.sleep(1.5)
    assert len(make.requests) == 4


async def test_5_a_payment_that_goes_through_is_processed(hub: Driven, make: Sink) -> None:
    await load(hub, 5, PAYMENT_PROCESSOR_URL=make.url)
    await add(hub, "payments", {"amount": 12.5})
    make.answer = lambda n, request: Answer(500 if n == 0 else 200)
    await run(hub, "process_payment", payment_id=1)
    await due(hub, "process_payment", 60)
    await pass_s(hub, 60)
    await until(hub, "payments", status="processed")
    assert len(make.requests) == 2


async def test_6_users_are_worked_through_by_the_hundred(hub: Driven, make: Sink) -> None:
    await load(hub, 6, EMAIL_SERVICE_URL=make.url)
    users = [
        {"email": f"{n}@example.com", "verification_token": n, "email_verified": n % 50 == 0}
        for n in range(250)
    ]
    await add(hub, "users", *users)
    await run(hub, "process_user_batch")
    for done in (100, 200):
        await due(hub, "process_user_batch", 10)
        assert len(make.requests) == done
        await pass_s(hub, 10)
    sent = await make.wait_for(245)
    assert {each.json["to"] for each in sent} == {
        each["email"] for each in users if not each["email_verified"]
    }
    runs = (await hub.get("/v1/runs?task=shop/process_user_batch"))["items"]
    assert len(runs) == 3


async def test_7_yesterday_is_reported_in_the_morning(hub: Driven, make: Sink) -> None:
    await load(hub, 7, SLACK_WEBHOOK_URL=make.url)
    now = datetime.now(UTC)
    await add(
        hub,
        "page_views",
        *(
            {"created_at": f"{now - timedelta(days=days):%F}T{hour}", "page_url": url, "user_id": 1}
            for days in range(3)
            for hour, url in (("00:00:00Z", "/a"), ("12:00:00Z", "/b"), ("23:59:59Z", "/a"))
        ),
    )
    schedule = await hub.get("/v1/schedules/daily_analytics_report")
    at = datetime.fromisoformat(schedule["next"][0])
    assert (at.hour, at.minute) == (6, 0)
    await armed(hub)
    await pass_s(hub, (at - now).total_seconds())
    [message] = await make.wait_for(1)
    assert message.json == {"text": "Daily Analytics Report: 3 views, 1 unique visitors"}
    [report] = await fields(hub, "daily_reports")
    assert report["date"] in (f"{now - timedelta(days=days):%F}" for days in (0, 1))
    assert report["top_pages"] == [{"value": "/a", "count": 2}, {"value": "/b", "count": 1}]
    [ran] = (await hub.get("/v1/runs?task=shop/daily_analytics_report"))["items"]
    await hub.until(f"/v1/runs/{ran['id']}", status="succeeded")


async def test_8_pending_customers_go_to_n8n_and_are_marked(hub: Driven, make: Sink) -> None:
    text = TEXTS[7].replace("https://hooks.n8n.cloud/webhook/customer-sync", make.url)
    await hub.put("/v1/stacks/shop", text)
    await add(hub, "customers", *({"sync_status": s} for s in ("pending", "done", "pending")))
    await run(hub, "sync_customer_data")
    [request] = make.requests
    assert [each["id"] for each in request.json["customers"]] == [1, 3]
    marks = [each["sync_status"] for each in await fields(hub, "customers")]
    assert marks == ["in_progress", "done", "in_progress"]


async def test_9_figures_are_published(hub: Driven) -> None:
    await load(hub, 9)
    await add(hub, "sales", {"amount": 10}, {"amount": 5.5})
    await run(hub, "update_dashboard_metrics")
    said = await hub.api.get("/realtime/dashboard_metrics?last_event_id=earliest&limit=1")
    [line] = [each for each in said.text.splitlines() if each.startswith("data: ")]
    message = json.loads(line.removeprefix("data: "))
    assert message["event"] == "metrics_updated"
    assert (message["data"]["total_sales"], message["data"]["order_count"]) == (15.5, 2)


async def test_10_leads_go_to_make_one_by_one(hub: Driven, make: Sink) -> None:
    text = TEXTS[9].replace("https://hook.us1.make.com/lead-processor", make.url)
    await hub.put("/v1/stacks/shop", text)
    await add(hub, "leads", *({"lead_score": n, "status": "new"} for n in range(60)))
    await run(hub, "process_leads")
    assert [each.json["score"] for each in make.requests] == list(range(50))
    assert len({each.key for each in make.requests}) == 50
    marks = [each["status"] for each in await fields(hub, "leads")]
    assert marks == ["processing"] * 50 + ["new"] * 10


JOB = recording("job")


@pytest.mark.parametrize(("priority", "in_s"), [("high", 0), ("normal", 10), ("low", 60)])
async def test_11_a_task_is_worked_off_after_the_delay_of_its_priority(
    hub: Driven, priority: str, in_s: int
) -> None:
    await load(hub, 11, JOB)
    row = {"task_type": "job", "status": "pending", "priority": priority, "payload": {"n": 7}}
    await add(hub, "task_queue", row)
    await run(hub, "task_processor")
    if in_s:
        await due(hub, "job", in_s)
        assert (await fields(hub, "task_queue"))[0]["status"] == "queued"
        await pass_s(hub, in_s)
    await until(hub, "job", n=7)
    await until(hub, "task_queue", status="completed")
    lanes = {each["name"]: each for each in (await hub.get("/v1/lanes"))["items"]}
    assert [lanes[name]["max_concurrent"] for name in ("high", "normal", "low")] == [5, 3, 1]


async def test_12_a_batch_is_worked_off_when_the_machine_has_time(
    hub: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = [Load(95.0, 10.0), Load(20.0, 10.0)]

    async def load_of_machine(_: Machine) -> Load:
        return loads.pop(0)

    monkeypatch.setattr(Machine, "load", load_of_machine)  # that of this machine is not ours to set
    await load(hub, 12, JOB)
    rows = ({"task_type": "job", "status": "pending", "payload": {"n": n}} for n in range(7))
    await add(hub, "task_queue", *rows)
    started = await hub.api.post("/v1/tasks/resource_manager/runs", json={"input": {}})
    await hub.until(f"/v1/runs/{started.json()['id']}", status="waiting")
    assert await fields(hub, "job") == []
    await pass_s(hub, 60)
    await hub.until(f"/v1/runs/{started.json()['id']}", status="succeeded")
    assert [each["n"] for each in await fields(hub, "job")] == list(range(5))
    left = [each["status"] for each in await fields(hub, "task_queue")]
    assert left == ["completed"] * 5 + ["pending"] * 2
