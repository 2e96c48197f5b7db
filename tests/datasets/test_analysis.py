"""What an analysis knows depends on the rows alone, and stays in bounds."""

import json
import math
import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import hub.datasets.analysis as module
from hub.datasets.analysis import Analysis
from hub.datasets.chunk import Chunk
from hub.datasets.column import Column
from hub.errors import InvalidError
from tests.datasets.tables import Row, analysed, cut, field_on

ROOT = Path(__file__).parents[2]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking tables takes minutes."""
DAY = "2024-03-%02d"
TEXTS = st.one_of(
    st.integers(-50, 50).map(str),
    st.floats(allow_nan=False).map(str),
    st.decimals(-100, 100, places=2).map(str),
    st.sampled_from(
        ["", " 7", "7 ", "007", "1_0", "1e5", "nan", "inf", "-0.5", "0", "+3", "true", "No", "n/a"]
    ),
    st.sampled_from(["2024-01-05", "2024-01-05T10:00:00Z", "2024-01-05 10:00+02:00", "2024-02-30"]),
    st.integers(1, 28).map(lambda day: DAY % day),
    st.text(max_size=5),
    st.integers(0, 9).map(lambda n: f"{n}" * 120),
    st.integers(0, 9).map(lambda n: "x" * 100 + str(n)),
)
CELLS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 5),
    st.floats(),
    st.sampled_from([0, 0.0, 1, 1.0, 10**40, 1e40, 10**400, -(2**63), 2.5]),
    st.lists(st.integers(0, 2), max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2),
)
KINDS = (
    st.integers(-500, 500).map(str),
    st.decimals(-100, 100, places=2).map(str),
    st.integers(0, 400).map(lambda n: f"2024-01-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00+01:00"),
    st.text(max_size=4),
    TEXTS,
    CELLS,
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows of three columns; most columns are mostly of one kind."""
    columns = [draw(st.sampled_from(KINDS)) for _ in range(3)]
    cells = [st.one_of(*[column] * 9, CELLS) for column in columns]
    return draw(st.lists(st.tuples(*cells), max_size=120))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An analysis that keeps few values and few rows, so that it estimates early."""
    monkeypatch.setattr(module, "VALUES_KEPT", 20)
    monkeypatch.setattr(module, "ROWS_KEPT", 30)
    monkeypatch.setattr(module, "_FEW_ROWS", 10)


def told(analysis: Analysis) -> str:
    return json.dumps(analysis.report())


@pytest.mark.usefixtures("narrow")
@settings(deadline=None, max_examples=100, phases=PHASES)
@given(tables(), st.lists(st.integers(0, 40), max_size=8), st.sets(st.integers(0, 8)))
def test_any_chunks_and_any_restarts_give_the_same_report(
    rows: list[Row], sizes: list[int], saved: set[int]
) -> None:
    columns = ("a", "b", "c")
    whole = analysed(cut(columns, rows, ()))
    pieces = analysed(cut(columns, rows, sizes), saved)
    assert told(pieces) == told(whole)
    single = analysed(cut(columns, rows, [1] * len(rows)))
    assert told(single) == told(whole)


@settings(deadline=None, max_examples=40, phases=PHASES)
@given(tables(), st.lists(st.integers(0, 40), max_size=8), st.sets(st.integers(0, 8)))
def test_so_do_they_where_everything_is_kept(
    rows: list[Row], sizes: list[int], saved: set[int]
) -> None:
    columns = ("a", "b", "c")
    pieces = analysed(cut(columns, rows, sizes), saved)
    assert told(pieces) == told(analysed(cut(columns, rows, ())))


def test_columns_that_come_later_are_missing_before() -> None:
    first = Chunk(0, 0, ("a",), [(1,), (2,)])
    second = Chunk(1, 2, ("b", "a"), [("x", 3)])
    at_once = Chunk(0, 0, ("a", "b"), [(1, None), (2, None), (3, "x")])
    assert told(analysed([first, second], {0})) == told(analysed([at_once]))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="name each column once"):
        Analysis().add(Chunk(0, 0, ("a", "a"), [(1, 2)]))


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidError, match="start it anew"):
        Analysis.from_state(b"analysis 0\n")


@pytest.mark.parametrize("seed", ["0", "1"])
def test_hash_randomization_changes_nothing(seed: str) -> None:
    script = (
        "import json\n"
        "from tests.datasets.test_analysis import large\n"
        "print(json.dumps(large().report()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == json.dumps(large().report())


def large(rows: int = 30_000) -> Analysis:
    """An analysis of more rows than are kept."""
    values: list[Row] = [
        (at, f"user{at}@example.com", f"{at % 12_345 / 100}", f"v{at % 7}") for at in range(rows)
    ]
    return analysed(cut(("id", "email", "amount", "kind"), values, [1000] * (rows // 1000)))


@pytest.mark.parametrize(
    "name",
    ["{}", "user{}@example.com", "{}.50", "{:08x}", "A-{}-2024", "2024-01-01T00:00:00.{:06}"],
)
@pytest.mark.parametrize("step", [1, 100, 4096])
def test_different_values_are_estimated_within_four_usual_errors(name: str, step: int) -> None:
    column = Column()
    for start in range(0, 60_000, 1000):
        column.add([name.format(at * step) for at in range(start, start + 1000)] * 2)
        column.keep(2000)
    usual = 1 / math.sqrt(len(column.ids))
    assert column.level > 0
    assert (len(column.ids) << column.level) / 60_000 == pytest.approx(1, abs=4 * usual)


def test_numbers_and_texts_of_numbers_are_summed_exactly() -> None:
    draw = random.Random(5)  # noqa: S311 - the same data each time
    values = [draw.gauss(1e9, 1) for _ in range(25_000)] + [1e300, -1e300, 1e-300]
    field = field_on(map(repr, values))
    assert field["distinct"]["exact"] is False
    assert field["numbers"]["sum"] == math.fsum(values)


def test_the_deviation_of_numbers_far_from_zero_is_stable() -> None:
    draw = random.Random(5)  # noqa: S311 - the same data each time
    values = [draw.gauss(1e9, 0.01) for _ in range(25_000)]
    assert field_on(values)["numbers"]["deviation"] == pytest.approx(
        statistics.stdev(values), rel=1e-6
    )
    integers = [10**15 + at for at in range(25_000)]
    assert field_on(integers)["numbers"]["deviation"] == pytest.approx(
        statistics.stdev(range(25_000)), rel=1e-12
    )


def test_a_wide_data_set_stays_in_bounds() -> None:
    names = tuple(f"c{at}" for at in range(5000))
    draw = random.Random(3)  # noqa: S311 - the same data each time
    analysis = Analysis()
    for n in range(4):
        rows = [tuple(draw.randbytes(4).hex() for _ in names) for _ in range(50)]
        analysis.add(Chunk(n, n * 50, names, rows))
    assert sum(len(each.counts) + len(each.ids) for each in analysis.columns.values()) <= 200_000
    assert len(analysis.sample.rows) * len(names) <= 500_000
    assert analysis.report()["columns"] == 5000


def test_long_values_stay_in_bounds() -> None:
    analysis = Analysis()
    for n in range(6):
        rows: list[Row] = [(f"{n}{at}" + "ä" * 200_000, [at] * 100_000) for at in range(2)]
        analysis.add(Chunk(n, n * 2, ("text", "list"), rows))
    assert len(analysis.state()) < 4000
    text, items = analysis.report()["fields"]
    assert text["lengths"]["max"] == 200_002
    assert text["key"] == "yes"
    assert items["lengths"]["min"] == 100_000
    assert items["distinct"]["count"] == 2
