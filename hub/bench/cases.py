"""What is measured: the language, tables, ingest, retention, end to end, light load, realtime,
data sets, pages, startup."""

import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from statistics import median

from hub.bench.api import Api
from hub.bench.claims import Claims
from hub.bench.dashboard import Pages
from hub.bench.datasets import Datasets
from hub.bench.deliveries import Deliveries, Fairness, Herd
from hub.bench.harness import answers_in, faults_of, fire, side_by_side
from hub.bench.language import Language
from hub.bench.latency import latency
from hub.bench.ledgers import Ledger, postgres_pid
from hub.bench.processes import Child, cpu_s, listening, module, resident_mb, running
from hub.bench.realtime import Realtime
from hub.bench.retention import Retention
from hub.bench.scene import Case, Figure, Measured, Scene
from hub.bench.subject import DELIVERING, TRIVIAL, free_port, hub, settings, up, wait_ready
from hub.bench.tables import Tables
from hub.bench.tally import Report
from hub.bench.watch import Watch, faults_of_arrivals

_BOTH = (Ledger.SQLITE, Ledger.POSTGRESQL)
_ENOUGH_PER_S = 20_000  # so many are rendered for a second of closed loop; more end it early
_EMPTY_S = 180.0
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Ingest:
    """Signed events as fast as they are answered, against the echo, in alternating rounds.

    An event and its run are committed for each 202. Without ``worker`` nobody carries the runs
    out meanwhile: that is a server that shares its load with workers elsewhere. With it the same
    processors also run a stack of one step for each event.
    """

    name: str = "ingest"
    worker: bool = False
    rounds: int = 3
    connections: int = 50
    warmup_s: float = 1.0
    ledgers: tuple[Ledger, ...] = _BOTH

    def run(self, scene: Scene) -> Measured:
        """Ratio, rates, latencies: medians over the rounds."""
        echo = listening("echo", module("echo"), scene.folder)
        with echo as echo_port, hub(scene, worker=self.worker) as subject:
            subject.set_up(TRIVIAL)
            count = round((scene.seconds + self.warmup_s) * _ENOUGH_PER_S)

            def send(port: int) -> Report:
                if self.worker:
                    subject.wait_empty(_EMPTY_S)
                return fire(
                    port,
                    subject.secret,
                    requests=count,
                    seconds=scene.seconds,
                    connections=self.connections,
                    warmup_s=self.warmup_s,
                )

            rounds = side_by_side(
                self.rounds, lambda: send(echo_port), lambda: send(subject.api.port)
            )
        return _ingested(rounds)


def _ingested(rounds: list[tuple[Report, Report]]) -> Measured:
    echoes, hubs = zip(*rounds, strict=True)
    ratios = [ours.per_s / max(echo.per_s, 1e-9) for echo, ours in rounds]
    return Measured(
        (
            Figure("of the echo", median(ratios) * 100, "%"),
            Figure("p99", median(each.latency.p99_ms for each in hubs), "ms"),
            Figure("p50", median(each.latency.p50_ms for each in hubs), "ms"),
            Figure("hub", median(each.per_s for each in hubs), "/s"),
            Figure("echo", median(each.per_s for each in echoes), "/s"),
            Figure("echo p99", median(each.latency.p99_ms for each in echoes), "ms"),
        ),
        (*faults_of(echoes, "echo", 200), *faults_of(hubs, "hub", 202)),
    )


@dataclass(frozen=True)
class EndToEnd:
    """Event, stack, one ``deliver``, attempt row; more is offered than is asked for.

    Events fall due at ``rate`` for the whole measurement, about twice the target, so that
    receiving, running and delivering compete as they do under load. The clock runs from the
    first event sent to the last one at the sink; then the queue must return to empty.
    """

    name: str = "end_to_end"
    rate: float = 2000.0
    connections: int = 50
    ledgers: tuple[Ledger, ...] = _BOTH

    def run(self, scene: Scene) -> Measured:
        """Events per second, and how long the queue took to be empty after the last one."""
        sink = listening("sink", module("sink", "--field=id"), scene.folder)
        with sink as sink_port, hub(scene) as subject:
            subject.set_up(DELIVERING, sink_port)
            watch, answers = Watch(sink_port), scene.folder / "answers"
            count = round(self.rate * scene.seconds)
            report = fire(
                subject.api.port,
                subject.secret,
                requests=count,
                seconds=scene.seconds * 10,
                connections=self.connections,
                rate=self.rate,
                answers=answers,
            )
            accepted = {each.id for each in answers_in(answers) if each.status == 202}
            watch.wait(len(accepted))
            arrived = watch.arrivals()
            emptied_s = subject.wait_empty(_EMPTY_S)
            last_ns = max((each.at_ns for each in arrived), default=0)
            took_s = max((last_ns - report.first_sent_ns) / 1e9, 1e-9)
            faults = (
                *faults_of([report], "hub", 202),
                *faults_of_arrivals(accepted, watch.arrivals()),
            )
        return Measured(
            (
                Figure("events", len(arrived) / took_s, "/s"),
                Figure("offered", report.sent / report.seconds, "/s"),
                Figure("answer p99", report.latency.p99_ms, "ms"),
                Figure("empty after the last", emptied_s, "s"),
            ),
            faults,
        )


