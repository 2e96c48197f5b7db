"""Whatever is sent to a source gets a clear answer, and nothing wrong counts as accepted."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.receive import record
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.faults.apart import apart
from tests.faults.wire import SECRET, TOKEN, Answer, Wire, ask, post, request_of
from tests.program import Driven, embedded_hub

CASES = json.loads(Path(__file__).with_name("bad_requests.json").read_text())
SOURCES: dict[str, Any] = {
    "open": {"verify": {"mode": "none"}},
    "small": {"verify": {"mode": "none"}, "max_body_bytes": 100},
    "form": {"connector": "make", "verify": {"mode": "none"}},
    "token": {"verify": {"mode": "header", "header": "X-Api-Key", "secrets": [TOKEN]}},
    "each": {"verify": {"mode": "none"}, "batch": "each"},
    "basic": {"verify": {"mode": "basic", "user": "ada", "secrets": ["the-right-password"]}},
    "github": {"connector": "github", "verify": {"mode": "preset", "secrets": ["hmac-secret"]}},
    "hmac": {
        "verify": {
            "mode": "hmac",
            "header": "X-Sig",
            "prefix": "sha256=",
            "encoding": "hex",
            "secrets": ["hmac-secret"],
        }
    },
    "jwt": {
        "verify": {
            "mode": "jwt",
            "issuer": "shop",
            "audience": "hub",
            "secrets": ["a-secret-of-this-hub-that-is-long-enough"],
        }
    },
    "signed": {"verify": {"mode": "standard", "secrets": [SECRET]}},
    "key": {"verify": {"mode": "key"}},
}
NO_ANSWER = Answer(0, {}, b"")
KEEPING = """
{ task: "keep", source: "kept", function_stack: [
  { function: "add_record", table: "notes", data: { text: "{{text}}" } },
] }
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    """One hub for all cases, which has to live through each of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "_REJECTIONS_PER_S", 100_000)
        async with embedded_hub(tmp_path_factory.mktemp("hub")) as driven:
            for slug, source in SOURCES.items():
                await driven.put(f"/v1/sources/{slug}", source)
            yield driven


async def events(hub: Driven, count: int = 50) -> list[dict[str, Any]]:
    """The newest events."""
    found: list[dict[str, Any]] = (await hub.get(f"/v1/events?limit={count}"))["items"]
    return found


async def still_takes_events(hub: Driven) -> None:
    """A good request is accepted, as before."""
    answer = await ask(hub.base, post("/in/open", b'{"good":true}'))
    assert answer is not None
    assert answer.status == 202


async def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert sum(case["status"] != 202 for case in CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_bad_request_is_answered_clearly(hub: Driven, case: dict[str, Any]) -> None:
    before = {event["id"] for event in await events(hub)}
    answer = await ask(
        hub.base, request_of(case), method=case.get("method", ""), end=case.get("end", False)
    )
    check_answer(answer, case)
    check_events([e for e in await events(hub) if e["id"] not in before], answer, case)
    await still_takes_events(hub)


def check_answer(answer: Answer | None, case: dict[str, Any]) -> None:
    """The answer is what the case says, in the shape that all answers have."""
    if case["status"] is None:
        assert answer is None
        return
    assert answer is not None
    assert answer.status == case["status"], answer.body
    if case["status"] == 202:
        assert answer.json["status"] == "accepted"
        assert answer.json["event_id"] == answer.headers["webhook-id"]
    elif case.get("method") == "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
    else:
        assert answer.problem["code"] == case["code"]
        assert case.get("says", "") in answer.problem["message"]
    assert "x-injected" not in answer.headers
    assert ("allow" in answer.headers) == (case["status"] == 405)


def check_events(new: list[dict[str, Any]], answer: Answer | None, case: dict[str, Any]) -> None:
    """What came of it can be seen: a rejection with its reason, an event, or nothing."""
    fate = case.get("fate", "rejected")
    assert [event["fate"] for event in new] == [fate] * (fate != "none")
    for event in new:
        assert event["source"] == case.get("listed", event["source"])
        assert len(event["source"]) <= 63
        if fate == "rejected":
            assert event["reason"].startswith(f"{case['code']}: ")
        else:
            assert answer is not None
            assert event["id"] == answer.json["event_id"]


async def test_what_is_kept_of_a_rejected_request_is_cut_and_masked(hub: Driven) -> None:
    body = b'{"text":"' + b"x" * 10_000 + b'"}'
    await ask(hub.base, post("/in/token", body, "X-Api-Key: another-token", "Cookie: c=secret"))
    (event, *_) = await events(hub)
    kept = await hub.get(f"/v1/events/{event['id']}")
    assert kept["body"] == body[:4096].decode()
    assert "another-token" not in json.dumps(kept)
    assert "secret" not in json.dumps(kept)


async def test_what_follows_a_body_is_no_part_of_it(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(post("/in/open", b'{"n":1}') + b"nonsense\r\n\r\n")
        first = await wire.answer()
        assert first is not None
        assert first.status == 202
        assert first.headers["connection"] == "close"
        assert await wire.is_closed()
    event = await hub.get(f"/v1/events/{first.json['event_id']}")
    assert event["body"] == {"n": 1}


async def test_two_requests_at_once_on_one_connection_are_two(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(post("/in/open", b'{"n":1}') + post("/in/nobody", b"{}"))
        answers = [await wire.answer(), await wire.answer()]
    assert [each and each.status for each in answers] == [202, 404]


async def test_a_body_with_nul_is_taken_and_a_record_of_it_is_refused_by_name(
    hub: Driven,
) -> None:
    await hub.put("/v1/stacks/keeping", KEEPING)
    await hub.put("/v1/sources/kept", {"verify": {"mode": "none"}})
    answer = await ask(hub.base, post("/in/kept", b'{"text":"a\\u0000b"}'))
    assert answer is not None
    assert answer.status == 202
    run = await hub.until(f"/v1/runs/{answer.json['run_id']}", status="failed")
    assert run["failure"]["code"] == "json_unfit"
    assert "NUL" in run["failure"]["message"]
    event = await hub.get(f"/v1/events/{answer.json['event_id']}")
    assert (event["fate"], event["body"]) == ("dead", {"text": "a\x00b"})
    assert (await hub.get("/v1/tables/notes/records"))["items"] == []


async def test_of_a_flood_of_bad_requests_only_some_are_kept(
    hub: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_REJECTIONS_PER_S", 3)
    began, kept = time.monotonic(), []
    while not kept:  # in this second others may have been rejected already
        async with Wire(hub.base) as wire:
            await wire.send(post("/in/flood", b"{}") * 60)
            statuses = [(await wire.answer() or NO_ANSWER).status for _ in range(60)]
        assert statuses == [404] * 60
        kept = (await hub.get("/v1/events?source=flood"))["items"]
    assert len(kept) <= 3 * (time.monotonic() - began + 2)


async def test_postgresql_keeps_odd_requests_as_sqlite_does(
    tmp_path: Path, valkey: EmbeddedValkey, postgres: Postgres
) -> None:
    odd = [case for case in CASES if "NUL" in case["name"] or "Greek" in case["name"]]
    with postgres.database() as url:
        async with apart(tmp_path, url, valkey.url) as own:
            await own.put("/v1/sources/open", SOURCES["open"])
            for case in odd:
                before = {event["id"] for event in await events(own)}
                answer = await ask(own.base, request_of(case))
                check_answer(answer, case)
                new = [event for event in await events(own) if event["id"] not in before]
                check_events(new, answer, case)
