"""CSV as it is found: what is read, and what is refused with which words."""

from typing import Any

import pytest

from hub.datasets.bounds import Bounds
from hub.datasets.csv_reader import CsvReader
from hub.datasets.opening import reader_for
from hub.datasets.problems import KEPT
from hub.datasets.reading import Reading
from tests.datasets.driving import Told, read, rows

GOOD: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    "plain": (b"a,b\n1,2\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "no line break at the end": (b"a,b\n1,2", [{"a": "1", "b": "2"}]),
    "CRLF": (b"a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
    "CR": (b"a,b\r1,2\r3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "empty lines": (b"\n\na,b\n\n1,2\n\n\n", [{"a": "1", "b": "2"}]),
    "an empty field": (b"a,b\n,\n", [{"a": "", "b": ""}]),
    "semicolons": (b"a;b\n1,5;2\n", [{"a": "1,5", "b": "2"}]),
    "tabs": (b"a\tb\n1\t2\n", [{"a": "1", "b": "2"}]),
    "bars": (b"a|b\n1|2\n", [{"a": "1", "b": "2"}]),
    "one column": (b"name\nAda\nGrace\n", [{"name": "Ada"}, {"name": "Grace"}]),
    "one column with a text of commas": (
        b"name;note\nAda;a, b, c\nGrace;d\n",
        [{"name": "Ada", "note": "a, b, c"}, {"name": "Grace", "note": "d"}],
    ),
    "a quoted line break": (
        b'a,b\n"x\ny",2\n"p\r\nq",3\n',
        [{"a": "x\ny", "b": "2"}, {"a": "p\r\nq", "b": "3"}],
    ),
    "doubled quotes": (b'a,b\n"say ""hi""",2\n', [{"a": 'say "hi"', "b": "2"}]),
    "a quote within a field": (b'a,b\n5" pipe,2\n', [{"a": '5" pipe', "b": "2"}]),
    "a mark of UTF-8": (b"\xef\xbb\xbfa,b\n\xc3\xa9,2\n", [{"a": "é", "b": "2"}]),
    "UTF-16 LE": ("\ufeffa,b\né,𝄞\n".encode("utf-16-le"), [{"a": "é", "b": "𝄞"}]),
    "UTF-16 BE": ("\ufeffa,b\né,𝄞\n".encode("utf-16-be"), [{"a": "é", "b": "𝄞"}]),
    "Windows-1252": (b"a,b\n\xe9,\x80\n", [{"a": "é", "b": "€"}]),
    "other line breaks of Unicode": (
        "a,b\nx\u2028y,z\x0bw\n".encode(),
        [{"a": "x\u2028y", "b": "z\x0bw"}],
    ),
    "a short row": (b"a,b,c\n1\n", [{"a": "1", "b": None, "c": None}]),
    "names twice and empty": (
        b"a,a,,a_2, a \n1,2,3,4,5\n",
        [{"a": "1", "a_3": "2", "column_3": "3", "a_2": "4", "a_4": "5"}],
    ),
    "only a header": (b"a,b\n", []),
    "only a header without a line break": (b"a,b", []),
    "a zero byte far behind": (
        b"a,b\n" + b"1,2\n" * 5000 + b"\0,2\n",
        [{"a": "1", "b": "2"}] * 5000 + [{"a": "\0", "b": "2"}],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_csv_as_it_is_found_is_read(name: str) -> None:
    data, wanted = GOOD[name]
    assert rows(read("csv", data)) == wanted


TIGHT = Bounds(row_bytes=30, columns=4)
BAD: dict[str, tuple[bytes, str, dict[str, Any], str]] = {
    "nothing": (b"", "dataset_empty", {}, "first line should name the columns"),
    "only empty lines": (b"\n\n", "dataset_empty", {}, "first line should name the columns"),
    "a page": (b"\n <!DOCTYPE HTML>\n<p>Log in", "dataset_is_page", {}, "needs a login"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "dataset_is_binary", {}, "zero byte"),
    "an open quote": (
        b'a,b\n1,2\n"x\ny","never\nends\n',
        "dataset_quote_open",
        {"line": 4},
        "opens in line 4 never closes",
    ),
    "an open quote at the very end": (
        b'a,b\n1,"',
        "dataset_quote_open",
        {"line": 2},
        "opens in line 2 never closes",
    ),
    "an open quote in a long row": (
        b'a,b\n1,2\n"x\n' + b"1,2\n" * 20,
        "dataset_row_too_long",
        {"line": 3, "offset": 8},
        "longer than 30 bytes. A quote that opens in line 3 may never close.",
    ),
    "a long line": (
        b"a,b\n1,2\n" + b"x" * 31,
        "dataset_row_too_long",
        {"line": 3, "offset": 8},
        "The row at line 3 is longer than 30 bytes.",
    ),
    "a long line that ends": (
        b"a,b\n1,2\n" + b"x" * 31 + b"\n1,2\n",
        "dataset_row_too_long",
        {"line": 3, "offset": 8},
        "The row at line 3 is longer than 30 bytes.",
    ),
    "too many columns": (
        b"a,b,c,d,e\n",
        "dataset_too_many_columns",
        {"columns": 5},
        "has 5 columns; at most 4",
    ),
    "UTF-8 that is none later": (
        b"a,b\n\xc3\xa9,2\n3,\xe9\n",
        "dataset_encoding",
        {"offset": 11, "encoding": "utf-8"},
        "Byte 11 (0xe9) is not utf-8. Set encoding",
    ),
    "neither UTF-8 nor Windows-1252": (
        b"a,b\n\x81,2\n",
        "dataset_encoding",
        {"offset": 4, "encoding": "windows-1252"},
        "Byte 4 (0x81)",
    ),
    "half a character of UTF-16": (
        b"\xff\xfea\0,\0b\0\n\0x",
        "dataset_encoding",
        {"offset": 10, "encoding": "utf-16-le"},
        "Byte 10",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_with_its_place(name: str) -> None:
    data, code, details, words = BAD[name]
    told = read("csv", data, 1, bounds=TIGHT)
    assert told.error is not None
    assert told.error.code == code
    assert told.error.details == details
    assert words in told.error.message


def test_rows_before_the_fault_are_given() -> None:
    told = read("csv", b'a,b\n1,2\n3,4\n"x\n', 1)
    assert [chunk.values for chunk in told.chunks] == [[("1", "2")], [("3", "4")]]
    assert told.error is not None


def test_a_chunk_knows_its_place() -> None:
    told = read("csv", b"a,b\n" + b"1,2\n" * 7, 3)
    assert [(c.n, c.first_row, len(c.values)) for c in told.chunks] == [
        (0, 0, 3),
        (1, 3, 3),
        (2, 6, 1),
    ]
    assert {c.columns for c in told.chunks} == {("a", "b")}


def test_surplus_fields_are_cut_and_told_by_line() -> None:
    told = read("csv", b'a,b\n1,2\n"x\ny",2,3\n1,2\n4,5,6,7\n')
    assert [tuple(row.values()) for row in rows(told)][1] == ("x\ny", "2")
    assert told.reader.problems.as_json() == {
        "count": 2,
        "first": [
            {"line": 3, "message": "It has 3 fields for 2 columns."},
            {"line": 6, "message": "It has 4 fields for 2 columns."},
        ],
    }


def test_surplus_fields_end_the_reading_where_bad_rows_do() -> None:
    told = read("csv", b"a,b\n1,2\n1,2,3\n", on_bad_row="fail")
    assert told.error is not None
    assert (told.error.code, told.error.details) == ("dataset_row_broken", {"line": 3})


def test_all_problems_are_counted_and_the_first_are_kept() -> None:
    told = read("csv", b"a\n" + b"1,2\n" * 500, 7)
    assert told.reader.problems.count == 500
    assert [each.line for each in told.reader.problems.first] == list(range(2, KEPT + 2))


def test_columns_can_be_given_where_there_is_no_header() -> None:
    assert rows(read("csv", b"1,2\n3\n", columns=("x", "y"))) == [
        {"x": "1", "y": "2"},
        {"x": "3", "y": None},
    ]


def test_a_delimiter_can_be_given() -> None:
    assert rows(read("csv", b"a,b~c\n1~2\n", delimiter="~")) == [{"a,b": "1", "c": "2"}]


def test_an_encoding_can_be_given() -> None:
    told = read("csv", b"a\n\xc3\xa9\n", encoding="windows-1252")
    assert rows(told) == [{"a": "Ã©"}]


def test_windows_1252_is_noted() -> None:
    told = read("csv", b"a\n" + b"x\n" * 50_000 + b"\xe9\n")
    assert isinstance(told.reader, CsvReader)
    assert rows(told)[-1] == {"a": "é"}
    assert told.reader.notes == ("The text is no UTF-8, and is read as Windows-1252.",)


def test_ten_thousand_columns_are_read() -> None:
    head = ",".join(f"c{place}" for place in range(10_000))
    body = ",".join(str(place) for place in range(10_000))
    (row,) = rows(read("csv", f"{head}\n{body}\n".encode()))
    assert row["c9999"] == "9999"
    told = read("csv", f"{head},more\n".encode())
    assert told.error is not None
    assert told.error.code == "dataset_too_many_columns"


def test_a_chunk_ends_with_the_row_that_fills_it() -> None:
    told = read("csv", b"a\n" + b"xxxxxxxxx\n" * 20, bounds=Bounds(chunk_bytes=50))
    assert [len(chunk.values) for chunk in told.chunks] == [5, 5, 5, 5]


def test_a_quote_that_stays_open_costs_no_square_of_time() -> None:
    reader = reader_for("csv", bounds=Bounds(row_bytes=4 << 20))
    piece = b'"",x\n' * 1000
    told = Told(reader, iter([b'a\n"', *[piece] * 1000]), 10)
    assert told.error is not None
    assert told.error.code == "dataset_row_too_long"


def test_a_mark_is_small_and_says_where() -> None:
    reader = reader_for("csv", Reading(delimiter=";"))
    reader.feed(b"a;b\n" + "é;x\n".encode() * 5000)
    assert reader.take(2) is not None
    assert reader.mark() == {
        "format": "csv",
        "reading": {"delimiter": ";"},
        "offset": 14,
        "line": 4,
        "rows": 2,
        "n": 1,
        "done": False,
        "problems": {"count": 0, "first": []},
        "state": {"encoding": "utf-8", "is_settled": True, "delimiter": ";", "columns": ["a", "b"]},
    }
