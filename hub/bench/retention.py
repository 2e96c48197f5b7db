"""Retention: ingest alone, and while a million rows of long ago are removed."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from statistics import median

import orjson

from hub.bench.harness import faults_of, fire, side_by_side
from hub.bench.ledgers import Ledger
from hub.bench.past import Rows, fill, rows_of
from hub.bench.processes import module, running
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import TRIVIAL, Subject, hub
from hub.bench.tally import Report
from hub.model.time import US_PER_S, now_us

_LONG_AGO_US = 100 * 86_400 * US_PER_S
_ROWS_OF_EVENT = 5
_BODY = orjson.dumps({"id": "0", "customer": "Ada", "text": "x" * 950})
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
    since = now_us() - _LONG_AGO_US

    def rows(number: int) -> Rows:
        return rows_of(number, since + number * 1000, _BODY)

    await fill(subject.database_url, scene.folder / "data", count, rows)
