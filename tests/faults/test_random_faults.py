"""Two minutes of random faults under load, then an audit id by id; ``make test`` runs seconds.

The seed of the run, which the summary tells, brings the same faults again.
"""

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.databases import Postgres
from tests.faults.random_faults import Faults, Part, embedded_part, parts_apart
from tests.program import Driven, client
from tests.sink import Answer, Arrived, Sink, open_sink

FOR_S = float(os.environ.get("HUB_TEST_FAULTS_S", "5"))
SENDERS, PAUSE_S = 8, 0.2
PARTS = 4
STACK = """
{ task: "keep", source: "load", function_stack: [
  { function: "add_record", table: "kept", data: { n: "{{n}}" } },
  { function: "external_api_request", url: "SINK", data: { n: "{{n}}", kind: "asked" },
    timeout: 2000, retry: { max: 50, base_s: 0.1, max_s: 1 } },
  { function: "edit_record", table: "kept", record_id: "{{kept.id}}", data: { asked: true } },
  { function: "deliver", destination: "sink", payload: { n: "{{n}}", kind: "delivered" } },
  { function: "realtime_publish", channel: "kept", event: "kept", data: "{{n}}" },
  { function: "background_task", task: "after", data: { n: "{{n}}" } },
  { function: "for_each_loop", array: "{{range(1, PARTS)}}", function_stack: [
    { function: "add_record", table: "parts", data: { n: "{{n}}", part: "{{loop_item}}" } },
  ] },
] }
{ task: "after", retry: { max: 20, base_s: 0.1, max_s: 1 }, function_stack: [
  { function: "sleep", seconds: "{{n % 10 == 0 ? 6 : 0}}" },
  { function: "add_record", table: "after", data: { n: "{{n}}" } },
  { function: "conditional", condition: "{{n % 3 == 0 && run.attempt == 1}}", true_stack: [
    { function: "external_api_request", url: "SINK", data: { n: "{{n}}", kind: "unsure" } },
  ] },
  { function: "upsert_record", table: "counts", where: { digit: "{{n % 10}}" },
    data: { n: { $inc: 1 } } },
] }
""".replace("PARTS", str(PARTS))


class Load:
    """Numbered events at a steady pace, each sent again and again until it is acknowledged."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._numbers = count()
        self.is_over = False
        self.acknowledged: dict[int, str] = {}

    async def send(self) -> None:
        """Send until ``is_over``."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as sender:
            await asyncio.gather(*(self._send(sender) for _ in range(SENDERS)))

    async def _send(self, sender: httpx.AsyncClient) -> None:
        while not self.is_over:
            n = next(self._numbers)
            while n not in self.acknowledged:
                event_id = await self._once(sender, n)
                if event_id is not None:
                    self.acknowledged[n] = event_id
            await asyncio.sleep(PAUSE_S)

    async def _once(self, sender: httpx.AsyncClient, n: int) -> str | None:
        try:
            answer = await sender.post(
                f"{self._base}/in/load", json={"n": n}, headers={"webhook-id": f"w{n}"}
            )
        except httpx.TransportError:
            answer = None
        if answer is None or answer.status_code == 503:
            await asyncio.sleep(0.1)
            return None
        assert answer.status_code in (200, 202), answer.text
        event_id: str = answer.json()["event_id"]
        return event_id


