"""Files of records: what goes out comes in again, and what cannot be read says where."""

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.datasets.guard import guarded, unguarded
from hub.errors import ConflictError, InvalidError
from hub.model.query import Query
from hub.model.table import UNDECLARED, TableSpec
from hub.store.ledger import Ledger
from hub.store.records import REMOVE_WHERE, find_records
from hub.store.tables import DECLARE, Declare
from hub.transfer import BATCH, Format
from hub.transfer.exporting import export_records
from hub.transfer.importing import MAX_PROBLEMS, Import

NOW = 1_790_000_000_000_000


def spec(**columns: dict[str, Any]) -> TableSpec:
    return TableSpec.model_validate({"columns": columns})


async def bring(
    ledger: Ledger,
    text: str | bytes,
    form: Format = "csv",
    declared: TableSpec = UNDECLARED,
    table: str = "t",
) -> int:
    """Import a file; the number of records."""
    raw = text.encode() if isinstance(text, str) else text
    return await Import(table, declared, io.BytesIO(raw), form, NOW).run(ledger)


async def docs(ledger: Ledger, table: str = "t") -> list[dict[str, Any]]:
    return [each.doc for each in await ledger.read(find_records, Query(table))]


async def exported(
    ledger: Ledger, form: Format, declared: TableSpec = UNDECLARED, table: str = "t"
) -> str:
    return "".join([part async for part in export_records(ledger, Query(table), declared, form)])


def lines(*rows: Any) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in rows)


async def problems(ledger: Ledger, text: str | bytes, *given: Any) -> list[tuple[int, str]]:
    """What is said of a file that cannot be added, of which nothing is."""
    with pytest.raises(InvalidError) as refusal:
        await bring(ledger, text, *given)
    assert refusal.value.code == "rows_invalid"
    assert await docs(ledger) == []
    return [(each["line"], each["message"]) for each in refusal.value.details["problems"]]


# there and back

ODD = ["", " ", "a,b", 'a"b', "a\nb", "a\r\nb", "=1+1", "'=1", "''=x", "-5", "@x", "\ttab", "é😀",
       "null", "true", "1", '{"a":1}', ";", "\ufeff"]  # fmt: skip
PLAIN = st.characters(codec="utf-8", exclude_characters="\x00")
TEXTS = st.one_of(st.sampled_from(ODD), st.text(PLAIN, max_size=12))
NAMES = st.sampled_from(["a", "b", "na,me", "é", "x y", 'q"', "0"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    TEXTS,
    st.lists(TEXTS, max_size=2),
    st.dictionaries(NAMES, TEXTS, max_size=2),
)
slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@slow
@given(rows=st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=5))
async def test_json_lines_come_back_as_they_went_out(ledger: Ledger, rows: list[Any]) -> None:
    await ledger.write(REMOVE_WHERE, Query("t"))
    await ledger.write(REMOVE_WHERE, Query("u"))
    await bring(ledger, lines(*rows), "jsonl")
    assert await docs(ledger) == rows
    await bring(ledger, await exported(ledger, "jsonl"), "jsonl", table="u")
    assert await docs(ledger, "u") == rows


@slow
@given(rows=st.lists(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4), max_size=5))
async def test_texts_come_back_from_csv_as_they_went_out(ledger: Ledger, rows: list[Any]) -> None:
    await ledger.write(REMOVE_WHERE, Query("t"))
    await ledger.write(REMOVE_WHERE, Query("u"))
    await bring(ledger, lines(*rows), "jsonl")
    await bring(ledger, await exported(ledger, "csv"), "csv", table="u")
    said = [{name: text for name, text in row.items() if text} for row in rows]
    assert await docs(ledger, "u") == said  # an empty cell is no value


TYPED = spec(
    n={"type": "integer"},
    x={"type": "number"},
    ok={"type": "boolean"},
    tags={"type": "list"},
    more={"type": "object"},
    due={"type": "datetime"},
    name={"type": "text"},
)


