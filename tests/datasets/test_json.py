"""JSON lines and JSON arrays as they are found: what is read, and what is refused."""

from typing import Any

import pytest

from hub.datasets.bounds import Bounds
from hub.datasets.opening import reader_for
from hub.datasets.reading import Format
from tests.datasets.driving import Told, read, rows

DEEP = "[" * 250 + "]" * 250
LINES: dict[str, tuple[bytes, list[dict[str, Any]], list[int]]] = {
    "plain": (b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}], []),
    "no line break at the end": (b'{"a":1}\n{"a":2}', [{"a": 1}, {"a": 2}], []),
    "CRLF, spaces and empty lines": (b' {"a":1} \r\n\r\n\n{"a":2}\r\n', [{"a": 1}, {"a": 2}], []),
    "a mark of UTF-8": (b'\xef\xbb\xbf{"a":1}\n', [{"a": 1}], []),
    "nothing": (b"", [], []),
    "other columns": (
        b'{"a":1}\n{"b":2,"a":3}\n{}\n',
        [{"a": 1, "b": None}, {"a": 3, "b": 2}, {"a": None, "b": None}],
        [],
    ),
    "a large integer": (
        b'{"a":123456789012345678901234567890}',
        [{"a": 123456789012345678901234567890}],
        [],
    ),
    "a broken line": (b'{"a":1}\n{"a":\n{"a":3}\n', [{"a": 1}, {"a": 3}], [2]),
    "other values": (b'{"a":1}\n7\n[1]\n"x"\nnull\n{"a":3}\n', [{"a": 1}, {"a": 3}], [2, 3, 4, 5]),
    "only bad lines": (b"x\ny\nz", [], [1, 2, 3]),
    "bad bytes": (b'{"a":"\xff"}\n{"a":3}\n', [{"a": 3}], [1]),
    "NaN": (b'{"a":NaN}\n{"a":3}\n', [{"a": 3}], [1]),
    "deep nesting": (f'{{"a":{DEEP}}}\n{{"a":3}}'.encode(), [{"a": 3}], [1]),
    "half a surrogate": (b'{"a":"\\ud800"}\n{"a":3}\n', [{"a": 3}], [1]),
}


@pytest.mark.parametrize("name", LINES)
def test_json_lines_as_they_are_found_are_read(name: str) -> None:
    data, wanted, bad = LINES[name]
    told = read("jsonl", data)
    assert rows(told) == wanted
    assert [each.line for each in told.reader.problems.first] == bad
    assert told.reader.problems.count == len(bad)


@pytest.mark.parametrize("name", [name for name in LINES if LINES[name][2]])
def test_a_bad_line_ends_the_reading_where_it_should(name: str) -> None:
    data, _, (line, *_) = LINES[name]
    told = read("jsonl", data, on_bad_row="fail")
    assert told.error is not None
    assert (told.error.code, told.error.details) == ("dataset_row_broken", {"line": line})
    assert told.error.message.startswith(f"Line {line}: ")


