"""What a report says of columns."""

import json
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.json import Json, dumps
from tests.datasets.tables import analysed, cut, field_on, report_on


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", " 3"], "integer"),
        (["1", "2.5", "3e2"], "number"),
        ([1, 2.0, None], "integer"),
        ([1, 2.5], "number"),
        (["true", "No"], "boolean"),
        ([True, False], "boolean"),
        (["2024-01-31", "2024-02-29"], "date"),
        (["2024-01-31", "2024-02-29T10:00:00Z"], "datetime"),
        (["2024-02-30", "2023-02-29"], "text"),
        (["a@example.com", "b@example.org"], "email"),
        (["https://example.com/a", "http://b.example"], "url"),
        (["007", "0815"], "text"),
        (["1,000", "1_000"], "text"),
        (["ada", "bob"], "text"),
        ([[1], []], "list"),
        ([{"a": 1}], "object"),
        (["a", "b", "1", "2"], "mixed"),
        ([1, [1]], "mixed"),
        (["", None], "empty"),
        ([], "empty"),
    ],
)
def test_the_type_of_a_column(values: list[Json], kind: str) -> None:
    assert field_on(values)["type"] == kind


def test_a_few_odd_values_are_named() -> None:
    report = report_on(["amount"], [(str(n),) for n in range(97)] + [("n/a",), ("x",), ("x",)])
    field = report["fields"][0]
    assert field["type"] == "integer"
    assert field["odd"] == {"count": 3, "first": [["n/a", 1], ["x", 2]]}
    messages = [each["message"] for each in report["warnings"]]
    assert "Column 'amount' has 3 values that are no plain numbers: 'n/a', 'x'." in messages
    assert "Column 'amount' has 1 value that probably stands for none: 'n/a'." in messages


def test_they_are_named_as_well_among_more_values_than_are_kept() -> None:
    values = [str(n) for n in range(30_000)]
    values[7], values[20_000], values[29_999] = "x", "y", "y"
    field = field_on(values)
    assert field["odd"] == {"count": 3, "first": [["x", 1], ["y", 2]]}
    assert field["numbers"]["count"] == 29_997


def test_the_message_for_three_odd_values() -> None:
    rows = [(str(n / 4),) for n in range(100)] + [("a",), ("b",), ("c",)]
    [warning] = report_on(["amount"], rows)["warnings"]
    assert warning["code"] == "odd"
    assert warning["message"] == (
        "Column 'amount' has 3 values that are no plain numbers: 'a', 'b', 'c'."
    )


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9), min_size=2, max_size=60))
def test_numbers_are_as_the_standard_library_reckons_them(values: list[float]) -> None:
    told = field_on(values)["numbers"]
    assert told["sum"] == pytest.approx(math.fsum(values), abs=1e-6)
    assert told["mean"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert told["deviation"] == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
    assert (told["min"], told["max"]) == (min(values), max(values))
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    for percent, place in (("5", 0), ("25", 4), ("50", 9), ("75", 14), ("95", 18)):
        assert told["quantiles"][percent] == pytest.approx(cuts[place], rel=1e-9, abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_every_number_is_in_a_bin_of_the_histogram(values: list[float]) -> None:
    bins = field_on(values)["numbers"]["histogram"]
    if not bins:
        assert math.isinf(max(values) - min(values))
        return
    assert sum(count for _, _, count in bins) == len(values)
    assert len(bins) <= 22
    assert bins[0][0] <= min(values)


def test_the_edges_of_bins_are_round() -> None:
    bins = field_on([n / 7 for n in range(100)])["numbers"]["histogram"]
    assert [low for low, _, _ in bins[:4]] == [0, 1, 2, 3]


def test_quantiles_of_many_values_are_near_and_say_how_near() -> None:
    told = field_on([str(n) for n in range(50_000)])["numbers"]
    assert told["exact"] is False
    assert told["rank_error"] < 0.0072
    for percent, value in told["quantiles"].items():
        assert value / 50_000 == pytest.approx(int(percent) / 100, abs=4 * told["rank_error"])
    assert (told["min"], told["max"], told["sum"]) == (0, 49_999, 1_249_975_000)


def test_frequent_values_among_many_are_near() -> None:
    values = [("often" if n % 10 < 3 else f"v{n}") for n in range(50_000)]
    top = field_on(values)["top"]
    assert top["values"][0]["value"] == "often"
    assert top["values"][0]["count"] == pytest.approx(15_000, abs=4 * top["error"])
    assert top["error"] < 400


def test_missing_values_are_counted_by_how_they_are_missing() -> None:
    field = field_on(["", None, "a", float("nan")])
    assert (field["present"], field["nulls"], field["empties"]) == (1, 2, 1)


def test_true_is_not_one() -> None:
    field = field_on([True, 1, 1.0, 1])
    assert field["distinct"]["count"] == 2
    assert field["top"]["values"] == [{"value": "1", "count": 3}, {"value": "true", "count": 1}]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["a", "b"], "yes"),
        (["a", "a"], "no"),
        (["a", ""], "no"),
        ([str(n) for n in range(12_000)], "probably"),
        ([str(n % 11_000) for n in range(22_000)], "no"),
    ],
)
def test_whether_a_column_could_be_a_key(values: list[str], key: str) -> None:
    assert field_on(values)["key"] == key


