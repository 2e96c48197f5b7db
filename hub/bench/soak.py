"""Soaking: half of what the hub can do, for long, to see whether anything grows that should not.

::

    python -m hub.bench.soak --minutes 30 --ledger sqlite
    python -m hub.bench.soak --minutes 480 --rate 400 --json soak.json

Events are signed, run, delivered and recorded as in every other measurement. After each round of
``--every`` seconds it looks at each process's memory, the latency, the disk and the depth of the
queue. What is over is kept for ``--keep`` seconds only, so that as much is removed as comes.
When the warm-up, the first quarter, is over, a line is fitted through each of them.
It exits with 1 where the hub's own processes grow by more than ``--most-mb-per-hour``, where the
database or the queue does, or where an event was refused, lost, or left undone. The database is
judged where the warm-up is long enough for the first events to go.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
import psutil

from hub.bench.harness import faults_of, fire
from hub.bench.ledgers import Ledger, postgres_pid
from hub.bench.machine import bench_folder
from hub.bench.processes import family, listening, module
from hub.bench.scene import Scene
from hub.bench.subject import DELIVERING, Subject, hub
from hub.bench.tally import Report
from hub.bench.trends import Trend, trend_of
from hub.bench.watch import Watch
from hub.errors import HubError

_WARM_UP = 0.25
_LEAST_MB, _LEAST_WAITING = 8.0, 500.0
_MOST_REQUESTS_PER_S = 5_000
_EMPTY_S = 120.0
_VALKEY, _POSTGRES, _DEPTH = "valkey", "postgresql", "waiting"
_DATABASE, _WAL, _AOF = "database", "wal", "aof"
_BOUNDED = (_DATABASE, _WAL, _AOF)
_LEAST_DISK_MB, _MOST_DISK_PER_HOUR = 64.0, 0.2
"""So much of its own size the database may grow in an hour: it uses the room of what has gone
again, but not at once."""
_PASS_S = 60.0
"""What is over is looked for every minute."""
_DEDUP = "header:webhook-id"
_UNJUDGED = (_VALKEY, _POSTGRES)
"""Their memory is bounded by their own settings, and fills up to that."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How long, how much, and what is too much."""

    ledger: Ledger
    seconds: float
    every_s: float
    calibrate_s: float
    rate: float | None
    most_mb_per_hour: float
    keep_s: float = 120.0
    """How long what is over is kept."""

    @property
    def warm_up_s(self) -> float:
        """What is seen before is not judged."""
        return self.seconds * _WARM_UP

    @property
    def judges_disk(self) -> bool:
        """Whether as much goes as comes when the warm-up is over."""
        return self.warm_up_s >= self.keep_s + 2 * _PASS_S


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen after one round."""

    at_s: float
    memory_mb: Mapping[str, float]
    """Resident, by the name of the program."""
    disk_mb: Mapping[str, float]
    p50_ms: float
    p99_ms: float
    waiting: int
    """Runs and deliveries that are not done, as the lanes tell it."""

    @property
    def line(self) -> str:
        """For people."""
        memory, disk = (
            ", ".join(f"{name} {mb:.0f}" for name, mb in each.items())
            for each in (self.memory_mb, self.disk_mb)
        )
        return (
            f"{self.at_s:7.0f} s  memory {memory} MB; disk {disk} MB; "
            f"p50 {self.p50_ms:.1f}, p99 {self.p99_ms:.1f} ms; waiting {self.waiting}"
        )


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it."""

    rate: float
    samples: tuple[Sample, ...]
    trends: Mapping[str, Trend]
    grown: tuple[str, ...]
    """The names of what grew too fast."""
    faults: tuple[str, ...]

    @property
    def is_flat(self) -> bool:
        """Whether all is well."""
        return not self.grown and not self.faults


