"""Runs cases: a fresh folder for each, rounds side by side, loads by the generator's process."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

import orjson

from hub.bench.latency import Latency
from hub.bench.ledgers import Ledger
from hub.bench.machine import bench_folder
from hub.bench.processes import finished, module
from hub.bench.scene import Case, Result, Scene
from hub.bench.tally import Answer, Report
from hub.errors import HubError

First = TypeVar("First")
Second = TypeVar("Second")


def measure(case: Case, ledger: Ledger, seconds: float, *, profile: bool = False) -> Result:
    """Run a case; what hinders it becomes a fault of its result."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-", dir=bench_folder()) as folder:
        scene = Scene(ledger, seconds, Path(folder), profile)
        try:
            measured = case.run(scene)
        except (HubError, OSError) as error:
            return Result(case.name, ledger, faults=(str(error),))
        profiles = tuple(scene.profiles())
        found = measured.figures, measured.faults
        return Result(case.name, ledger, *found, profiles, measured.picture)


def side_by_side(
    rounds: int, first: Callable[[], First], second: Callable[[], Second]
) -> list[tuple[First, Second]]:
    """A, B, A, B, …: so that whatever else the machine does meets both alike."""
    return [(first(), second()) for _ in range(rounds)]


def fire(
    port: int,
    secret: str,
    *,
    requests: int,
    seconds: float,
    connections: int = 50,
    warmup_s: float = 0.0,
    rate: float | None = None,
    answers: Path | None = None,
) -> Report:
    """Send a load of fresh ids to a port.

    Raises:
        HubError: ``bench_failed``: nobody answers there.
    """
    options = {
        "--port": port,
        "--secret": secret,
        "--requests": requests,
        "--seconds": seconds,
        "--connections": connections,
        "--warmup": warmup_s,
        "--rate": rate,
        "--answers": answers,
        "--prefix": token_hex(4),
    }
    given = {name: value for name, value in options.items() if value is not None}
    return report_of(
        finished("load", module("load", *(f"{name}={value}" for name, value in given.items())))
    )


def report_of(line: bytes) -> Report:
    """What a load printed."""
    told = orjson.loads(line)
    return Report(**{**told, "latency": Latency(**told["latency"])})


def answers_in(path: Path) -> list[Answer]:
    """The answers that a load wrote to a file."""
    return [Answer(**orjson.loads(line)) for line in path.read_bytes().splitlines()]


def faults_of(reports: Iterable[Report], who: str, expected: int) -> tuple[str, ...]:
    """What makes loads invalid: another status, an answer that did not come, no answer at all."""
    faults: list[str] = []
    for n, report in enumerate(reports, 1):
        others = {code: count for code, count in report.statuses.items() if code != str(expected)}
        if others:
            faults.append(f"{who}, round {n}: statuses other than {expected}: {others}")
        if report.lost:
            faults.append(f"{who}, round {n}: {report.lost} of {report.sent} were not answered")
        if not report.requests:
            faults.append(f"{who}, round {n}: nothing was measured")
    return tuple(faults)