ARRAYS: dict[str, tuple[bytes, str | None, list[dict[str, Any]]]] = {
    "plain": (b'[{"a":1},{"a":2}]', None, [{"a": 1}, {"a": 2}]),
    "spaced": (b' [\n {"a":1} ,\n {"a":2}\n ]\n', None, [{"a": 1}, {"a": 2}]),
    "empty": (b" [ ] ", None, []),
    "a mark of UTF-8": (b'\xef\xbb\xbf[{"a":1}]', None, [{"a": 1}]),
    "brackets in texts": (b'[{"a":"}]\\"{"},{"a":"},{"}]', None, [{"a": '}]"{'}, {"a": "},{"}]),
    "nested": (b'[{"a":[{}]},{"a":{"b":[]}}]', None, [{"a": [{}]}, {"a": {"b": []}}]),
    "other values": (b'[1,"x",[],{"a":1},null]', None, [{"a": 1}]),
    "at a path": (b'{"n":[{}],"data":[{"a":1}],"next":null}', "data", [{"a": 1}]),
    "at a long path": (b'{"x":{"data":1},"d":{"e":7,"f":[{"a":1}]}}', "d.f", [{"a": 1}]),
    "a large integer": (b'[{"a":18446744073709551616}]', None, [{"a": 18446744073709551616}]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_json_arrays_as_they_are_found_are_read(name: str) -> None:
    data, path, wanted = ARRAYS[name]
    assert rows(read("json", data, path=path)) == wanted


BROKEN: dict[str, tuple[Format, bytes, str | None, str, dict[str, Any], str]] = {
    "nothing": ("json", b"", None, "dataset_empty", {}, "is empty"),
    "a page": ("json", b"<html><p>Log in", None, "dataset_is_page", {}, "needs a login"),
    "a page as lines": ("jsonl", b"<html>\n<p>", None, "dataset_is_page", {}, "needs a login"),
    "UTF-16": (
        "jsonl",
        '\ufeff{"a":1}'.encode("utf-16-le"),
        None,
        "dataset_encoding",
        {"offset": 0},
        "JSON is written in UTF-8",
    ),
    "it breaks late": (
        "json",
        b'[{"a":1},{"a":2},{"a":]]',
        None,
        "dataset_json_broken",
        {"offset": 17},
        "breaks at byte 17",
    ),
    "it is cut off": (
        "json",
        b'[{"a":1},{"a":2},{"a"',
        None,
        "dataset_json_broken",
        {"offset": 21},
        "ends within its array",
    ),
    "a comma too many": (
        "json",
        b'[{"a":1},]',
        None,
        "dataset_json_broken",
        {"offset": 9},
        "an element should begin here",
    ),
    "a comma too few": (
        "json",
        b'[{"a":1} {"a":2}]',
        None,
        "dataset_json_broken",
        {"offset": 9},
        "a comma or ] should follow",
    ),
    "rubbish behind it": (
        "json",
        b'[{"a":1}] x',
        None,
        "dataset_json_broken",
        {"offset": 10},
        "nothing may follow the array",
    ),
    "rubbish behind an array at a path": (
        "json",
        b'{"data":[{"a":1}]}}',
        "data",
        "dataset_json_broken",
        {"offset": 17},
        "around the array",
    ),
    "an object": (
        "json",
        b'{"data":[]}',
        None,
        "dataset_path_unknown",
        {},
        "Set path to where the array stands",
    ),
    "no such path": ("json", b'{"a":1}', "data", "dataset_path_unknown", {}, "no 'data'"),
    "an object at the path": ("json", b'{"a":{}}', "a", "dataset_path_unknown", {}, "at 'a' is an"),
    "deep nesting": (
        "json",
        f'[{{"a":1}},{{"a":{DEEP}}}]'.encode(),
        None,
        "dataset_json_broken",
        {"offset": 9},
        "nested deeper than 200 levels",
    ),
    "deep nesting without an end": (
        "json",
        b"[" * 1000,
        None,
        "dataset_json_broken",
        {"offset": 1},
        "nested deeper than 200 levels",
    ),
    "a long element": (
        "json",
        b'[{"a":1},{"a":"' + b"x" * 40,
        None,
        "dataset_row_too_long",
        {"offset": 9},
        "longer than 40 bytes",
    ),
    "a long line": (
        "jsonl",
        b'{"a":1}\n{"a":"' + b"x" * 40,
        None,
        "dataset_row_too_long",
        {"line": 2},
        "Line 2 is longer than 40 bytes",
    ),
    "too many columns": (
        "jsonl",
        b'{"a":1,"b":2}\n{"c":1,"d":2}\n{"e":1}\n',
        None,
        "dataset_too_many_columns",
        {"columns": 5},
        "has 5 columns; at most 4",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_refused_with_its_place(name: str) -> None:
    form, data, path, code, details, words = BROKEN[name]
    row_bytes = 600 if name == "deep nesting" else 40
    told = read(form, data, 1, bounds=Bounds(row_bytes=row_bytes, columns=4), path=path)
    assert told.error is not None
    assert told.error.code == code
    assert told.error.details == details
    assert words in told.error.message


def test_elements_before_the_fault_are_given() -> None:
    told = read("json", b'[{"a":1},{"a":2},{"a":]]', 1)
    assert [chunk.values for chunk in told.chunks] == [[(1,)], [(2,)]]


def test_a_later_chunk_may_have_more_columns() -> None:
    told = read("jsonl", b'{"a":1}\n{"b":2}\n', 1)
    assert [(chunk.columns, chunk.values) for chunk in told.chunks] == [
        (("a",), [(1,)]),
        (("a", "b"), [(None, 2)]),
    ]


def test_bad_lines_without_end_are_counted_in_little_room() -> None:
    reader = reader_for("jsonl")
    told = Told(reader, iter([b"x\n" * 10_000] * 10), 5)
    assert told.chunks == []
    assert reader.problems.count == 100_000


def test_an_element_in_many_pieces_costs_no_square_of_time() -> None:
    reader = reader_for("json", bounds=Bounds(row_bytes=4 << 20))
    told = Told(reader, iter([b'[{"a":[', *[b'{"b":"]"},' * 500] * 1000]), 10)
    assert told.error is not None
    assert told.error.code == "dataset_row_too_long"
