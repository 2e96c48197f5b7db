"""Realtime: how many messages a second reach many subscribers, how soon, and what idle ones cost.

Messages are published by the hub's API, each with 200 bytes of data, and every one is a
server-sent event of its own. The hub, the publisher and the subscribers are processes of their
own. A message that is lost, repeated or out of order for any subscriber makes the run invalid.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import orjson

from hub.bench.harness import faults_of, report_of
from hub.bench.heard import END, Hearing
from hub.bench.latency import Latency
from hub.bench.ledgers import Ledger
from hub.bench.processes import (
    Child,
    cpu_s,
    failed,
    files,
    finished,
    module,
    own_mb,
    running,
    tail,
)
from hub.bench.publish import data_of
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import Subject, hub
from hub.bench.tally import Report

_CHANNEL = "bench"
_MESSAGES = f"/v1/channels/{_CHANNEL}/messages"
_FEW, _SPARE_FILES = 5, 500
_LIMIT_S, _POLL_S = 90.0, 0.02


@dataclass(frozen=True, slots=True)
class _Round:
    """What was published, what was heard of it, and the processor time that the hub took."""

    report: Report
    hearing: Hearing
    cpu_s: float

    @property
    def took_s(self) -> float:
        """From the first message sent to the last one heard by the last subscriber."""
        return max((self.hearing.last_ns - self.report.first_sent_ns) / 1e9, 1e-9)

    @property
    def per_s(self) -> float:
        """Messages heard, over all subscribers."""
        return self.hearing.messages / self.took_s


@dataclass(frozen=True)
class Realtime:
    """Many idle subscribers first; then fewer that hear much, paced and as fast as it goes.

    ``paced`` is in messages heard a second, over all subscribers.
    """

    name: str = "realtime"
    subscribers: int = 500
    paced: float = 10_000.0
    connections: int = 8
    idle: int = 5_000
    idle_s: float = 16.0
    """Longer than from one heartbeat to the next."""
    rounds: int = 3
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """Rates, latencies, the memory of an idle subscriber: medians over the rounds."""
        most = max(self.subscribers, self.idle)
        with files(most + _SPARE_FILES), hub(scene) as subject:
            subject.api.put(f"/v1/channels/{_CHANNEL}", {"public": True})
            each_kb, idle = self._idle(scene, subject)
            rate = self.paced / self.subscribers
            paced = [self._round(scene, subject, rate) for _ in range(self.rounds)]
            fast = [self._round(scene, subject) for _ in range(self.rounds)]
        return Measured(
            (
                Figure("delivered", median(each.per_s for each in fast), "/s"),
                *_figures("full speed", fast),
                *_figures("paced", paced),
                Figure("paced, delivered", median(each.per_s for each in paced), "/s"),
                Figure("memory of an idle subscriber", each_kb, "KB"),
                Figure("idle subscribers", self.idle, ""),
                Figure("one message to all of them", idle.latency.max_ms, "ms"),
            ),
            (
                *faults_of([each.report for each in (*paced, *fast)], "hub", 202),
                *_faults("idle", [idle]),
                *_faults("paced", [each.hearing for each in paced]),
                *_faults("full speed", [each.hearing for each in fast]),
            ),
        )

    def _idle(self, scene: Scene, subject: Subject) -> tuple[float, Hearing]:
        """What the server holds in memory for each of many, in KB; they hear one message."""
        server = subject.children[0].process.pid
        with _subscribers(scene, subject, _FEW) as few:  # what is made once is made now
            _end(subject, few, 0)
        before = own_mb(server)
        with _subscribers(scene, subject, self.idle) as many:
            time.sleep(self.idle_s)
            each_kb = (own_mb(server) - before) * 1000 / self.idle
            subject.api.post(_MESSAGES, {"event": "told", "data": data_of(0, time.time_ns())})
            return each_kb, _end(subject, many, 1)

    def _round(self, scene: Scene, subject: Subject, rate: float | None = None) -> _Round:
        server = subject.children[0].process.pid
        with _subscribers(scene, subject, self.subscribers) as child:
            before = cpu_s(server)
            report = _publish(subject, self.connections, scene.seconds, rate)
            hearing = _end(subject, child, report.sent)
            return _Round(report, hearing, cpu_s(server) - before)


@contextmanager
def _subscribers(scene: Scene, subject: Subject, count: int) -> Iterator[Child]:
    """So many until the end of the block, and all of them are there."""
    (scene.folder / "subscribers.log").unlink(missing_ok=True)
    where = (f"--port={subject.api.port}", f"--channel={_CHANNEL}", f"--count={count}")
    with running("subscribers", module("subscribe", *where), scene.folder) as child:
        _told(child, 1)
        yield child


def _told(child: Child, line: int) -> Any:
    """The JSON line that it prints as so manieth.

    Raises:
        HubError: ``bench_failed``: it has ended, or it took too long.
    """
    deadline = time.monotonic() + _LIMIT_S
    while len(lines := child.log.read_bytes().split(b"\n")) <= line:
        if child.process.poll() not in (None, 0):
            child.check()
        if time.monotonic() > deadline:
            raise failed(f"{child.name} said too little in {_LIMIT_S:g} s: {tail(child.log)}")
        time.sleep(_POLL_S)
    if not lines[line - 1].startswith(b"{"):
        raise failed(f"{child.name} failed: {tail(child.log)}")
    return orjson.loads(lines[line - 1])


def _publish(subject: Subject, connections: int, seconds: float, rate: float | None) -> Report:
    options = {
        "--port": subject.api.port,
        "--key": subject.api.key,
        "--channel": _CHANNEL,
        "--connections": connections,
        "--seconds": seconds,
        "--rate": rate,
    }
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    return report_of(finished("publish", module("publish", *given)))


def _end(subject: Subject, subscribers: Child, count: int) -> Hearing:
    """Publish the last message after so many others; what was heard of all of them."""
    subject.api.post(_MESSAGES, {"event": END, "data": {"count": count}})
    told = _told(subscribers, 2)
    return Hearing(**{**told, "latency": Latency(**told["latency"])})


def _figures(name: str, rounds: Sequence[_Round]) -> Iterator[Figure]:
    heard = [each.hearing.latency for each in rounds]
    yield Figure(f"{name}, published", median(r.report.sent / r.took_s for r in rounds), "/s")
    yield Figure(f"{name}, p50", median(each.p50_ms for each in heard), "ms")
    yield Figure(f"{name}, p99", median(each.p99_ms for each in heard), "ms")
    yield Figure(f"{name}, processor", median(r.cpu_s / r.took_s for r in rounds) * 100, "%")


def _faults(name: str, hearings: Sequence[Hearing]) -> Iterator[str]:
    for n, hearing in enumerate(hearings, 1):
        for text, count in hearing.faults.items():
            yield f"{name}, round {n}: {text}: {count}"
