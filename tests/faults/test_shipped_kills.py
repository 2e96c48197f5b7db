"""The stacks that come with the hub at work while it is killed: each effect once, in the end."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.test_batches import killable
from tests.faults.test_random_faults import every, fields
from tests.program import STACKS, Driven, Program, client
from tests.sink import Arrived, Sink, open_sink

KILLS = 4
EACH = 12
IDLE = """
from hub.run.machine import Load, Machine
async def load(self):
    return Load(10.0, 10.0)
Machine.load = load
"""
"""How busy the machine is, is not the test's to say."""
VARIABLES = ("MAIL_URL", "PAY_URL", "QUEUE_URL", "N8N_SYNC_URL", "MAKE_LEADS_URL", "THUMBNAIL_URL")


class People:
    """Those who use the stacks: each asks again under one key until there is an answer."""

    def __init__(self, base: str) -> None:
        self._base = base

    async def ask(self, path: str, bodies: list[dict[str, Any]]) -> None:
        """Ask for each, one after the other."""
        async with client(self._base) as api:
            for n, body in enumerate(bodies):
                key = {"idempotency-key": f"{path}-{n}"}
                while not await self._asked(api, path, body, key):
                    await asyncio.sleep(0.05)

    async def _asked(
        self, api: httpx.AsyncClient, path: str, body: dict[str, Any], key: dict[str, str]
    ) -> bool:
        try:
            answer = await api.post(path, json=body, headers=key)
        except httpx.TransportError:
            return False
        assert answer.status_code in (200, 201, 202, 503), (path, answer.status_code, answer.text)
        return answer.status_code != 503


async def use_them(base: str) -> None:
    """Ask for everything that an endpoint gives."""
    people = People(base)
    item = {"sku": "pen", "price": 0.5, "count": 3}
    wishes: dict[str, Callable[[int], dict[str, Any]]] = {
        "/orders": lambda n: {"email": f"{n}@example.com", "items": [item]},
        "/payments": lambda n: {"order": n + 1, "cents": 100 + n},
        "/queue": lambda n: {"task_type": "call", "payload": {"n": n}},
        "/approvals": lambda n: {"what": f"thing {n}", "approver": "boss@example.com"},
        "/leads": lambda n: {"email": f"{n}@example.com", "score": n},
        "/exports": lambda n: {"table": "people", "priority": "high"},
        "/reports": lambda n: {"from": "2026-01-01", "until": f"2100-01-{n + 1:02d}"},
        "/trials": lambda n: {"email": f"{n}@example.com"},
        "/sales": lambda n: {"product": f"p{n}", "amount": 1},
    }
    await asyncio.gather(
        *(people.ask(path, [body(n) for n in range(EACH)]) for path, body in wishes.items())
    )


async def say_yes(api: httpx.AsyncClient, sink: Sink, is_over: asyncio.Event) -> None:
    """The approver: follows the first link of every mail, until each was taken."""
    done: set[str] = set()
    while not (is_over.is_set() or len(done) == EACH):
        mails = [each.json.get("text", "") for each in sink.requests if each.path == "/MAIL_URL"]
        links = {link for text in mails for link in re.findall(r"\S+say=yes", text)}
        for link in links - done:
            try:
                answer = await api.get(link)
            except httpx.TransportError:
                continue
            if answer.status_code < 300 or answer.status_code == 409:
                done.add(link)
        await asyncio.sleep(0.1)


async def prepare(driven: Driven, sink: Sink) -> None:
    """What the stacks work on, and where they send it."""
    base = sink.url.removesuffix("/hook")
    for name in VARIABLES:
        await driven.put(f"/v1/variables/{name}", {"value": f"{base}/{name}"})
    for name in ("PAY_KEY", "SITE_URL"):
        await driven.put(f"/v1/variables/{name}", {"value": "https://site.example"})
    rows: dict[str, list[dict[str, Any]]] = {
        "customers": [{"name": f"c{n}", "sync": "pending"} for n in range(250)],
        "pictures": [{"url": f"https://pictures.example/{n}"} for n in range(60)],
        "users": [{"email": f"{n}@example.com", "token": f"t{n}"} for n in range(90)],
    }
    for table, given in rows.items():
        answer = await driven.api.post(f"/v1/tables/{table}/records", json=given)
        assert answer.status_code == 201, answer.text
    for task in ("customer_sync/sync", "spare_time/work", "verification/ask"):
        answer = await driven.api.post(f"/v1/tasks/{task}/runs", json={"input": {}})
        assert answer.status_code == 202, answer.text