@dataclass(frozen=True)
class TwoWorkers:
    """What an event costs, end to end, with one worker and with two, in alternating rounds.

    Events fall due at a rate that one worker can take. Counted is the processor time of server,
    workers and PostgreSQL until the queue is empty, whatever they do beside.
    """

    name: str = "two_workers"
    rate: float = 500.0
    rounds: int = 3
    connections: int = 50
    ledgers: tuple[Ledger, ...] = (Ledger.POSTGRESQL,)

    def run(self, scene: Scene) -> Measured:
        """The ratio: the median over the rounds."""
        sink = listening("sink", module("sink", "--field=id"), scene.folder)
        reports: list[Report] = []
        with sink as sink_port, hub(scene) as subject:
            subject.set_up(DELIVERING, sink_port)
            watch, answers = Watch(sink_port), scene.folder / "answers"
            accepted: set[str] = set()

            def cost_s(*more: Child) -> float:
                pids = [child.process.pid for child in (*subject.children, *more)]
                pids.append(postgres_pid(scene.folder))
                before = sum(map(cpu_s, pids))
                report = fire(
                    subject.api.port,
                    subject.secret,
                    requests=round(self.rate * scene.seconds),
                    seconds=scene.seconds * 10,
                    connections=self.connections,
                    rate=self.rate,
                    answers=answers,
                )
                reports.append(report)
                accepted.update(each.id for each in answers_in(answers))
                watch.wait(len(accepted))
                subject.wait_empty(_EMPTY_S)
                return (sum(map(cpu_s, pids)) - before) / max(report.sent, 1)

            def cost_of_two_s() -> float:
                with subject.another_worker(scene) as worker:
                    return cost_s(worker)

            cost_s()  # the first round warms up
            rounds = side_by_side(self.rounds, cost_s, cost_of_two_s)
            faults = (
                *faults_of(reports, "hub", 202),
                *faults_of_arrivals(accepted, watch.arrivals()),
            )
        ones, twos = zip(*rounds, strict=True)
        return Measured(
            (
                Figure("of the cost with one", median(t / o for o, t in rounds) * 100, "%"),
                Figure("with one", median(ones) * 1e6, "µs"),
                Figure("with two", median(twos) * 1e6, "µs"),
            ),
            faults,
        )


@dataclass(frozen=True)
class LightLoad:
    """A few events a second: how long after its 202 an event's delivery reaches the sink."""

    name: str = "light_load"
    rate: float = 10.0
    ledgers: tuple[Ledger, ...] = _BOTH

    def run(self, scene: Scene) -> Measured:
        """Percentiles from the answer to the arrival of the same id, both by the wall clock."""
        sink = listening("sink", module("sink", "--field=id"), scene.folder)
        with sink as sink_port, hub(scene) as subject:
            subject.set_up(DELIVERING, sink_port)
            seconds, warmup_s = scene.seconds * 2, 1.0
            answers = scene.folder / "answers"
            report = fire(
                subject.api.port,
                subject.secret,
                requests=round(self.rate * (seconds + warmup_s)) + 1,
                seconds=seconds,
                connections=10,
                warmup_s=warmup_s,
                rate=self.rate,
                answers=answers,
            )
            watch = Watch(sink_port)
            watch.wait(report.sent)
            arrived = watch.arrivals()
        answered = {each.id: each.at_ns for each in answers_in(answers)}
        lag = latency(
            (each.at_ns - answered[each.field]) / 1e6 for each in arrived if each.field in answered
        )
        return Measured(
            (
                Figure("p50", lag.p50_ms, "ms"),
                Figure("p99", lag.p99_ms, "ms"),
                Figure("answer p50", report.latency.p50_ms, "ms"),
            ),
            (*faults_of([report], "hub", 202), *faults_of_arrivals(answered, arrived)),
        )


@dataclass(frozen=True)
class Startup:
    """``hub up`` from its start to ``/readyz``, without and with data, and its memory at rest."""

    name: str = "startup"
    rounds: int = 3
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE,)

    def run(self, scene: Scene) -> Measured:
        """Medians of the times; the memory of all its processes together."""
        first, again, memory = [], [], []
        for n in range(self.rounds):
            folder = scene.folder / str(n)
            folder.mkdir()
            first.append(self._start(folder, settle_s=0)[0])
            took_s, resident = self._start(folder, _SETTLE_S)
            again.append(took_s)
            memory += [resident] if resident is not None else []
        figures = [
            Figure("ready, first start", median(first), "s"),
            Figure("ready, with data", median(again), "s"),
        ]
        figures += [Figure("memory, idle", median(memory), "MB")] if memory else []
        return Measured(tuple(figures))

    @staticmethod
    def _start(folder: Path, settle_s: float) -> tuple[float, float | None]:
        port, key = free_port(), token_hex(24)
        start = time.perf_counter()
        with running("hub", up(), folder, settings(folder, port, key)) as child:
            wait_ready(Api(port, key), (child,))
            took_s = time.perf_counter() - start
            time.sleep(settle_s)
            return took_s, resident_mb(child.process.pid)


CASES: tuple[Case, ...] = (
    Language(),
    Tables(),
    Claims(),
    Ingest(),
    Ingest(name="ingest_and_run", worker=True),
    Retention(),
    Pages(),
    EndToEnd(),
    Deliveries(),
    Fairness(),
    Herd(),
    TwoWorkers(),
    LightLoad(),
    Realtime(),
    Datasets(),
    Startup(),
)
