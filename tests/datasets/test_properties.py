"""However the bytes come in pieces and wherever a reading is broken off: the same chunks."""

import csv
import io
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.opening import reader_for
from hub.datasets.reading import Format, Reading
from hub.model.json import dumps
from tests.datasets import driving
from tests.datasets.driving import Told, interrupted, pieces

CUTS = st.lists(st.integers(0, 1 << 20), max_size=12)
SIZES = st.integers(1, 7)
STOPS = st.integers(0, 6)
SNIPPETS = st.sampled_from(
    ["a", "é", "𝄞", ",", ";", '"', '""', "\n", "\r", "\r\n", "\x0b", "\u2028", " ", "x,y\n", '"z"']
)
CSV = st.lists(SNIPPETS, max_size=60).map("".join)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])
CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
    | st.sampled_from(['}, {"', "]", "[", '\\"', "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", '}"', ""]), VALUES, max_size=4)
SPACES = st.sampled_from(["", " ", "\n", "\r\n\t"])
TIGHT = Bounds(row_bytes=24, columns=6, chunk_bytes=40)


def check_the_same(
    form: Format, data: bytes, size: int, cuts: list[int], stop: int, bounds: Bounds, **how: Any
) -> Told:
    """Undisturbed, in pieces and interrupted, a reading comes to the same."""
    reading = Reading(**how)
    whole = Told(reader_for(form, reading, bounds), iter([data]), size)
    cut = Told(reader_for(form, reading, bounds), pieces(data, cuts), size)
    assert (cut.chunks, cut.end) == (whole.chunks, whole.end)
    chunks, end = interrupted(form, data, size, cuts, stop, bounds, reading)
    assert (chunks, end) == (whole.chunks, whole.end)
    return whole


def check_rows(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Whether rows have what the objects had."""
    assert len(found) == len(wanted)
    for row, each in zip(found, wanted, strict=True):
        assert {name: row[name] for name in each} == each


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "replace")


@given(CSV, ENCODINGS, SIZES, CUTS, STOPS, st.sampled_from([BOUNDS, TIGHT]), st.booleans())
def test_csv_is_the_same_however_it_comes(
    text: str, encoding: str, size: int, cuts: list[int], stop: int, bounds: Bounds, fails: bool
) -> None:
    how = "fail" if fails else "skip"
    check_the_same("csv", encoded(text, encoding), size, cuts, stop, bounds, on_bad_row=how)


@given(st.binary(max_size=80), SIZES, CUTS, STOPS, st.sampled_from(["csv", "jsonl", "json"]))
def test_noise_is_the_same_however_it_comes(
    data: bytes, size: int, cuts: list[int], stop: int, form: Format
) -> None:
    check_the_same(form, data, size, cuts, stop, BOUNDS)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    SIZES,
    CUTS,
    STOPS,
)
def test_what_csv_writes_is_read(
    cells: list[list[str]], delimiter: str, ending: str, size: int, cuts: list[int], stop: int
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["x", "y", "z"], *cells])
    data = file.getvalue().encode()
    if b"\0" in data[: 16 << 10]:
        return  # that is refused
    told = check_the_same("csv", data, size, cuts, stop, BOUNDS, delimiter=delimiter)
    assert [list(row) for chunk in told.chunks for row in chunk.values] == cells
    assert [len(chunk.values) for chunk in told.chunks[:-1]] == [size] * (len(told.chunks) - 1)


@given(st.lists(OBJECTS | VALUES, max_size=12), SIZES, CUTS, STOPS, st.booleans(), st.data())
def test_json_lines_are_the_same_however_they_come(
    values: list[Any], size: int, cuts: list[int], stop: int, tight: bool, data: st.DataObject
) -> None:
    ends = data.draw(st.lists(st.sampled_from(["\n", "\r\n", "\n\n", "x\n"]), min_size=12))
    text = b"".join(dumps(each) + end.encode() for each, end in zip(values, ends, strict=False))
    told = check_the_same("jsonl", text, size, cuts, stop, TIGHT if tight else BOUNDS)
    if not tight and "x\n" not in ends[: len(values)]:
        check_rows(driving.rows(told), [each for each in values if isinstance(each, dict)])


@given(
    st.lists(OBJECTS | VALUES, max_size=10),
    st.sampled_from([None, "data", "a.b"]),
    SPACES,
    SIZES,
    CUTS,
    STOPS,
    st.sampled_from(["", "", "", "]", ",", "x", " ", "\0"]),
    st.integers(0, 400),
)
def test_a_json_array_is_the_same_however_it_comes(
    values: list[Any],
    path: str | None,
    space: str,
    size: int,
    cuts: list[int],
    stop: int,
    tail: str,
    lost: int,
) -> None:
    body = f"{space},{space}".join(dumps(each).decode() for each in values)
    text = f"{space}[{space}{body}{space}]"
    for name in reversed(path.split(".") if path else []):
        text = f'{space}{{"q":{{"{name}": "]"}}, "{name}"{space}:{text},"z":[{{}}]{space}}}'
    data = (text + tail).encode()
    if lost < len(data) // 2:
        data = data[:-lost] if lost else data
    told = check_the_same("json", data, size, cuts, stop, BOUNDS, path=path)
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        assert told.error is not None
        return
    objects = [each for each in values if isinstance(each, dict)]
    check_rows(driving.rows(told), objects)
    assert told.reader.problems.count == len(values) - len(objects)