def test_dates_know_their_first_and_last_instant_across_offsets() -> None:
    values = ["2024-05-01T00:30:00+02:00", "2024-05-01T00:00:00Z", "2024-04-30T23:00:00Z"]
    dates = field_on(values)["dates"]
    assert (dates["first"], dates["last"]) == (values[0], values[1])
    assert dates["histogram"] == {
        "per": "day",
        "bins": [["2024-04-30", 2], ["2024-05-01", 1]],
    }


@pytest.mark.parametrize(
    ("values", "per", "bars"),
    [
        (["2024-01-01", "2024-03-01"], "day", 61),
        (["2024-01-01", "2025-03-01"], "month", 15),
        (["1990-01-01", "2025-03-01"], "year", 36),
        (["0001-01-01", "9999-12-31"], "1000 years", 10),
    ],
)
def test_dates_are_counted_in_few_enough_bars(values: list[str], per: str, bars: int) -> None:
    histogram = field_on(values)["dates"]["histogram"]
    assert (histogram["per"], len(histogram["bins"])) == (per, bars)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (["a ", "b"], "padded"),
        (["a", "a"], "constant"),
        (["", "", "a"], "sparse"),
        ([""], "empty"),
        (["a", "1"], "mixed"),
        ([str(n) for n in range(200)] + ["7"], "repeats"),
        (["N/A", "b"], "placeholder"),
    ],
)
def test_what_a_person_is_warned_of(values: list[str], code: str) -> None:
    warnings = report_on(["a"], [(value,) for value in values])["warnings"]
    assert code in [each["code"] for each in warnings]


def test_a_clean_column_has_no_warnings() -> None:
    assert report_on(["a"], [("x",), ("y",)])["warnings"] == []


def test_of_very_many_columns_the_first_are_told_in_full() -> None:
    names = [f"c{at}" for at in range(600)]
    fields = report_on(names, [tuple(range(600))])["fields"]
    assert "numbers" in fields[499]
    assert "numbers" not in fields[500]
    assert fields[500]["distinct"] == {"count": 1, "exact": True}


def test_problems_are_passed_on() -> None:
    problems = {"count": 1, "first": [{"line": 3, "message": "No."}]}
    assert analysed(cut(["a"], [], ())).report(problems)["problems"] == problems


def test_no_rows_make_a_report_too() -> None:
    report = report_on(["a", "b"], [])
    assert (report["rows"], report["columns"]) == (0, 2)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(), max_size=120) | st.integers() | st.floats()))
def test_a_report_is_json_whatever_the_values(values: list[Json]) -> None:
    report = analysed(cut(["\ud800"], [(value,) for value in values], ())).report()
    assert json.loads(dumps(report))["columns"] == 1
