"""Documents: the tables in ``json5/``, what holds for any value, and what holds for any text."""

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.model.json import dumps
from hub.stack.json5 import parse_documents
from hub.stack.problem import Problem, nearest
from hub.stack.text import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_POINTERS, Document
from tests.stack import tables
from tests.stack.tables import cases, count, exactly, hold, text_at, values, walk

HIGH = chr(0xD83D)
LOW = chr(0xDE00)

SCRAPS = (
    r"""{ } [ ] : , " ' \ \u12 \ud83d // /* */ a b: true None - 0x 1e .5 “ "a": 'x' é {{x}} #"""
)
scraps = st.lists(
    st.sampled_from([*SCRAPS.split(), " ", "\n", "\r\n", "\ufeff", "\0", HIGH, LOW, ";", "1e999"])
).map("".join)


def refused(text: str) -> dict[str, Any]:
    return tables.refused(parse_documents, text)


@pytest.mark.parametrize("case", cases("json5"))
def test_a_text_gives_its_documents_or_its_problem(case: dict[str, Any]) -> None:
    hold(case, parse_documents)


@given(values, st.booleans(), st.sampled_from([None, 0, 2]))
def test_any_json_value_comes_back_equal(value: Any, ascii_only: bool, indent: int | None) -> None:
    [document] = parse_documents(json.dumps(value, ensure_ascii=ascii_only, indent=indent))
    assert exactly(document.value) == exactly(value)


@given(st.lists(values, min_size=1, max_size=4))
def test_documents_one_after_another_come_back_in_order(several: list[Any]) -> None:
    documents = parse_documents(" /* next */\n".join(map(json.dumps, several)))
    assert exactly([each.value for each in documents]) == exactly(several)


@settings(max_examples=300)
@given(st.text() | st.text(st.characters()) | scraps)
@example(HIGH + LOW)
@example('"' + HIGH + LOW + '"')
@example("'\\" + LOW + "'")
@example("{" + HIGH + ": 1}")
@example("{'a': " + HIGH + "}")
@example("// " + HIGH)
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        documents = parse_documents(text)
    except InvalidError:
        problem = refused(text)
        assert text_at(text.removeprefix("\ufeff"), (problem["line"], problem["column"])) in text
    else:
        dumps([each.value for each in documents])