async def every(driven: Driven, path: str) -> list[dict[str, Any]]:
    """All that a list has, page after page."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        page = await driven.get(following)
        found += page["items"]
        following = page["next"]
    return found


async def fields(driven: Driven, table: str) -> list[dict[str, Any]]:
    """The fields of every record of a table."""
    path = f"/v1/tables/{table}/records?limit=500"
    return [record["fields"] for record in await every(driven, path)]


async def settled(driven: Driven, timeout_s: float) -> None:
    """Wait until all work has ended: nothing is open, three times in a row."""
    paths = [f"/v1/runs?status={each}&limit=1" for each in ("queued", "running", "waiting")]
    words = ("pending", "delivering", "retrying")
    paths += [f"/v1/deliveries?status={each}&limit=1" for each in words]
    empty = 0
    async with asyncio.timeout(timeout_s):
        while empty < 3:
            is_open = any([(await driven.get(path))["items"] for path in paths])
            empty = 0 if is_open else empty + 1
            await asyncio.sleep(0.1)


async def revived(driven: Driven) -> int:
    """Have runs go on that lost their worker too often; that is the only way to fail here."""
    failed = await every(driven, "/v1/runs?status=failed&limit=500")
    assert {each["failure"]["code"] for each in failed} <= {"poisoned"}, failed[:3]
    for each in failed:
        answer = await driven.api.post(f"/v1/runs/{each['id']}/retry")
        assert answer.status_code == 202, answer.text
    return len(failed)


async def audit(driven: Driven, load: Load, sink: Sink) -> None:
    """Each acknowledged event has had each of its effects, and has had it once."""
    numbers = sorted(load.acknowledged)
    assert numbers == list(range(len(numbers)))
    assert len(set(load.acknowledged.values())) == len(numbers)
    for task in ("keep", "after"):
        runs = await every(driven, f"/v1/runs?task={task}&limit=500")
        assert Counter(run["status"] for run in runs) == {"succeeded": len(numbers)}
        assert sorted(run["input"]["n"] for run in runs) == numbers
    kept = await fields(driven, "kept")
    assert sorted(each["n"] for each in kept) == numbers
    assert all(each["asked"] for each in kept)
    assert sorted(each["n"] for each in await fields(driven, "after")) == numbers
    parts = Counter((each["n"], each["part"]) for each in await fields(driven, "parts"))
    assert parts == {(n, part): 1 for n in numbers for part in range(1, PARTS + 1)}
    counts = {each["digit"]: each["n"] for each in await fields(driven, "counts")}
    assert counts == Counter(n % 10 for n in numbers)
    dead = await every(driven, "/v1/deliveries?status=dead&limit=500")
    assert [await driven.get(f"/v1/deliveries/{each['id']}") for each in dead] == []
    audit_requests(sink, numbers)


def audit_requests(sink: Sink, numbers: list[int]) -> None:
    """A request is repeated under the same key only, and no other one has it."""
    keys: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for request in sink.requests:
        keys[request.json["kind"], request.json["n"]].add(request.key)
    for kind in ("asked", "delivered"):
        assert sorted(n for word, n in keys if word == kind) == numbers
    several = {what: found for what, found in keys.items() if len(found) > 1}
    assert several == {}
    assert len(set.union(*keys.values())) == len(keys)


def sometimes_busy(n: int, request: Arrived) -> Answer:
    """A destination that now and then says no, or is slow."""
    if n % 17 == 3:
        return Answer(503)
    return Answer(delay_s=0.3 if n % 11 == 5 else 0.0)


@asynccontextmanager
async def working(part: Part) -> AsyncIterator[tuple[Driven, Sink]]:
    """The hub with the stack, and the sink that its requests go to."""
    async with open_sink() as sink, client(part.base) as api:
        sink.answer = sometimes_busy
        driven = Driven(part.base, api)
        await part.programs[0].ready(part.base)
        await driven.put("/v1/stacks/load", STACK.replace("SINK", sink.url))
        setting = {"connector": "standard", "url": sink.url, "retry_schedule_s": [0.2] * 50}
        setting["breaker"] = {"open_s": 0.5, "longest_open_s": 1}
        await driven.put("/v1/destinations/sink", setting)
        await driven.put("/v1/sources/load", {"verify": {"mode": "none"}})
        yield driven, sink


async def story(part: Part, chance: random.Random) -> str:
    """Load and faults together; then quiet, and the audit. Tells what happened."""
    async with working(part) as (driven, sink):
        load, faults = Load(part.base), Faults(chance, part.faults)
        sending = asyncio.create_task(load.send())
        await faults.happen(FOR_S)
        load.is_over = True
        await part.programs[0].ready(part.base)
        await asyncio.wait_for(sending, 60)
        await settled(driven, 60 + FOR_S)
        revivals = await revived(driven)
        await settled(driven, 60 + FOR_S)
        await audit(driven, load, sink)
        happened = ", ".join(f"{name} {n}x" for name, n in sorted(faults.happened.items()))
        return f"{len(load.acknowledged)} events, {revivals} revived; {happened}"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Chance that comes again with the same seed."""
    return random.Random(request.config.getoption("randomly_seed"))  # noqa: S311  # no secret


@pytest.fixture
def database() -> Iterator[Postgres]:
    """A PostgreSQL that is killed in this test alone."""
    server = Postgres()
    yield server
    server.stop()


@pytest.mark.timeout(4 * FOR_S + 240)
async def test_an_embedded_hub_survives_random_faults(
    tmp_path: Path, chance: random.Random, record_property: Callable[[str, str], None]
) -> None:
    async with embedded_part(tmp_path) as part:
        record_property("told", await story(part, chance))


@pytest.mark.timeout(4 * FOR_S + 240)
async def test_a_hub_in_parts_survives_random_faults(
    tmp_path: Path,
    chance: random.Random,
    database: Postgres,
    record_property: Callable[[str, str], None],
) -> None:
    async with parts_apart(tmp_path, database) as part:
        record_property("told", await story(part, chance))
