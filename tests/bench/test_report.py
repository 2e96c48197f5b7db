"""What comes of a bench: percentiles, verdicts, the table, the JSON, the exit code."""

from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from hub.bench.cases import CASES
from hub.bench.command import run, tell
from hub.bench.latency import Latency, latency, percentile
from hub.bench.ledgers import Ledger
from hub.bench.machine import Machine
from hub.bench.report import render, to_json
from hub.bench.scene import Figure, Measured, Result, Scene
from hub.bench.targets import TARGETS, target_of
from hub.errors import HubError

MACHINE = Machine(
    cpus=2,
    system="Linux",
    python="3.11.7",
    hub="0.1.0",
    sqlite="3.40",
    postgresql=None,
    valkey="9.1",
    load_average=(0.5, 0.25, 0.1),
    file_system="ext4",
    syncs_per_s=1000.0,
)
GOOD = Result("ingest", Ledger.SQLITE, (Figure("of the echo", 41.0, "%"),))
POOR = Result(
    "ingest", Ledger.POSTGRESQL, (Figure("p99", 31.25, "ms"), Figure("hub", 5432.1, "/s"))
)
WRONG = Result("light_load", Ledger.SQLITE, (Figure("p50", 1.0, "ms"),), ("3 were lost",))


@dataclass(frozen=True)
class Told:
    """A case that comes to what it is told."""

    faults: tuple[str, ...] = ()
    error: str | None = None
    name: str = "told"
    ledgers: tuple[Ledger, ...] = (Ledger.NONE,)

    def run(self, scene: Scene) -> Measured:
        if self.error is not None:
            raise HubError(self.error)
        return Measured((Figure("steps", 2.0, "/s"),), self.faults)


def test_a_percentile_is_the_nearest_rank() -> None:
    assert Latency(p50_ms=50, p95_ms=95, p99_ms=99, max_ms=100) == latency(range(100, 0, -1))
    assert Latency(7, 7, 7, 7) == latency([7])
    assert Latency(0, 0, 0, 0) == latency([])
    assert percentile([1, 2, 3, 4], 0.25) == 1


def test_each_figure_stands_beside_its_target_and_the_verdict() -> None:
    lines = [" ".join(line.split()) for line in render(MACHINE, [GOOD, POOR]).splitlines()]
    assert "sqlite ingest of the echo 41 % ≥ 35 % stands" in lines
    assert "postgresql ingest p99 31.2 ms ≤ 25 ms falls short" in lines
    assert "postgresql ingest hub 5,432 /s" in lines


def test_an_invalid_run_is_told_and_stands_for_nothing() -> None:
    text = render(MACHINE, [WRONG])
    assert "light_load on sqlite: 3 were lost" in text
    assert "stands" not in text
    assert not orjson.loads(to_json(MACHINE, [WRONG]))["valid"]


def test_the_json_has_the_machine_the_figures_and_their_targets() -> None:
    told = orjson.loads(to_json(MACHINE, [GOOD]))
    assert told["valid"]
    assert told["machine"]["file_system"] == "ext4"
    expected = {"name": "of the echo", "value": 41, "unit": "%", "target": {"at_least": 35}}
    assert [{**expected, "stands": True}] == told["results"][0]["figures"]


def test_a_target_may_differ_by_ledger() -> None:
    found = [target_of("ingest", "of the echo", each) for each in Ledger]
    assert [each and each.bound for each in found] == [None, 35, 40]


def test_every_target_belongs_to_a_case() -> None:
    assert {target.case for target in TARGETS} <= {case.name for case in CASES}


@pytest.mark.parametrize("case", [Told(faults=("two were lost",)), Told(error="it did not start")])
def test_the_command_fails_when_a_run_is_invalid(
    case: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell([case], [Ledger.SQLITE], 0.1, tmp_path / "figures.json") == 1
    assert (case.error or "two were lost") in capsys.readouterr().out
    assert not orjson.loads((tmp_path / "figures.json").read_bytes())["valid"]


def test_the_command_succeeds_when_all_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell([Told()], [Ledger.SQLITE], 0.1) == 0
    assert "none    told  steps" in capsys.readouterr().out


def test_a_misspelt_case_or_ledger_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ingets"], ["oracle"], 1) == 2
    assert "There is no ingets, oracle." in capsys.readouterr().err
