"""Somebody says yes, or no, or nothing."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.program import STACKS, embedded_hub
from tests.simulate.test_simulation import kinds
from tests.sink import open_sink
from tests.stacks.shipped import failure, sent, shipped

WISH = {"what": "A discount for Ada", "approver": "boss@example.com"}


async def test_without_a_word_an_approval_expires_after_three_days() -> None:
    variables = {"MAIL_URL": "https://mail.example/send"}
    told = await shipped("approval.json5", "ask", 4, input=WISH, variables=variables)
    [mail] = sent(told)
    assert mail["body"]["to"] == "boss@example.com"
    assert "/resume/run_" in mail["body"]["text"]
    [approval] = told["tables"]["approvals"]
    assert (approval["state"], approval["decided_at"][:10]) == ("expired", "2026-03-04")
    [message] = kinds(told, "message")
    assert message["event"] == "approval_expired"


async def test_an_approver_has_an_address() -> None:
    assert failure(await shipped("approval.json5", "ask", input={"what": "x"})) == "input_invalid"


@pytest.mark.parametrize(("said", "state"), [("yes", "approved"), ("no", "refused")])
async def test_a_link_decides(tmp_path: Path, said: str, state: str) -> None:
    async with embedded_hub(tmp_path, stacks=STACKS) as hub, open_sink() as mail:
        await hub.put("/v1/destinations/mail", {"url": mail.url})
        await hub.put("/v1/variables/MAIL_URL", {"value": mail.url})
        asked = await hub.api.post("/approvals", json=WISH)
        assert (asked.status_code, asked.json()) == (202, {"approval": 1})
        async with asyncio.timeout(10):
            while not mail.requests:
                await asyncio.sleep(0.02)
        yes, no = (line.split(": ", 1)[1] for line in mail.requests[0].json["text"].splitlines())
        link = urlsplit(yes if said == "yes" else no)
        answer = await hub.api.get(f"{link.path}?{link.query}", headers={"authorization": ""})
        assert answer.status_code == 200
        async with asyncio.timeout(10):
            while True:
                [found] = (await hub.get("/v1/tables/approvals/records"))["items"]
                if found["fields"]["state"] != "open":
                    break
                await asyncio.sleep(0.05)
        assert found["fields"]["state"] == state
