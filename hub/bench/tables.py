"""Records: steps on them in one run, and queries of a table of 200,000."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from hub.bench.ledgers import Ledger
from hub.bench.processes import failed
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import Subject, hub
from hub.model.time import US_PER_S, from_iso

_RECORDS = 200_000
_PART = 50_000
_NOTE_STEPS, _COUNT, _CLAIMS = 3, 1000, 200
_END_S = 300.0
_STACK = """
{ task: "steps", max_steps: 10000000, function_stack: [
  { function: "for_each_loop", array: "{{range(1, n)}}", function_stack: [
    { function: "add_record", table: "notes", data: { n: "{{loop_item}}", seen: false } },
    { function: "get_record", table: "notes", record_id: "{{notes.id}}" },
    { function: "edit_record", table: "notes", record_id: "{{notes.id}}", data: { seen: true } },
  ] },
] }
{ task: "find", max_steps: 10000000, function_stack: [
  { function: "for_each_loop", array: "{{range(1, n)}}", function_stack: [
    { function: "get_record", table: "people", filter: { mail: "m{{loop_item * 7}}@example.com" } },
    { function: "stop", if: "{{people == null}}" },
  ] },
  { function: "return_response", body: "{{n}}" },
] }
{ task: "range", max_steps: 10000000, function_stack: [
  { function: "for_each_loop", array: "{{range(1, n)}}", function_stack: [
    { function: "query_all_records", table: "people", limit: 10, sort: { score: "asc" },
      filter: { score: { $gte: "{{loop_item * 50}}" } } },
  ] },
  { function: "return_response", body: "{{length(people) == 10}}" },
] }
{ task: "claim", max_steps: 10000000, function_stack: [
  { function: "for_each_loop", array: "{{range(1, n)}}", function_stack: [
    { function: "claim_records", table: "people", filter: { state: "new" },
      sort: { score: "desc" }, set: { state: "taken" }, limit: 10 },
  ] },
  { function: "return_response", body: "{{length(people) == 10}}" },
] }
"""
_SPEC = {
    "columns": {
        "mail": {"type": "text", "unique": True},
        "score": {"type": "integer", "index": True},
        "state": {"type": "text", "enum": ["new", "taken"], "index": True},
    }
}


@dataclass(frozen=True)
class Tables:
    """Runs in a hub as it is: their steps a second by their own times; and files of records."""

    name: str = "tables"
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """Rates, and the bare commits of the machine beside them."""
        with hub(scene) as subject:
            api = subject.api
            api.put("/v1/stacks/bench", _STACK)
            steps = _NOTE_STEPS * _COUNT / _took_s(subject, "steps", _COUNT)
            commits = _commits(subject, scene)
            added_s = _add(subject)
            begun = time.perf_counter()
            api.put("/v1/tables/people", _SPEC)
            declared_s = time.perf_counter() - begun
            found = _COUNT / _took_s(subject, "find", _COUNT)
            ranges = _COUNT / _took_s(subject, "range", _COUNT)
            claims = _CLAIMS / _took_s(subject, "claim", _CLAIMS)
        return Measured(
            (
                Figure("record steps", steps, "/s"),
                Figure("steps to a bare commit", steps / commits, ""),
                Figure("records from a file", _RECORDS / added_s, "/s"),
                Figure("declare on 200,000", declared_s, "s"),
                Figure("find by a unique column", found, "/s"),
                Figure("ten of a sorted range", ranges, "/s"),
                Figure("claim of ten of 20,000", claims, "/s"),
            )
        )


def _took_s(subject: Subject, task: str, count: int) -> float:
    """How long a run took, from its claim to its end.

    Raises:
        HubError: ``bench_failed``: it failed, or did not do what it should.
    """
    started = subject.api.post(f"/v1/tasks/bench/{task}/runs", {"input": {"n": count}})
    path, deadline = f"/v1/runs/{started['id']}", time.monotonic() + _END_S
    while True:
        run = subject.api.get(path)
        if run["status"] in ("succeeded", "failed"):
            break
        if time.monotonic() > deadline:
            raise failed(f"The run of {task} did not end within {_END_S:g} s.")
        subject.check()
        time.sleep(0.05)
    if run["status"] == "failed" or (task != "steps" and not run["result"]):
        raise failed(f"The run of {task} came to {run['status']}: {run['failure']}.")
    return (from_iso(run["finished_at"]) - from_iso(run["started_at"])) / US_PER_S


def _add(subject: Subject) -> float:
    begun = time.perf_counter()
    for first in range(0, _RECORDS, _PART):
        lines = (
            orjson.dumps(
                {
                    "mail": f"m{n}@example.com",
                    "score": n * 7919 % 100_000,
                    "state": "taken" if n % 10 else "new",
                    "note": "a line of text as records have one",
                }
            )
            for n in range(first, first + _PART)
        )
        subject.api.post("/v1/tables/people/import", b"\n".join(lines), "application/x-ndjson")
    return time.perf_counter() - begun


def _commits(subject: Subject, scene: Scene) -> float:
    """Commits of one row a second, one after the other, as durable as the hub's."""
    if subject.database_url is None:
        return _sqlite_commits(scene.folder / "bare.db", scene.seconds / 2)
    return asyncio.run(_postgresql_commits(subject.database_url, scene.seconds / 2))


def _sqlite_commits(path: Path, seconds: float) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {each}")
        connection.execute("CREATE TABLE bare (n INTEGER)")
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            connection.execute("INSERT INTO bare VALUES (1)")
            done += 1
        return done / (time.perf_counter() - begun)


async def _postgresql_commits(url: str, seconds: float) -> float:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE TABLE bare (n int)")
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            await connection.execute("INSERT INTO bare VALUES (1)")
            done += 1
        return done / (time.perf_counter() - begun)
    finally:
        await connection.close()
