"""All shipped stacks together, in one hub."""

from pathlib import Path

import httpx
import pytest

from hub.commands.checking import check
from hub.commands.formatting import format_files
from hub.stackfiles import stack_files
from tests.program import STACKS, embedded_hub

FILES = sorted(path.name for path in stack_files([STACKS]))


def test_there_is_one_for_each_system() -> None:
    assert [each.partition(".")[0] for each in FILES] == [
        *(
            "approval",
            "customer_sync",
            "customers",
            "daily_report",
            "dashboard",
            "datasets",
            "leads",
        ),
        *("nightly_csv", "orders", "payments", "priority_lanes", "reports", "spare_time"),
        *("task_queue", "trials", "verification"),
    ]


async def test_they_live_in_one_hub_and_answer(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path, stacks=STACKS) as hub:
        listed = (await hub.get("/v1/stacks"))["items"]
        assert [each["name"] for each in listed] == [each.partition(".")[0] for each in FILES]
        assert {each["managed_by"] for each in listed} == {"file"}

        async def post(path: str, body: object) -> httpx.Response:
            return await hub.api.post(path, json=body)

        pen = {"sku": "pen", "price": 2.5, "count": 4}
        order = await post("/orders", {"email": "ada@example.com", "items": [pen]})
        assert (order.status_code, order.json()) == (201, {"order": 1, "total": 10})
        report = await post("/reports", {"from": "2026-01-01", "until": "2100-01-01"})
        assert (report.status_code, report.headers["location"]) == (202, "/reports/1")
        await hub.until("/reports/1", status="ready")
        given = {"customer": {"id": "c1", "name": "Ada", "email": "a@b.example"}, "amount": 2000}
        await hub.put(
            "/v1/destinations/make-leads", {"connector": "make", "url": "http://127.0.0.1:9/"}
        )
        run = await post("/v1/tasks/customers/customer_changed/runs", {"input": given})
        await hub.until(f"/v1/runs/{run.json()['id']}", status="succeeded")
        sale = await post("/sales", {"product": "pen", "amount": 12.5})
        assert sale.status_code == 201
        lead = await post("/leads", {"email": "ada@example.com"})
        assert (lead.status_code, lead.json()) == (202, {"lead": 1, "status": "new"})
        for path, body in (
            ("/trials", {"email": "ada@example.com"}),
            ("/payments", {"order": 1, "cents": 1000}),
        ):
            assert (await post(path, body)).status_code in (201, 202)
            again = await post(path, body)
            assert (again.status_code, again.json()["code"]) == (409, "not_unique")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders", {"email": "ada@example.com", "items": []}),
        ("/orders", {"email": "ada", "items": [{"sku": "a", "price": 1, "count": 1}]}),
        ("/orders", {"email": "a@b.example", "items": [{"sku": "a", "price": -1, "count": 1}]}),
        ("/reports", {"from": "yesterday", "until": "2026-01-01"}),
        ("/trials", {"email": {"$ne": None}}),
        ("/trials/1/subscription", {"plan": "trial"}),
        ("/payments", {"order": 1, "cents": 12.5}),
        ("/sales", {"product": "", "amount": 1}),
        ("/datasets", {"url": "file:///etc/passwd"}),
        ("/datasets", {"url": "https://data.example/x", "format": "xls"}),
        ("/leads", {"email": "ada@example.com", "score": 101}),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_kept(
    tmp_path: Path, path: str, body: object
) -> None:
    async with embedded_hub(tmp_path, stacks=STACKS) as hub:
        answer = await hub.api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "input_invalid")
        assert (await hub.get("/v1/runs"))["items"] == []


def test_they_have_no_problem_and_the_canonical_form() -> None:
    assert check([STACKS], strict=True) == 0
    assert format_files([STACKS], check=True) == 0