async def kill_now_and_then(hub: Program, base: str, sink: Sink) -> None:
    """Kill it each time that so many requests more have left it."""
    for _ in range(KILLS):
        await sink.wait_for(len(sink.requests) + 45, timeout_s=60)
        await hub.kill()
        await hub.start()
        await hub.ready(base)


WANTED: dict[str, dict[str, Any]] = {
    "orders": {"confirmation": "sent"},
    "payments": {"status": "paid", "tries": 1, "message": None},
    "task_queue": {"status": "completed", "error": None},
    "approvals": {"state": "approved"},
    "leads": {"status": "sent", "tries": 0},
    "exports": {"status": "ready"},
    "reports": {"status": "ready"},
    "customers": {"sync": "done"},
    "pictures": {"state": "done"},
    "trials": {"reminded": False},
    "sales": {"amount": 1},
}
COUNTS = {"customers": 250, "pictures": 60}


async def settled(driven: Driven) -> None:
    """Wait until all is as it should be."""
    left: dict[str, Any] = {}
    try:
        async with asyncio.timeout(90):
            while left := {table: odd for table in WANTED if (odd := await missing(driven, table))}:
                await asyncio.sleep(0.3)
            while any(not each.get("asked_at") for each in await fields(driven, "users")):
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"it never came to an end: {str(left)[:3000]}") from None


async def missing(driven: Driven, table: str) -> list[dict[str, Any]]:
    """Records that are not as they should be; one without fields where some are not there."""
    found = await fields(driven, table)
    odd = [each for each in found if not WANTED[table].items() <= each.items()]
    return odd if len(found) == COUNTS.get(table, EACH) else [*odd, {}]


def audit(sink: Sink) -> None:
    """Who was asked something was asked it under one key."""
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in sink.requests:
        asked[each.path, about(each)].add(each.key)
    assert {key: keys for key, keys in asked.items() if len(keys) > 1} == {}
    counts: dict[str, int] = defaultdict(int)
    for path, _ in asked:
        counts[path] += 1
    assert counts == {
        "/MAIL_URL": EACH + EACH + 90,
        "/PAY_URL": EACH,
        "/QUEUE_URL": EACH,
        "/MAKE_LEADS_URL": EACH,
        "/THUMBNAIL_URL": 60,
        "/N8N_SYNC_URL": 3,
    }
    sent = [
        customer["id"]
        for body in {each.key: each.json for each in sink.requests if "N8N" in each.path}.values()
        for customer in body["customers"]
    ]
    assert len(sent) == len(set(sent)) == 250


def about(request: Arrived) -> str:
    """What makes two requests mean the same."""
    body = request.json
    names = ("reference", "picture", "n", "lead", "batch", "link", "subject")
    return next(f"{name}:{body[name]}:{body.get('to')}" for name in names if name in body)


@pytest.mark.timeout(240)
async def test_shipped_stacks_that_are_killed_do_everything_once(tmp_path: Path) -> None:
    async with (
        open_sink() as sink,
        killable(tmp_path, STACKS, IDLE) as (hub, base),
        client(base) as api,
    ):
        driven = Driven(base, api)
        await hub.ready(base)
        await prepare(driven, sink)
        is_over = asyncio.Event()
        approver = asyncio.create_task(say_yes(api, sink, is_over))
        await asyncio.gather(use_them(base), kill_now_and_then(hub, base, sink))
        await settled(driven)
        is_over.set()
        await approver
        audit(sink)
        runs = await every(driven, "/v1/runs?limit=500")
        assert [run for run in runs if run["status"] in ("failed", "cancelled")] == []
