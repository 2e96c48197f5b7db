"""Orders, reports, payments, trials."""

from typing import Any

import pytest

from hub.model.json import Json
from tests.simulate.test_simulation import MORNING, kinds
from tests.stacks.shipped import Told, about, failure, runs_of, sent, shipped

MAIL = {"MAIL_URL": "https://mail.example/send"}
ORDER = {
    "email": "ada@example.com",
    "items": [{"sku": "pen", "price": 0.1, "count": 3}, {"sku": "ink", "price": 2.5, "count": 4}],
}


# orders


async def test_an_order_is_answered_and_confirmed_once() -> None:
    told = await shipped("orders.json5", "place", 1, input=ORDER, variables=MAIL)
    assert kinds(told, "run")[0]["result"] == {"order": 1, "total": 10.3}
    [mail] = sent(told)
    assert (mail["url"], mail["idempotency_key"]) == (MAIL["MAIL_URL"], "order-1-confirmation")
    assert mail["body"]["to"] == "ada@example.com"
    assert mail["body"]["text"] == "Thank you: 2 articles for 10.3 are on their way."
    [order] = told["tables"]["orders"]
    assert (order["confirmation"], order["country"]) == ("sent", "unknown")


async def test_a_confirmation_is_tried_again_with_the_same_key_and_then_given_up() -> None:
    answers: Json = {"https://mail.example/": {"status": 503}}
    told = await shipped("orders.json5", "place", 1, input=ORDER, variables=MAIL, answers=answers)
    assert [each["after_s"] for each in sent(told)] == about(0, 60, 180, 420, 900)
    assert {each["idempotency_key"] for each in sent(told)} == {"order-1-confirmation"}
    assert told["tables"]["orders"][0]["confirmation"] == "failed"
    [line] = kinds(told, "log")
    assert "order 1 is not confirmed" in line["message"]


async def test_an_order_that_is_confirmed_is_not_confirmed_again() -> None:
    orders = [{"email": "a@b.example", "total": 1, "confirmation": "sent"}]
    told = await shipped(
        "orders.json5", "confirm", input={"order": 1}, variables=MAIL, tables={"orders": orders}
    )
    assert sent(told) == []


# reports

ORDERS = [
    {"created_at": "2025-12-31T23:59:59Z", "total": 1000, "country": "IT"},
    {"created_at": "2026-01-01T00:00:00Z", "total": 10, "country": "IT"},
    {"created_at": "2026-01-15T12:00:00Z", "total": 30.5, "country": "NO"},
    {"created_at": "2026-01-31T23:59:59Z", "total": 5, "country": "IT"},
    {"created_at": "2026-02-01T00:00:00Z", "total": 1000, "country": "NO"},
]
JANUARY = {"from": "2026-01-01", "until": "2026-02-01"}


async def test_a_report_is_made_in_the_background_and_told() -> None:
    told = await shipped("reports.json5", "request", input=JANUARY, tables={"orders": ORDERS})
    assert kinds(told, "run")[0]["result"] == {"report": 1, "status": "queued"}
    [report] = told["tables"]["reports"]
    assert report["status"] == "ready"
    assert report["result"] == {
        "orders": 3,
        "turnover": 45.5,
        "average": pytest.approx(45.5 / 3),
        "countries": [
            {"country": "NO", "orders": 1, "turnover": 30.5},
            {"country": "IT", "orders": 2, "turnover": 15},
        ],
    }
    [message] = kinds(told, "message")
    assert (message["channel"], message["event"]) == ("reports", "report_ready")
    assert message["data"] == {"report": 1, "status": "ready"}


async def test_a_report_without_orders_is_ready_too() -> None:
    told = await shipped("reports.json5", "request", input=JANUARY)
    [report] = told["tables"]["reports"]
    assert report["result"] == {"orders": 0, "turnover": 0, "average": 0, "countries": []}


async def test_a_report_that_cannot_be_made_says_why() -> None:
    orders = [{**ORDERS[1], "total": 2**62}, {**ORDERS[1], "total": 2**62}]
    told = await shipped("reports.json5", "request", input=JANUARY, tables={"orders": orders})
    [report] = told["tables"]["reports"]
    assert report["status"] == "failed"
    assert "large" in report["message"]


async def test_a_report_is_shown_by_its_number() -> None:
    reports = [{**JANUARY, "status": "ready", "result": {"orders": 3}}]
    given: dict[str, Any] = {"tables": {"reports": reports}}
    told = await shipped("reports.json5", "show", input={"report": "1"}, **given)
    assert kinds(told, "run")[0]["result"]["result"] == {"orders": 3}
    for number, code in (("2", "not_found"), ("x", "input_invalid"), ("-1", "input_invalid")):
        told = await shipped("reports.json5", "show", input={"report": number}, **given)
        assert failure(told) == code


async def test_a_report_ends_after_it_begins() -> None:
    told = await shipped("reports.json5", "request", input={**JANUARY, "until": "2026-01-01"})
    assert failure(told) == "bad_request"
    assert told["tables"] == {}


# payments