async def test_declared_columns_come_back_from_csv_with_their_types(ledger: Ledger) -> None:
    row = {
        "n": 2**70,
        "x": 1.5,
        "ok": False,
        "tags": ["a,b", 1],
        "more": {"k": [None]},
        "due": "2026-03-01T10:00:00.000000Z",
        "name": "=1",
    }
    await bring(ledger, lines(row, {"name": "b"}), "jsonl", TYPED)
    text = await exported(ledger, "csv", TYPED)
    await bring(ledger, text, "csv", TYPED, table="u")
    assert await docs(ledger, "u") == [row, {"name": "b"}]


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\tx", "'\tx"), ("'=1", "''=1"),
     ("'a", "'a"), ("a=1", "a=1"), ("", ""), ("'", "'")],
)  # fmt: skip
def test_what_a_spreadsheet_would_reckon_is_guarded(text: str, cell: str) -> None:
    assert guarded(text) == cell
    assert unguarded(cell) == text


async def test_times_of_making_come_along_and_numbers_do_not(ledger: Ledger) -> None:
    row = {"id": 77, "created_at": "2020-01-01T00:00:00Z", "updated_at": "2021-01-01", "a": "x"}
    await bring(ledger, lines(row), "jsonl")
    [record] = await ledger.read(find_records, Query("t"))
    assert (record.id, record.updated_at, record.doc) == (1, NOW, {"a": "x"})
    assert record.as_fields()["created_at"] == "2020-01-01T00:00:00.000000Z"


async def test_many_rows_go_in_and_out_in_parts(ledger: Ledger) -> None:
    count = 2 * BATCH + 1
    rows = [{"n": n} for n in range(count)]
    assert await bring(ledger, lines(*rows), "jsonl") == count
    parts = [part async for part in export_records(ledger, Query("t"), UNDECLARED, "jsonl")]
    assert [part.count("\n") for part in parts] == [BATCH, BATCH, 1]
    assert [json.loads(line)["n"] for line in "".join(parts).splitlines()] == list(range(count))


async def test_csv_has_a_column_for_each_field_of_any_record(ledger: Ledger) -> None:
    rows = [{"a": 1}, *({"a": 1} for _ in range(BATCH)), {"late": True}]
    await bring(ledger, lines(*rows), "jsonl")
    first, *_, last = (await exported(ledger, "csv", spec(z={}))).splitlines()
    assert first == "id,created_at,updated_at,z,a,late"
    assert last.endswith(",,,true")


# files of others


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "a;b\r\n1;2\r\n",
        "a\tb\n1\t2",
        "\ufeffa,b\n1,2\n",
        ' a , b \n"1","2"\n',
        "a,b\n\n1,2\n\n",
        "a,b,c\n1,2\n",
    ],
)
async def test_csv_is_read_as_spreadsheets_write_it(ledger: Ledger, text: str) -> None:
    assert await bring(ledger, text) == 1
    assert await docs(ledger) == [{"a": "1", "b": "2"}]


async def test_json_lines_may_have_blank_lines_and_a_byte_order_mark(ledger: Ledger) -> None:
    assert await bring(ledger, '\ufeff{"a": 1}\n\n  \r\n{"a": 2}', "jsonl") == 2


@pytest.mark.parametrize("text", ["", "\n\n"])
async def test_an_empty_file_of_lines_adds_nothing(ledger: Ledger, text: str) -> None:
    assert await bring(ledger, text, "jsonl") == 0
    assert await bring(ledger, "a,b\n") == 0


# files that cannot be added


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "first line must name the fields"),
        ("a,a\n1,2\n", 1, "'a' is named twice"),
        ("a,\n1,2\n", 1, "must name every field"),
        ("a,b\n1,2,3\n", 2, "3 cells for 2 fields"),
        ('a\n"x\ny"\n"open\n', 4, "This is no CSV"),
        ('a\n"x" y\n', 2, "This is no CSV"),
        ("a\nx\n\x00\n", 3, ""),
        (b"a\nx\n\xff\n", 1, "not UTF-8"),
        ("a\n" + "x" * (5 << 20) + "y\n", 2, "This is no CSV"),
        ("created_at\nsoon\n", 2, "ISO 8601"),
    ],
)
async def test_a_table_that_is_none_says_in_which_line(
    ledger: Ledger, text: str | bytes, line: int, said: str
) -> None:
    [(at, message)] = await problems(ledger, text)
    assert at == line
    assert said in message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "not valid JSON"),
        ("[1]", "must be a JSON object"),
        ("5", "must be a JSON object"),
        ('{"a": NaN}', "not valid JSON"),
        ('{"a": "\\u0000"}', "NUL"),
        ('{"a": "\\ud800"}', ""),
        ('{"created_at": 5}', "ISO 8601"),
        ('{"a": "' + "x" * (5 << 20) + '"}', "at most 5,242,880 bytes"),
        ("[" * 5000, ""),
    ],
)
async def test_a_line_that_is_no_record_is_named(ledger: Ledger, row: str, said: str) -> None:
    [(line, message)] = await problems(ledger, f'{{"a": 1}}\n\n{row}', "jsonl")
    assert line == 3
    assert said in message


