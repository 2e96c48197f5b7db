"""The reference of background tasks, where it is at hand: its documents load as they stand and do
what its prose says. The hub's own stacks of the same kind are tested everywhere."""

import re
from typing import Any

import pytest

from hub.model.time import from_iso
from hub.run.machine import Load, Machine
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from tests.reference import TEXTS, at_hand, recording
from tests.simulate.test_simulation import MORNING, kinds, simulated

pytestmark = at_hand
UNDEFINED = {
    "generate_detailed_report",
    "process_email_task",
    "process_report_task",
    "process_sync_task",
}
"""Tasks that the reference names and leaves to its reader."""
USER = {"user": {"id": 7}}


def requests(told: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [(each["at"], each["url"], each["body"]) for each in kinds(told, "request")]


def test_there_are_thirteen_documents() -> None:
    assert len(TEXTS) == 13


@pytest.mark.parametrize("number", range(1, len(TEXTS) + 1))
def test_a_document_loads_as_it_stands_and_passes_the_check(number: int) -> None:
    stack = load_stack("reference", TEXTS[number - 1])
    assert stack.tasks
    errors = [each for each in problems_of(stack, {}, "error") if each.severity == "error"]
    unknown = {found for each in errors for found in re.findall(r"'(\w+)'\.", each.message)}
    assert unknown <= UNDEFINED, errors


async def test_1_a_report_is_requested_and_made_in_the_background() -> None:
    text = TEXTS[0] + '{ task: "generate_detailed_report", function_stack: [] }'
    given: dict[str, Any] = {"input": {"report_type": "sales"}, "context": {"auth": USER}}
    told = await simulated(text, "api-generate-report", **given)
    endpoint, report = kinds(told, "run")
    assert endpoint["result"] == {"message": "Report generation started", "request_id": 1}
    assert report["task"] == "shop/generate_detailed_report"
    assert report["input"] == {"request_id": 1, "user_id": 7, "report_type": "sales"}
    [request] = told["tables"]["report_requests"]
    assert (request["user_id"], request["status"]) == (7, "queued")


async def test_2_an_order_is_answered_and_confirmed() -> None:
    order = {"order_data": {"customer_email": "ada@example.com", "total": 5}}
    variables = {"EMAIL_SERVICE_URL": "https://mail.example/send"}
    told = await simulated(TEXTS[1], "main_function", input=order, variables=variables)
    assert kinds(told, "run")[0]["result"] == {"order_id": 1, "status": "created"}
    assert requests(told) == [
        (
            MORNING,
            "https://mail.example/send",
            {"template": "order_confirmation", "to": "ada@example.com", "order_id": 1},
        )
    ]
    assert told["tables"]["orders"][0]["confirmation_sent"] is True


@pytest.mark.parametrize(("status", "mails"), [("trial", 1), ("active", 0)])
async def test_3_a_trial_is_reminded_of_after_a_fortnight(status: str, mails: int) -> None:
    users = {"users": [{"id": 7, "email": "ada@example.com", "subscription_status": status}]}
    told = await simulated(
        TEXTS[2],
        "shop",
        15,
        context={"auth": USER},
        tables=users,
        variables={"EMAIL_SERVICE_URL": "https://mail.example/send"},
    )
    [trial] = told["tables"]["user_trials"]
    assert trial["end_date"] == "2026-03-15T08:00:00.000000Z"
    sent = requests(told)
    assert len(sent) == mails
    for at, _, body in sent:
        assert at == "2026-03-15T08:00:00.000000Z"
        assert (body["to"], body["template"]) == ("ada@example.com", "trial_expiring")


QUEUE_TASKS = recording("process_email_task", "process_report_task", "process_sync_task")


async def test_4_queued_tasks_are_worked_off_by_priority() -> None:
    rows = [
        {"task_type": kind, "priority": priority, "status": "pending", "payload": {}}
        for kind, priority in (
            ("send_email", "low"),
            ("generate_report", "high"),
            ("sync_data", "normal"),
            ("send_email", "high"),
        )
    ]
    given = {"task_type": "sync_data", "task_data": {"n": 1}}
    told = await simulated(
        TEXTS[3] + QUEUE_TASKS, "add_to_queue", 1, input=given, tables={"task_queue": rows}
    )
    begun, worked = kinds(told, "run")
    assert (begun["task"], worked["task"]) == ("shop/add_to_queue", "shop/process_queue")
    assert worked["at"] == "2026-03-01T08:00:01.000000Z"
    queue = told["tables"]["task_queue"]
    assert [each["status"] for each in queue] == ["completed"] * 5
    assert queue[4]["priority"] == "normal"
    assert [
        len(told["tables"][f"process_{each}_task"]) for each in ("email", "report", "sync")
    ] == [
        2,
        1,
        2,
    ]


JOB = '{ task: "job", queueable: true, function_stack: [{ function: "add_record", '
JOB += 'table: "done", data: { n: "{{n}}" } }] }'


@pytest.mark.parametrize(
    ("priority", "at"), [("high", "00:00"), ("normal", "00:10"), ("low", "01:00"), (None, "00:10")]
)
async def test_11_a_task_is_worked_off_at_once_or_after_the_delay_of_its_priority(
    priority: str | None, at: str
) -> None:
    row = {"task_type": "job", "status": "pending", "priority": priority, "payload": {"n": 7}}
    told = await simulated(TEXTS[10] + JOB, "task_processor", 1, tables={"task_queue": [row]})
    [done] = told["tables"]["done"]
    assert (done["n"], done["created_at"][14:19]) == (7, at)
    assert told["tables"]["task_queue"][0]["status"] == "completed"


async def test_12_a_batch_is_worked_off_when_the_machine_has_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = [Load(95.0, 10.0), Load(81.0, 10.0), Load(20.0, 10.0)]

    async def load(_: Machine) -> Load:
        return loads.pop(0)

    monkeypatch.setattr(Machine, "load", load)
    rows = [{"task_type": "job", "status": "pending", "payload": {"n": n}} for n in range(7)]
    told = await simulated(TEXTS[11] + JOB, "resource_manager", 1, tables={"task_queue": rows})
    done = told["tables"]["done"]
    assert [each["n"] for each in done] == list(range(5))
    assert {each["created_at"][14:19] for each in done} == {"02:00"}
    left = [each["status"] for each in told["tables"]["task_queue"]]
    assert left == ["completed"] * 5 + ["pending"] * 2


PAYMENT: dict[str, Any] = {
    "tables": {"payments": [{"id": 3, "amount": 12.5}]},
    "variables": {"PAYMENT_PROCESSOR_URL": "https://pay.example/charge"},
    "input": {"payment_id": 3},
}


async def test_5_a_payment_is_tried_again_and_then_marked_as_failed() -> None:
    answers = {"https://pay.example/": {"status": 502, "body": "no luck"}}
    told = await simulated(TEXTS[4], "process_payment", 1, answers=answers, **PAYMENT)
    sent = kinds(told, "request")
    waited = [(from_iso(each["at"]) - from_iso(MORNING)) // 1_000_000 for each in sent]
    assert waited == [0, 60, 60 + 120, 60 + 120 + 240]
    assert len({each["idempotency_key"] for each in sent}) == 1
    [payment] = told["tables"]["payments"]
    assert payment["status"] == "failed"
    assert "502" in payment["error"]


async def test_5_a_payment_that_goes_through_at_last_is_processed_once() -> None:
    answers = {"https://pay.example/": [{"failure": "timeout"}, {"status": 500}, {"status": 200}]}
    told = await simulated(TEXTS[4], "process_payment", 1, answers=answers, **PAYMENT)
    assert len(kinds(told, "request")) == 3
    assert told["tables"]["payments"][0]["status"] == "processed"


async def test_6_users_are_worked_through_by_the_hundred() -> None:
    users = [
        {"email": f"{n}@example.com", "verification_token": str(n), "email_verified": n % 50 == 0}
        for n in range(250)
    ]
    told = await simulated(
        TEXTS[5],
        "process_user_batch",
        1,
        tables={"users": users},
        variables={"EMAIL_SERVICE_URL": "https://mail.example/send"},
    )
    sent = [body["to"] for _, _, body in requests(told)]
    assert sorted(sent) == sorted(u["email"] for u in users if not u["email_verified"])
    begun = [each["at"][17:19] for each in kinds(told, "run")]
    assert begun == ["00", "10", "20"]


async def test_7_yesterday_is_reported_at_six() -> None:
    views = [
        {"created_at": "2026-02-28T23:59:59Z", "page_url": "/old", "user_id": 9},
        *(
            {"created_at": f"2026-03-01T{n:02d}:00:00Z", "page_url": url, "user_id": user}
            for n, (url, user) in enumerate([("/a", 1), ("/b", 1), ("/a", 2), ("/a", None)])
        ),
        {"created_at": "2026-03-02T00:00:00Z", "page_url": "/new", "user_id": 9},
    ]
    told = await simulated(
        TEXTS[6],
        None,
        1,
        tables={"page_views": views},
        variables={"SLACK_WEBHOOK_URL": "https://hooks.slack.example/T0"},
    )
    [report] = told["tables"]["daily_reports"]
    assert (report["date"], report["total_views"]) == ("2026-03-01", 4)
    assert report["unique_visitors"] == 2
    assert report["top_pages"] == [{"value": "/a", "count": 3}, {"value": "/b", "count": 1}]
    assert requests(told) == [
        (
            "2026-03-02T06:00:00.000000Z",
            "https://hooks.slack.example/T0",
            {"text": "Daily Analytics Report: 4 views, 2 unique visitors"},
        )
    ]


async def test_8_pending_customers_go_to_n8n_and_are_marked() -> None:
    customers = [{"id": n, "sync_status": "pending" if n < 3 else "done"} for n in (1, 2, 3)]
    told = await simulated(TEXTS[7], "sync_customer_data", tables={"customers": customers})
    [(_, url, body)] = requests(told)
    assert url == "https://hooks.n8n.cloud/webhook/customer-sync"
    assert [each["id"] for each in body["customers"]] == [1, 2]
    assert body["requested_by"] == "background_task"
    assert re.fullmatch(r"[0-9a-f-]{36}", body["sync_batch_id"])
    marks = [each["sync_status"] for each in told["tables"]["customers"]]
    assert marks == ["in_progress", "in_progress", "done"]


async def test_9_today_s_sales_are_measured_and_published() -> None:
    sales = [
        {"created_at": "2026-02-28T23:59:59Z", "amount": 1000},
        {"created_at": "2026-03-01T00:00:00Z", "amount": 10},
        {"created_at": "2026-03-01T07:59:59Z", "amount": 5.5},
    ]
    told = await simulated(TEXTS[8], "update_dashboard_metrics", tables={"sales": sales})
    [message] = kinds(told, "message")
    assert (message["channel"], message["event"]) == ("dashboard_metrics", "metrics_updated")
    assert message["data"] == {
        "total_sales": 15.5,
        "order_count": 2,
        "average_order": 7.75,
        "updated_at": MORNING,
    }


async def test_10_new_leads_go_to_make_one_by_one() -> None:
    leads = [
        {"email": f"{n}@example.com", "source": "ad", "lead_score": n, "status": "new"}
        for n in range(60)
    ]
    told = await simulated(TEXTS[9], "process_leads", tables={"leads": leads})
    sent = requests(told)
    assert {url for _, url, _ in sent} == {"https://hook.us1.make.com/lead-processor"}
    assert [body["score"] for _, _, body in sent] == list(range(50))
    assert [each["status"] for each in told["tables"]["leads"]] == ["processing"] * 50 + [
        "new"
    ] * 10