PAY: dict[str, Any] = {
    "input": {"order": 7, "cents": 1250},
    "variables": {"PAY_URL": "https://pay.example/charge"},
    "secrets": {"PAY_KEY": "hush-hush"},
}


async def paid(*answers: Json) -> Told:
    given = {"answers": {"https://pay.example/": list(answers)}}
    return await shipped("payments.json5", "pay", 1, **PAY, **given)


async def test_a_payment_goes_through_once() -> None:
    told = await paid({"status": 200})
    [request] = sent(told)
    assert request["body"] == {"reference": "order-7", "cents": 1250}
    [payment] = told["tables"]["payments"]
    assert (payment["status"], payment["tries"], payment["message"]) == ("paid", 1, None)
    [message] = kinds(told, "message")
    assert message["event"] == "payment_paid"
    assert "hush-hush" not in str(told)


async def test_what_fails_for_now_is_tried_again_with_one_key_and_then_marked() -> None:
    told = await paid({"status": 503})
    assert [each["after_s"] for each in sent(told)] == [0, 60, 60 + 120, 60 + 120 + 240]
    assert len({each["idempotency_key"] for each in sent(told)}) == 1
    [payment] = told["tables"]["payments"]
    assert (payment["status"], payment["tries"]) == ("failed", 4)
    [message] = kinds(told, "message")
    assert message["event"] == "payment_failed"
    assert message["data"] == {"payment": 1, "order": 7, "tries": 4}


async def test_a_payment_may_go_through_at_a_later_try() -> None:
    told = await paid({"failure": "timeout"}, {"status": 429}, {"status": 200})
    [payment] = told["tables"]["payments"]
    assert (payment["status"], payment["tries"], payment["message"]) == ("paid", 3, None)
    assert len({each["idempotency_key"] for each in sent(told)}) == 1


async def test_a_refusal_is_not_tried_again() -> None:
    told = await paid({"status": 402, "body": "no money"})
    assert len(sent(told)) == 1
    [payment] = told["tables"]["payments"]
    assert (payment["status"], payment["tries"]) == ("failed", 1)
    assert "402" in payment["message"]


async def test_what_is_paid_is_not_charged_again() -> None:
    payments = [{"order": 7, "cents": 1, "status": "paid"}]
    given = {**PAY, "input": {"payment": 1}, "tables": {"payments": payments}}
    assert sent(await shipped("payments.json5", "charge", **given)) == []


# trials


async def test_a_trial_is_reminded_of_a_day_before_it_ends() -> None:
    told = await shipped(
        "trials.json5", "begin", 15, input={"email": "Ada@Example.com"}, variables=MAIL
    )
    assert kinds(told, "run")[0]["result"]["ends_at"] == "2026-03-15T08:00:00.000000Z"
    [mail] = sent(told)
    assert mail["at"] == "2026-03-14T08:00:00.000000Z"
    assert mail["idempotency_key"] == "trial-1-reminder"
    assert mail["body"]["to"] == "ada@example.com"
    assert "15 March 2026" in mail["body"]["text"]
    assert told["tables"]["trials"][0]["reminded"] is True


@pytest.mark.parametrize("known", [{"plan": "team"}, {"reminded": True}])
async def test_nobody_is_reminded_in_vain(known: dict[str, Any]) -> None:
    trials = [{"email": "ada@example.com", "ends_at": MORNING, **known}]
    given: dict[str, Any] = {"variables": MAIL, "tables": {"trials": trials}}
    assert sent(await shipped("trials.json5", "remind", input={"trial": 1}, **given)) == []


async def test_a_reminder_waits_for_the_mail_service_to_come_back() -> None:
    trials = [{"email": "ada@example.com", "ends_at": MORNING}]
    answers: Json = {"https://mail.example/": [{"failure": "connect_failed"}] * 3 + [{}]}
    told = await shipped(
        "trials.json5",
        "remind",
        1,
        input={"trial": 1},
        variables=MAIL,
        tables={"trials": trials},
        answers=answers,
    )
    assert [each["after_s"] for each in sent(told)] == about(0, 60, 240, 780)
    assert told["tables"]["trials"][0]["reminded"] is True


async def test_an_address_has_one_trial() -> None:
    trials = [{"email": "ada@example.com", "ends_at": MORNING}]
    told = await shipped(
        "trials.json5", "begin", 15, input={"email": "ADA@example.com"}, tables={"trials": trials}
    )
    assert failure(told) == "not_unique"
    assert len(told["tables"]["trials"]) == 1
    assert runs_of(told, "remind") == []


async def test_a_subscription_ends_a_trial() -> None:
    trials = [{"email": "ada@example.com", "ends_at": MORNING}]
    given: dict[str, Any] = {"tables": {"trials": trials}}
    told = await shipped("trials.json5", "subscribe", input={"trial": "1", "plan": "team"}, **given)
    assert told["tables"]["trials"][0]["plan"] == "team"
    told = await shipped("trials.json5", "subscribe", input={"trial": "2", "plan": "team"}, **given)
    assert failure(told) == "not_found"
