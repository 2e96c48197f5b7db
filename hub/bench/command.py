"""``hub bench``: chooses the cases, runs them one after the other, tells what came of them."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hub.bench.cases import CASES
from hub.bench.harness import measure
from hub.bench.ledgers import Ledger
from hub.bench.machine import bench_folder, look
from hub.bench.report import render, to_json
from hub.bench.scene import Case, Result


def run(
    cases: list[str],
    ledgers: list[str],
    seconds: float,
    json_path: Path | None = None,
    profile: bool = False,
) -> int:
    """Measure; without names all cases. 0: all is valid; 1: something is not; 2: misspelt."""
    unknown = sorted(set(cases) - {case.name for case in CASES})
    unknown += sorted(set(ledgers) - {Ledger.SQLITE, Ledger.POSTGRESQL})
    if unknown:
        known = ", ".join(case.name for case in CASES)
        sys.stderr.write(
            f"There is no {', '.join(unknown)}. The cases are {known}; "
            "the ledgers sqlite, postgresql, both.\n"
        )
        return 2
    chosen = [case for case in CASES if not cases or case.name in cases]
    return tell(chosen, [Ledger(each) for each in ledgers], seconds, json_path, profile=profile)


def tell(
    cases: Sequence[Case],
    ledgers: Sequence[Ledger],
    seconds: float,
    json_path: Path | None = None,
    *,
    profile: bool = False,
) -> int:
    """Measure these cases, print the table, write the JSON."""
    machine = look(bench_folder())
    results: list[Result] = []
    with _ending_cleanly():
        for case, ledger in _plan(cases, ledgers):
            sys.stderr.write(f"{case.name} on {ledger} …\n")
            results.append(measure(case, ledger, seconds, profile=profile))
    sys.stdout.write(render(machine, results))
    if json_path is not None:
        json_path.write_bytes(to_json(machine, results))
    return 1 if any(result.faults for result in results) else 0


def _plan(cases: Sequence[Case], ledgers: Sequence[Ledger]) -> Iterator[tuple[Case, Ledger]]:
    for ledger in (Ledger.NONE, *ledgers):
        for case in cases:
            if ledger in case.ledgers:
                yield case, ledger


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """SIGTERM ends the bench like Ctrl-C does: its children first."""

    def stop(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