def soak(wish: Wish, folder: Path, write: Callable[[str], None]) -> Soaked:
    """Run a hub under load.

    Raises:
        HubError: ``bench_failed``: it cannot be measured.
    """
    scene = Scene(wish.ledger, wish.seconds, folder)
    keep = {f"HUB_KEEP_{what}_S": f"{wish.keep_s:g}" for what in ("EVENTS", "RUNS", "ATTEMPTS")}
    with listening("sink", module("sink"), folder) as port, hub(scene, also=keep) as subject:
        watch = Watch(port)
        subject.set_up(DELIVERING, port, dedup={"by": _DEDUP, "window_s": round(wish.keep_s)})
        rate = wish.rate or _half_of_capacity(subject, wish.calibrate_s)
        write(f"{rate:.0f} events a second for {wish.seconds / 60:g} minutes.")
        samples: list[Sample] = []
        reports: list[Report] = []
        for report, sample in _rounds(wish, rate, subject, watch, folder):
            reports.append(report)
            samples.append(sample)
            write(sample.line)
        subject.wait_empty(_EMPTY_S)
    return judged(wish, rate, samples, faults_of(reports, wish.ledger.value, 202))


def _half_of_capacity(subject: Subject, seconds: float) -> float:
    """Half of the events a second that were received and worked off."""
    most = round(_MOST_REQUESTS_PER_S * seconds)
    report = fire(subject.api.port, subject.secret, requests=most, seconds=seconds)
    emptied_s = subject.wait_empty(_EMPTY_S)
    return max(1.0, report.requests / (report.seconds + emptied_s) / 2)


def _rounds(
    wish: Wish, rate: float, subject: Subject, watch: Watch, folder: Path
) -> Iterator[tuple[Report, Sample]]:
    began = time.monotonic()
    while (at_s := time.monotonic() - began) < wish.seconds:
        seconds = min(wish.every_s, max(1.0, wish.seconds - at_s))
        watch.reset()  # it is not to remember more and more
        report = fire(
            subject.api.port,
            subject.secret,
            requests=round(rate * seconds) + 1,
            seconds=seconds,
            rate=rate,
        )
        subject.check()
        yield report, _sample(time.monotonic() - began, report, subject, folder)


def _sample(at_s: float, report: Report, subject: Subject, folder: Path) -> Sample:
    lanes = subject.api.get("/v1/lanes")["items"]
    waiting = sum(int(each[name]) for each in lanes for name in ("due", "waiting", "running"))
    return Sample(
        at_s,
        _memory(subject, folder),
        _disk(folder),
        report.latency.p50_ms,
        report.latency.p99_ms,
        waiting,
    )


def _memory(subject: Subject, folder: Path) -> dict[str, float]:
    """Of each program of the hub, of Valkey, and of PostgreSQL where that is used."""
    names = {child.process.pid: child.name for child in subject.children}
    found = {child.name: 0.0 for child in subject.children}
    parents = [(pid, names.get(pid, "")) for pid in (*names, os.getpid())]
    seen: set[int] = set()
    for parent, name in parents:
        for pid in family(parent):
            if pid not in seen:
                seen.add(pid)
                _add(found, pid, name)
    if subject.database_url is not None:
        for pid in family(postgres_pid(folder)):
            _add(found, pid, _POSTGRES)
    return found


def _add(found: dict[str, float], pid: int, name: str) -> None:
    """Count a process to its program; of what belongs to none only Valkey is wanted."""
    try:
        process = psutil.Process(pid)
        is_valkey = process.name().startswith("valkey")
        resident = process.memory_info().rss / 1e6
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return
    name = _VALKEY if is_valkey else name
    if name:
        found[name] = found.get(name, 0.0) + resident


def _disk(folder: Path) -> dict[str, float]:
    """The database, its write-ahead log, Valkey's append-only file, and the programs' logs."""
    found = dict.fromkeys((*_BOUNDED, "logs"), 0.0)
    for path in folder.rglob("*"):
        try:
            size = path.stat().st_size / 1e6 if path.is_file() else 0.0
        except OSError:  # it is away meanwhile
            continue
        found[_kind(path)] += size
    return found