async def test_all_faults_are_told_at_once_and_no_more_than_can_be_read(ledger: Ledger) -> None:
    text = "n\n1\nx\n2\ny\nz\n"
    said = await problems(ledger, text, "csv", spec(n={"type": "number"}))
    assert [line for line, _ in said] == [3, 5, 6]
    assert said[0][1] == "'n' must be of type number, not 'x'."
    many = "n\n" + "x\n" * 10_000
    assert len(await problems(ledger, many, "csv", spec(n={"type": "number"}))) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("columns", "cell", "said"),
    [
        ({"type": "integer"}, "1.5", "must be a whole number, not 1.5"),
        ({"type": "integer"}, "1e999", "must be of type integer"),
        ({"type": "boolean"}, "maybe", "must be of type boolean"),
        ({"type": "list"}, "{}", "must be a list"),
        ({"type": "object"}, "[", "must be of type object"),
        ({"type": "datetime"}, "soon", "must be an ISO 8601"),
        ({"enum": ["x", "y"]}, "z", "must be one of x, y"),
    ],
)
async def test_cells_have_the_declared_type(
    ledger: Ledger, columns: dict[str, Any], cell: str, said: str
) -> None:
    [(line, message)] = await problems(ledger, f"a\n{cell}\n", "csv", spec(a=columns))
    assert (line, said in message) == (2, True), message


async def test_what_is_required_has_to_be_there(ledger: Ledger) -> None:
    declared = spec(a={"required": True}, b={"default": 5})
    assert await problems(ledger, "a,c\n,x\n", "csv", declared) == [
        (2, "'a' must be a value, and not null.")
    ]
    await bring(ledger, "a\nx\n", "csv", declared)
    assert await docs(ledger) == [{"a": "x", "b": 5}]


UNIQUE = spec(mail={"type": "text", "unique": True})


async def test_unique_values_are_looked_at_before_anything_is_added(ledger: Ledger) -> None:
    await ledger.write(DECLARE, Declare("t", UNIQUE))
    rows = [{"mail": f"m{n}"} for n in range(BATCH + 10)]
    twice = [*rows, {"mail": "m3"}, {"mail": None}, {}, {"mail": "m3"}]
    said = await problems(ledger, lines(*twice), "jsonl", UNIQUE)
    assert [line for line, _ in said] == [BATCH + 11, BATCH + 14]
    await bring(ledger, lines(*rows[:5]), "jsonl", UNIQUE)
    with pytest.raises(InvalidError, match="Line 2: Record 4 has the same 'mail'"):
        await bring(ledger, lines({"mail": "new"}, {"mail": "m3"}), "jsonl", UNIQUE)
    assert len(await docs(ledger)) == 5


async def test_who_is_quicker_in_the_middle_is_told_of(ledger: Ledger) -> None:
    """The look at all rows is one moment, the adding another."""
    await ledger.write(DECLARE, Declare("t", UNIQUE))
    rows = [{"mail": f"m{n}"} for n in range(BATCH + 10)]
    wanted = Import("t", UNIQUE, io.BytesIO(lines(*rows).encode()), "jsonl", NOW)
    await wanted._check(ledger)
    await bring(ledger, lines({"mail": f"m{BATCH + 1}"}), "jsonl", UNIQUE)
    with pytest.raises(ConflictError) as refusal:
        await wanted._add(ledger)
    assert refusal.value.code == "not_unique"
    assert refusal.value.details["added"] == BATCH
    assert refusal.value.details["line"] == BATCH + 1
    assert len(await docs(ledger)) == BATCH + 1
