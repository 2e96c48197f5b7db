"""Soaking in its short form, and what it makes of what it sees."""

from dataclasses import replace
from pathlib import Path
from random import Random

import orjson
import pytest

from hub.bench import soak
from hub.bench.ledgers import Ledger
from hub.bench.soak import Sample, Wish, judged, told
from hub.bench.trends import Trend, trend_of

HOUR = Wish(Ledger.SQLITE, 3600, 10, 10, None, 20)
DISK = {"database": 0.0, "wal": 0.0, "aof": 0.0, "logs": 0.0}


def samples(
    hub_mb: float = 0.0,
    valkey_mb: float = 0.0,
    database_mb: float = 0.0,
    waiting: int = 0,
    noise: float = 2.0,
) -> list[Sample]:
    """An hour, with what is added in it; the warm-up takes 100 MB more."""
    chance = Random(1)  # noqa: S311 - scatter
    return [
        Sample(
            float(at),
            {
                "hub": 150 + min(at, 600) / 6 + hub_mb * at / 3600 + chance.gauss(0, noise),
                "valkey": 20 + valkey_mb * at / 3600,
            },
            {**DISK, "database": min(at, 600) / 2 + database_mb * at / 3600},
            2.0,
            5.0,
            waiting * at // 3600,
        )
        for at in range(10, 3601, 10)
    ]


def test_a_line_is_found_in_its_scatter() -> None:
    chance = Random(1)  # noqa: S311 - scatter
    points = [(float(x), 5 + x * 0.5 + chance.gauss(0, 1)) for x in range(200)]
    trend = trend_of(points)
    assert trend.per_hour == pytest.approx(1800, rel=0.05)
    assert trend.grown == pytest.approx(99.5, rel=0.05)
    assert trend.scatter == pytest.approx(1, rel=0.2)
    assert trend.span_s == 199


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (1.0, 9.0)]])
def test_of_too_little_nothing_is_said(points: list[tuple[float, float]]) -> None:
    assert trend_of(points) == Trend(0, 0, 0, 0)


def test_what_is_lost_in_scatter_or_is_small_is_flat() -> None:
    assert not Trend(100, 50, 1, 1800).is_flat(20, 8)
    assert Trend(19, 50, 1, 1800).is_flat(20, 8)
    assert Trend(100, 7, 1, 250).is_flat(20, 8)
    assert Trend(100, 50, 20, 1800).is_flat(20, 8)
    assert Trend(-100, -50, 1, 1800).is_flat(20, 8)


def test_the_hub_may_warm_up_and_valkey_may_fill_but_the_hub_may_not_grow() -> None:
    assert judged(HOUR, 500, samples(valkey_mb=200), ()).is_flat
    grown = judged(HOUR, 500, samples(hub_mb=40), ())
    assert (grown.grown, grown.is_flat) == (("hub",), False)
    assert "NOT FLAT" in told(grown)
    assert told(grown).endswith("\nnot flat")
    assert judged(HOUR, 500, samples(waiting=5000), ()).grown == ("waiting",)


def test_the_disk_may_fill_up_to_what_is_kept_and_not_further() -> None:
    assert judged(HOUR, 500, samples(database_mb=40), ()).is_flat
    grown = judged(HOUR, 500, samples(database_mb=300), ())
    assert grown.grown == ("database",)
    keeps_all = replace(HOUR, keep_s=86_400)
    assert judged(keeps_all, 500, samples(database_mb=300), ()).is_flat


def test_a_fault_is_told_and_is_not_flat() -> None:
    soaked = judged(HOUR, 500, samples(), ("3 of 5 were not answered",))
    assert not soaked.is_flat
    assert "INVALID: 3 of 5 were not answered" in told(soaked)
    assert judged(HOUR, 500, [], ()).faults == ("nothing was measured",)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("ledger", ["sqlite", "postgresql"])
def test_a_short_soak_sees_every_process_and_finds_nothing_wrong(
    ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "soak.json"
    wanted = ["--minutes", "0.17", "--every", "2", "--rate", "20", "--ledger", ledger]
    code = soak.main([*wanted, "--most-mb-per-hour", "1000000", "--json", str(figures)])
    said = capsys.readouterr().out
    assert code == 0, said
    assert said.endswith("flat\n")
    seen = orjson.loads(figures.read_bytes())
    programs = {"hub"} if ledger == "sqlite" else {"server", "worker", "postgresql"}
    for sample in seen["samples"]:
        assert set(sample["memory_mb"]) == {*programs, "valkey"}
        assert min(sample["memory_mb"].values()) > 1
        assert sample["disk_mb"]["database"] > 0
        assert sample["disk_mb"]["wal"] > 0
        assert 0 < sample["p50_ms"] <= sample["p99_ms"]
    assert len(seen["samples"]) >= 2


def test_half_of_the_capacity_is_found_where_no_rate_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--minutes", "0.03", "--every", "1", "--calibrate", "0.3"]
    assert soak.main([*wanted, "--most-mb-per-hour", "1000000"]) == 0
    rate = int(capsys.readouterr().out.split()[0])
    assert rate > 1
