"""n8n, WeWeb, Make, and what runs by itself."""

from typing import Any

from hub.model.json import Json
from tests.simulate.test_simulation import MORNING, kinds
from tests.stacks.shipped import Told, about, runs_of, sent, shipped

# a batch of users


def users(count: int, **fields: Json) -> list[Json]:
    return [
        {"email": f"u{n}@example.com", "token": f"t {n}", "verified": n % 10 == 0, **fields}
        for n in range(count)
    ]


async def asked(count: int, answers: Json = None) -> Told:
    variables = {"MAIL_URL": "https://mail.example/send", "SITE_URL": "https://site.example"}
    tables = {"users": users(count)}
    return await shipped(
        "verification.json5", "ask", 1, variables=variables, tables=tables, answers=answers or {}
    )


async def test_all_users_are_asked_once_a_hundred_at_a_time() -> None:
    told = await asked(250)
    mails = [each["body"]["to"] for each in sent(told)]
    assert mails == [f"u{n}@example.com" for n in range(250) if n % 10]
    assert sent(told)[0]["body"]["link"] == "https://site.example/verify?token=t%201"
    assert [each["at"][17:19] for each in runs_of(told, "ask")] == ["00", "10", "20"]
    assert [each["data"] for each in kinds(told, "message")] == [{"sent": 225}]
    marked = [each.get("asked_at") is not None for each in told["tables"]["users"]]
    assert marked == [n % 10 != 0 for n in range(250)]


async def test_one_that_cannot_be_asked_keeps_nobody_else_from_it() -> None:
    answers = {"https://mail.example/": [{"status": 500}] * 3 + [{}]}
    told = await asked(10, answers)
    assert [each.get("asked_at") is None for each in told["tables"]["users"]].count(True) == 2
    assert [each["data"] for each in kinds(told, "message")] == [{"sent": 8}]
    [line] = kinds(told, "log")
    assert line["message"].startswith("u1@example.com: Status 500")


async def test_nobody_to_ask_is_no_fault() -> None:
    assert [each["data"] for each in kinds(await asked(0), "message")] == [{"sent": 0}]


# the daily report


def views(*moments: tuple[str, str, str | None]) -> dict[str, list[Json]]:
    return {"page_views": [{"created_at": at, "page": p, "visitor": v} for at, p, v in moments]}


SUNDAY = views(
    ("2026-02-28T22:59:59Z", "/saturday", "v9"),
    ("2026-02-28T23:00:00Z", "/a", "v1"),  # midnight in Berlin
    ("2026-03-01T12:00:00Z", "/b", "v1"),
    ("2026-03-01T12:00:01Z", "/b", "v2"),
    ("2026-03-01T22:59:59Z", "/b", None),
    ("2026-03-01T23:00:00Z", "/monday", "v9"),
)
CHAT = {"CHAT_URL": "https://chat.example/hook"}


async def test_yesterday_is_reported_at_six_in_berlin() -> None:
    told = await shipped("daily_report.json5", None, 1, tables=SUNDAY, variables=CHAT)
    [report] = told["tables"]["daily_reports"]
    assert {name: report[name] for name in ("day", "views", "visitors", "pages")} == {
        "day": "2026-03-01",
        "views": 4,
        "visitors": 2,
        "pages": [{"page": "/b", "views": 3}, {"page": "/a", "views": 1}],
    }
    [request] = sent(told)
    assert request["at"] == "2026-03-02T05:00:00.000000Z"
    assert request["body"] == {"text": "2026-03-01: 4 views by 2 visitors, most of /b"}


async def test_a_day_with_the_clock_change_has_23_hours() -> None:
    tables = views(
        ("2026-03-28T22:59:59Z", "/x", "v"),
        ("2026-03-28T23:00:00Z", "/x", "v"),
        ("2026-03-29T21:59:59Z", "/x", "v"),
        ("2026-03-29T22:00:00Z", "/x", "v"),
    )
    told = await shipped(
        "daily_report.json5", None, 1, tables=tables, variables=CHAT, begin="2026-03-29T12:00:00Z"
    )
    [report] = told["tables"]["daily_reports"]
    assert (report["day"], report["views"]) == ("2026-03-29", 2)
    assert sent(told)[0]["at"] == "2026-03-30T04:00:00.000000Z"


async def test_a_report_is_kept_where_no_chat_can_be_told() -> None:
    for given in ({}, {"variables": CHAT, "answers": {"https://chat.example/": {"status": 500}}}):
        told = await shipped("daily_report.json5", None, 1, tables=SUNDAY, **given)
        assert len(told["tables"]["daily_reports"]) == 1
        [line] = kinds(told, "log")
        assert line["message"].startswith("The chat was not told: ")
        assert {run["status"] for run in kinds(told, "run")} <= {"succeeded", "waiting"}


async def test_a_day_without_views_is_not_reported() -> None:
    told = await shipped("daily_report.json5", None, 3, variables=CHAT)
    assert len(kinds(told, "run")) == 3
    assert (sent(told), told["tables"].get("daily_reports")) == ([], None)


# customers for n8n

N8N = {"N8N_SYNC_URL": "https://n8n.example/webhook/sync"}


def customers(count: int, **fields: Json) -> dict[str, list[Json]]:
    one = {"plan": "team", "sync": "pending", "secret": "s", **fields}
    return {
        "customers": [{"name": f"c{n}", "email": f"c{n}@b.example", **one} for n in range(count)]
    }