def _kind(path: Path) -> str:
    if "appendonlydir" in path.parts:
        return _AOF
    if "pg_wal" in path.parts or path.name.endswith("-wal"):
        return _WAL
    return "logs" if path.suffix in (".log", ".old") else _DATABASE


def judged(wish: Wish, rate: float, samples: Sequence[Sample], faults: tuple[str, ...]) -> Soaked:
    """Fit the lines through all samples after the warm-up, and see what grows too fast."""
    settled = [each for each in samples if each.at_s > wish.warm_up_s] or [*samples]
    memory = {name: [(each.at_s, each.memory_mb.get(name, 0.0)) for each in settled]
              for name in (settled[0].memory_mb if settled else ())}  # fmt: skip
    disk = {name: [(each.at_s, each.disk_mb[name]) for each in settled]
            for name in (settled[0].disk_mb if settled else ())}  # fmt: skip
    others = {
        "p50": [(each.at_s, each.p50_ms) for each in settled],
        "p99": [(each.at_s, each.p99_ms) for each in settled],
        _DEPTH: [(each.at_s, float(each.waiting)) for each in settled],
    }
    trends = {name: trend_of(points) for name, points in (memory | disk | others).items()}
    grown = [
        name
        for name in memory
        if name not in _UNJUDGED and not trends[name].is_flat(wish.most_mb_per_hour, _LEAST_MB)
    ]
    if wish.judges_disk:
        grown += [name for name in disk if name in _BOUNDED and not _is_bounded(disk[name])]
    if not trends[_DEPTH].is_flat(0.0, _LEAST_WAITING):
        grown.append(_DEPTH)
    if not samples:
        faults = (*faults, "nothing was measured")
    return Soaked(rate, tuple(samples), trends, tuple(grown), faults)


def _is_bounded(points: Sequence[tuple[float, float]]) -> bool:
    usual_mb = median(mb for _, mb in points)
    return trend_of(points).is_flat(usual_mb * _MOST_DISK_PER_HOUR, _LEAST_DISK_MB)


def told(soaked: Soaked) -> str:
    """What came of it, for people."""
    units = {"p50": "ms", "p99": "ms", _DEPTH: "rows"}
    lines = [""]
    for name, trend in soaked.trends.items():
        flat = "NOT FLAT" if name in soaked.grown else ""
        lines.append(
            f"{name:<12} {trend.per_hour:+10.1f} {units.get(name, 'MB')}/h, "
            f"±{trend.scatter:.1f} over {trend.span_s:.0f} s {flat}".rstrip()
        )
    lines += [f"INVALID: {fault}" for fault in soaked.faults]
    lines.append("flat" if soaked.is_flat else "not flat")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="soak", description="Half the capacity, for long.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long")
    parser.add_argument("--ledger", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--every", type=float, default=10.0, help="seconds of a round")
    parser.add_argument("--calibrate", type=float, default=10.0, help="seconds at full speed")
    parser.add_argument("--rate", type=float, help="events a second; else half of the capacity")
    parser.add_argument("--most-mb-per-hour", type=float, default=20.0, help="else not flat")
    parser.add_argument("--keep", type=float, default=120.0, help="seconds what is over is kept")
    parser.add_argument("--json", type=Path, help="file for everything that was seen")
    given = parser.parse_args(arguments)
    wish = Wish(
        Ledger(given.ledger), given.minutes * 60, given.every, given.calibrate, given.rate,
        given.most_mb_per_hour, given.keep,
    )  # fmt: skip

    def write(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="hub-soak-", dir=bench_folder()) as folder:
        try:
            soaked = soak(wish, Path(folder), write)
        except HubError as error:
            sys.stderr.write(f"soak: {error.message}\n")
            return 2
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(asdict(soaked), option=orjson.OPT_INDENT_2))
    write(told(soaked))
    return 0 if soaked.is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
