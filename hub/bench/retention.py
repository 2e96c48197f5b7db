"""Retention: ingest alone, and while a million rows of long ago are removed."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import orjson

from hub.bench.harness import faults_of, fire, side_by_side
from hub.bench.ledgers import Ledger
from hub.bench.processes import module, running
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import TRIVIAL, Subject, hub
from hub.bench.tally import Report
from hub.model.ids import first_id
from hub.model.time import US_PER_S, now_us
from hub.store.ledger import open_ledger
from hub.store.schema import attempts, deliveries, events, journal, runs
from hub.store.statement import insert_of
from hub.store.tx import Tx

_LONG_AGO_US = 100 * 86_400 * US_PER_S
_ROWS_OF_EVENT = 5
_PART = 2_000
_BODY = orjson.dumps({"id": "0", "customer": "Ada", "text": "x" * 950})
_TABLES = (events, runs, journal, deliveries, attempts)
_INSERTS = tuple(insert_of(table) for table in _TABLES)
_SET_UP_S = 3.0
"""Until then a process that prunes has begun."""


@dataclass(frozen=True)
class Retention:
    """Signed events as fast as they are answered, with and without old rows going meanwhile.

    Each old event has a run, its journal, a delivery and its attempt, with bodies of 1 KB.
    """

    name: str = "retention"
    rows: int = 1_000_000
    rounds: int = 3
    connections: int = 50
    warmup_s: float = 1.0
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """The rate as a share of that without, percentiles, and how fast the rows went."""
        with hub(scene, worker=False) as subject:
            subject.set_up(TRIVIAL)
            asyncio.run(_fill(subject, scene, self.rows // _ROWS_OF_EVENT))

            def send() -> Report:
                return fire(
                    subject.api.port,
                    subject.secret,
                    requests=round((scene.seconds + self.warmup_s) * 20_000),
                    seconds=scene.seconds,
                    connections=self.connections,
                    warmup_s=self.warmup_s,
                )

            pruned_s: list[float] = []

            def send_beside() -> Report:
                with _pruning(subject, scene):
                    began = time.monotonic()
                    report = send()
                    pruned_s.append(time.monotonic() - began)
                return report

            rounds = side_by_side(self.rounds, send, send_beside)
            gone = _gone(scene)
        return _measured(rounds, gone / sum(pruned_s))


def _measured(rounds: list[tuple[Report, Report]], gone_per_s: float) -> Measured:
    alone, beside = zip(*rounds, strict=True)
    ratios = [with_it.per_s / max(without.per_s, 1e-9) for without, with_it in rounds]
    nothing = () if gone_per_s else ("no row was removed",)
    return Measured(
        (
            Figure("of the rate alone", median(ratios) * 100, "%"),
            Figure("p99", median(each.latency.p99_ms for each in beside), "ms"),
            Figure("p99 alone", median(each.latency.p99_ms for each in alone), "ms"),
            Figure("ingest", median(each.per_s for each in beside), "/s"),
            Figure("ingest alone", median(each.per_s for each in alone), "/s"),
            Figure("rows removed", gone_per_s, "/s"),
        ),
        (*faults_of(alone, "alone", 202), *faults_of(beside, "beside", 202), *nothing),
    )


def _pruning(subject: Subject, scene: Scene) -> AbstractContextManager[None]:
    """Rows are removed until the end of the block, by the process that does so in the wild."""
    if scene.ledger is Ledger.POSTGRESQL:
        return _by_worker(subject, scene)
    return _by_server(subject)


@contextmanager
def _by_worker(subject: Subject, scene: Scene) -> Iterator[None]:
    with running("pruner", module("pruner"), scene.folder, subject.variables):
        time.sleep(_SET_UP_S)
        yield


@contextmanager
def _by_server(subject: Subject) -> Iterator[None]:
    (server,) = subject.children
    server.process.send_signal(signal.SIGUSR1)
    yield
    server.process.send_signal(signal.SIGUSR2)
    time.sleep(1)  # until it has told how many went


def _gone(scene: Scene) -> int:
    """How many rows went, as the processes have told."""
    lines = [line for log in scene.folder.glob("*.log") for line in log.read_bytes().splitlines()]
    told = [orjson.loads(line) for line in lines if b'"rows.pruned"' in line]
    return sum(value for line in told for value in line.values() if isinstance(value, int))


async def _fill(subject: Subject, scene: Scene, count: int) -> None:
    store = await open_ledger(subject.database_url, scene.folder / "data")
    try:
        for begin in range(0, count, _PART):
            numbers = range(begin, min(begin + _PART, count))
            await store.engine.transact(partial(_insert, numbers=numbers))
    finally:
        await store.close()


def _insert(tx: Tx, numbers: range) -> None:
    rows = [_rows(n) for n in numbers]
    for place, insert in enumerate(_INSERTS):
        tx.many(insert, [each[place] for each in rows])


def _rows(n: int) -> tuple[dict[str, Any], ...]:
    """What came of one event, a millisecond after the one before."""
    at = now_us() - _LONG_AGO_US + n * 1000
    event, run, delivery, attempt = (
        f"{first_id(kind, at)[:-8]}{n:08x}" for kind in ("evt", "run", "dlv", "att")
    )
    given: tuple[dict[str, Any], ...] = (
        {
            "id": event,
            "source": "bench",
            "fate": "recorded",
            "body_differs": False,
            "received_at": at,
            "method": "POST",
            "path": "",
            "query": "",
            "ip": "127.0.0.1",
            "headers": "[]",
            "body": _BODY,
        },
        {
            "id": run,
            "task": "bench/bench",
            "status": "succeeded",
            "lane": "normal",
            "due_at": at,
            "attempt": 1,
            "crashes": 0,
            "event_id": event,
            "chain_depth": 0,
            "fence": 1,
            "created_at": at,
            "started_at": at,
            "finished_at": at,
            "held": False,
        },
        {"run_id": run, "n": 0, "entries": _BODY, "committed_at": at},
        {
            "id": delivery,
            "destination": "bench",
            "status": "delivered",
            "due_at": at,
            "attempts": 1,
            "spent": 1,
            "event_id": event,
            "run_id": run,
            "fence": 1,
            "idempotency_key": run,
            "content_type": "application/json",
            "body": _BODY,
            "created_at": at,
            "finished_at": at,
            "held": False,
            "replayed": False,
        },
        {
            "id": attempt,
            "delivery_id": delivery,
            "n": 1,
            "started_at": at,
            "duration_ms": 5,
            "status_code": 200,
            "outcome": "delivered",
            "message": "Taken.",
        },
    )
    return tuple(
        {column.name: row.get(column.name) for column in table.c}
        for table, row in zip(_TABLES, given, strict=True)
    )