async def synced(count: int, answers: Json = None, **given: Any) -> Told:
    tables = given.pop("tables", customers(count))
    return await shipped(
        "customer_sync.json5", "sync", 1, variables=N8N, tables=tables, answers=answers or {}
    )


async def test_customers_go_to_n8n_in_batches_and_each_once() -> None:
    told = await synced(230)
    batches = [each["body"] for each in sent(told)]
    assert [len(each["customers"]) for each in batches] == [100, 100, 30]
    ids = [each["id"] for batch in batches for each in batch["customers"]]
    assert ids == list(range(1, 231))
    assert len({each["batch"] for each in batches}) == 3
    assert batches[0]["customers"][0] == {
        "id": 1,
        "name": "c0",
        "email": "c0@b.example",
        "plan": "team",
    }
    assert {each["sync"] for each in told["tables"]["customers"]} == {"done"}


async def test_what_n8n_does_not_take_waits_for_the_next_sync() -> None:
    told = await synced(3, {"https://n8n.example/": {"status": 404, "body": {"code": 404}}})
    assert [each["after_s"] for each in sent(told)] == about(0, 30, 90, 210)
    assert len({each["idempotency_key"] for each in sent(told)}) == 1
    marks = [(each["sync"], each["sync_failures"]) for each in told["tables"]["customers"]]
    assert marks == [("pending", 1)] * 3


async def test_what_somebody_else_is_at_is_left_to_them_for_an_hour() -> None:
    taken = customers(2, sync="sending")
    for age, count in (("2026-03-01T07:30:00Z", 0), ("2026-03-01T06:59:00Z", 1)):
        tables = {"customers": [{**each, "updated_at": age} for each in taken["customers"]]}
        told = await synced(0, tables=tables)
        assert len(sent(told)) == count


# sales for a page in WeWeb


async def test_a_sale_is_answered_and_today_s_figures_are_published() -> None:
    sales = [
        {"created_at": "2026-02-28T23:59:59Z", "product": "x", "amount": 1000},
        {"created_at": "2026-03-01T00:00:00Z", "product": "x", "amount": 0.1},
    ]
    told = await shipped(
        "dashboard.json5", "sell", input={"product": "pen", "amount": 0.2}, tables={"sales": sales}
    )
    assert kinds(told, "run")[0]["result"] == {"sale": 3}
    [message] = kinds(told, "message")
    assert (message["channel"], message["event"]) == ("sales", "figures")
    assert message["data"] == {"orders": 2, "turnover": 0.3, "average": 0.15, "at": MORNING}


async def test_the_figures_of_a_day_without_sales_are_zero() -> None:
    told = await shipped("dashboard.json5", "publish_figures")
    [message] = kinds(told, "message")
    assert (message["data"]["orders"], message["data"]["turnover"]) == (0, 0)


# leads for Make

MAKE = {"MAKE_LEADS_URL": "https://hook.eu2.make.com/abc"}


async def test_a_lead_is_answered_and_sent() -> None:
    given = {"email": "Ada@Example.com", "score": 80}
    told = await shipped("leads.yaml", "add", 1, input=given, variables=MAKE)
    assert kinds(told, "run")[0]["result"] == {"lead": 1, "status": "new"}
    [request] = sent(told)
    assert request["body"] == {"lead": 1, "email": "ada@example.com", "source": "web", "score": 80}
    assert told["tables"]["leads"][0]["status"] == "sent"


async def test_a_lead_that_is_known_is_changed_and_not_sent_again() -> None:
    leads = [{"email": "ada@example.com", "source": "fair", "score": 10, "status": "sent"}]
    given = {"email": "ada@example.com", "score": 90}
    told = await shipped(
        "leads.yaml", "add", 1, input=given, variables=MAKE, tables={"leads": leads}
    )
    [lead] = told["tables"]["leads"]
    assert (lead["source"], lead["score"], lead["status"]) == ("fair", 90, "sent")
    assert sent(told) == []


def leads(count: int) -> dict[str, list[Json]]:
    return {"leads": [{"email": f"l{n}@b.example", "score": n % 7} for n in range(count)]}


async def test_the_best_leads_go_first_and_each_once() -> None:
    told = await shipped("leads.yaml", "send", 1, variables=MAKE, tables=leads(120))
    scores = [each["body"]["score"] for each in sent(told)]
    assert scores == sorted(scores, reverse=True)
    assert sorted(each["body"]["lead"] for each in sent(told)) == list(range(1, 121))
    assert {each["status"] for each in told["tables"]["leads"]} == {"sent"}


async def test_what_make_has_no_room_for_is_sent_later_and_given_up_in_the_end() -> None:
    full = {"https://hook.eu2.make.com/": {"status": 400, "body": "Queue is full."}}
    told = await shipped("leads.yaml", "send", 1, variables=MAKE, tables=leads(1), answers=full)
    assert [each["after_s"] for each in sent(told)] == [0, 60, 120, 180, 240]
    [lead] = told["tables"]["leads"]
    assert (lead["status"], lead["tries"]) == ("failed", 5)
    short = {"https://hook.eu2.make.com/": [{"status": 429}, {"body": "Accepted"}]}
    told = await shipped("leads.yaml", "send", 1, variables=MAKE, tables=leads(1), answers=short)
    [lead] = told["tables"]["leads"]
    assert (lead["status"], lead["tries"], lead["message"]) == ("sent", 1, None)