@given(values, st.booleans(), st.sampled_from([None, 0, 2]))
def test_every_value_and_key_stands_where_its_position_says(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = "\n " + json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    [document] = parse_documents(text)
    assert len(document.positions) == count(value)
    for pointer, position in document.positions.items():
        part = walk(value, pointer)
        parent = walk(value, pointer.rpartition("/")[0]) if pointer else None
        if isinstance(parent, dict):
            key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            begins = json.dumps(key, ensure_ascii=ascii_only) + ":"
        else:
            begins = json.dumps(part, ensure_ascii=ascii_only)[:1]
            if not isinstance(part, (dict, list)):
                begins = json.dumps(part, ensure_ascii=ascii_only)
        assert text_at(text, position).startswith(begins)


def test_the_position_of_an_unknown_pointer_is_that_of_the_nearest_part_around_it() -> None:
    [document] = parse_documents("\n{\n  a: [1,\n 2]}")
    assert document.position_of("/a/1") == (4, 2)
    assert document.position_of("/a/1/x/y") == (4, 2)
    assert document.position_of("/a/7") == (3, 3)
    assert document.position_of("/b") == (2, 1)
    assert document.position_of("") == (2, 1)
    assert document.position_of("no pointer") == (2, 1)


def test_whole_numbers_stay_exact_up_to_four_thousand_digits() -> None:
    longest = "9" * MAX_DIGITS
    [document] = parse_documents(f"[{longest}, -{longest}, {10**MAX_DIGITS - 1:#x}]")
    assert document.value == [10**MAX_DIGITS - 1, 1 - 10**MAX_DIGITS, 10**MAX_DIGITS - 1]
    assert json.loads(dumps(document.value)) == document.value


@pytest.mark.parametrize(
    "number",
    ["1" + "0" * MAX_DIGITS, f"-{10**MAX_DIGITS:#x}", "0x" + "f" * 900_000, "." + "1" * 900_000],
)
def test_a_longer_number_is_refused(number: str) -> None:
    assert "4,000 digits" in refused(number)["message"]


@pytest.mark.parametrize("opening", ["[", "{a:", "{a:["])
def test_a_hundred_levels_are_the_most(opening: str) -> None:
    closing = {"[": "]", "{a:": "}", "{a:[": "]}"}[opening]
    times = MAX_DEPTH // len(closing)
    kept = opening * times + closing * times
    if opening == "{a:":
        kept = kept.replace(":}", ":1}", 1)
    assert len(parse_documents(kept)) == 1
    problem = refused(opening * (times + 1))
    assert "deeper than 100 levels" in problem["message"]
    assert problem["column"] == len(opening) * times + 1


@pytest.mark.parametrize(
    "piece", ["[", "{a:", "'\\", '"\\', "/*", "//", "(", "-", "0.", "x", "/* *"]
)
def test_a_mebibyte_of_anything_is_read_without_harm(piece: str) -> None:
    text = piece * (MAX_BYTES // len(piece))
    started = time.thread_time()
    assert len(refused(text)["message"]) < 200
    assert time.thread_time() - started < 1


def test_a_text_over_a_mebibyte_is_refused() -> None:
    assert parse_documents('"' + "x" * (MAX_BYTES - 2) + '"')
    for text in ('"' + "x" * (MAX_BYTES - 1) + '"', '"' + "é" * (MAX_BYTES // 2) + '"'):
        problem = refused(text)
        assert "1 MiB" in problem["message"]
        assert problem["line"] is None


def test_long_keys_around_many_values_do_not_fill_the_memory() -> None:
    half = MAX_BYTES // 2 - 10
    text = "{" + "k" * half + ":[" + "0," * (half // 2) + "]}"
    assert f"{MAX_POINTERS >> 20} MiB" in refused(text)["message"]


def test_documents_are_read_deep_in_a_call_stack_that_leaves_room_for_them() -> None:
    def below(frames: int) -> list[Document]:
        if frames:
            return below(frames - 1)
        return parse_documents("[" * MAX_DEPTH + "]" * MAX_DEPTH)

    assert below(sys.getrecursionlimit() // 2)


def test_five_kilobytes_take_a_few_milliseconds() -> None:
    step = {"function": "add_record", "table": "payments", "data": {"a": "{{input.a}}", "n": 1}}
    text = json.dumps({"task": "t", "function_stack": [step] * 45}, indent=1)
    assert 5_000 < len(text) < 7_000
    best = float("inf")
    for _ in range(20):
        started = time.thread_time()
        parse_documents(text)
        best = min(best, time.thread_time() - started)
    assert best < 0.006


def test_a_problem_is_sent_with_every_field() -> None:
    assert Problem("warning", "Odd.").as_json() == {
        "severity": "warning",
        "message": "Odd.",
        "hint": None,
        "line": None,
        "column": None,
        "pointer": None,
    }
    full = Problem("error", "Bad.", "Mend it.", 2, 3, "/a")
    assert list(full.as_json().values()) == ["error", "Bad.", "Mend it.", 2, 3, "/a"]


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("functon_stack", ["task", "function_stack"], "function_stack"),
        ("ADD_RECORD", ["add_record", "edit_record"], "add_record"),
        ("createRecord", {"create_record": 1}, "create_record"),
        ("zzz", ["task", "function_stack"], None),
        ("task", [], None),
        ("x" * 100_000, ["x" * 99], None),
    ],
)
def test_a_hint_names_the_nearest_known_word(word: str, known: Any, expected: str | None) -> None:
    assert nearest(word, known) == expected
