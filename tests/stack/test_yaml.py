"""YAML: the tables in ``yaml/``, what holds for any value, and what holds for any text."""

import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.model.json import dumps
from hub.stack.text import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_POINTERS, Document
from hub.stack.yaml import parse_documents
from hub.stack.yaml_events import PurePython, events_of
from tests.stack import tables
from tests.stack.tables import cases, count, exactly, hold, text_at, values, walk

UNFIT = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
HIGH = chr(0xD83D)

SCRAPS = r"""{ } [ ] : , " ' \ \u12 \ud83d \0 # - ? | > & * ! % @ ` a b: ~ 0x .inf --- ... {{x}}"""
PIECES = (
    *("[", "{{", "{a: ", "[a, ", "- ", "? ", "'", '"\\', "|", "# ", "&a ", "!a ", "*", "%", "x\n"),
    *("\t", "k", "a:\n ", "x: ", "[ ]: ", "[[],", "x {{ ", "# {{\n", "---\n", "--- |\n", "- a\n"),
)
scraps = st.lists(
    st.sampled_from([*SCRAPS.split(), " ", "  ", "\n", "\r\n", "\t", "\ufeff", "\0", HIGH, "- a"])
).map("".join)
plain_texts = st.text("ab :-#'\"{}[],&*!|>%@`~é\n\\<?=.", max_size=8)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_texts, inner, max_size=4),
    max_leaves=20,
)


def refused(text: str) -> dict[str, Any]:
    return tables.refused(parse_documents, text)


def as_flow(value: Any, indent: int | None) -> str:
    """The value as JSON, which is YAML too, on a line of its own."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "--- " + UNFIT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with the parser that needs no libyaml."""
    monkeypatch.setattr("hub.stack.yaml.events_of", PurePython)


@pytest.mark.parametrize("case", cases("yaml"))
def test_a_text_gives_its_documents_or_its_problem(case: dict[str, Any]) -> None:
    hold(case, parse_documents)


def test_libyaml_reads_where_it_is_installed() -> None:
    assert yaml.__with_libyaml__
    assert events_of is not PurePython


@pytest.mark.usefixtures("pure")
@pytest.mark.parametrize(
    "case", [each for each in cases("yaml") if not each.values[0].get("libyaml")]
)
def test_without_libyaml_a_text_gives_the_same(case: dict[str, Any]) -> None:
    hold(case, parse_documents)


@given(values, st.sampled_from([None, 0, 2]))
def test_any_json_value_in_the_flow_style_comes_back_equal(value: Any, indent: int | None) -> None:
    [document] = parse_documents(as_flow(value, indent))
    assert exactly(document.value) == exactly(value)


@given(st.lists(plain_values, min_size=1, max_size=3), st.sampled_from([None, "'", '"', "|", ">"]))
def test_what_another_writer_wrote_in_the_block_style_comes_back_equal(
    several: list[Any], style: str | None
) -> None:
    class Writer(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def write_text(writer: Writer, text: str) -> yaml.ScalarNode:
        return writer.represent_scalar("tag:yaml.org,2002:str", text, style)

    Writer.add_representer(str, write_text)
    text = yaml.dump_all(several, Dumper=Writer, explicit_start=True, sort_keys=False)
    assert exactly([each.value for each in parse_documents(text)]) == exactly(several)


@given(values, st.sampled_from([None, 0, 2]))
def test_every_value_and_key_stands_where_its_position_says(value: Any, indent: int | None) -> None:
    text = as_flow(value, indent)
    [document] = parse_documents(text)
    assert len(document.positions) == count(value)
    for pointer, position in document.positions.items():
        part = walk(value, pointer)
        parent = walk(value, pointer.rpartition("/")[0]) if pointer else None
        begins = as_flow(part, indent)[4:]
        if isinstance(parent, dict):
            begins = as_flow(pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~"), 0)[
                4:
            ]
        elif isinstance(part, (dict, list)):
            begins = begins[:1]
        assert text_at(text, position).startswith(begins)


@settings(max_examples=400)
@given(st.text() | st.text(st.characters()) | scraps)
@example("a: " + HIGH)
@example('"\\' + HIGH)
@example("a:\r\n\t- 'b")
@example("{{")
@example("%YAML 1.2\n%YAML 1.2\n---\na")
@example("%TAG ! ! x")
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        documents = parse_documents(text)
    except InvalidError:
        problem = refused(text)
        assert "cannot be read as YAML" not in problem["message"]
        assert text_at(text.removeprefix("\ufeff"), (problem["line"], problem["column"])) in text
    else:
        dumps([each.value for each in documents])


@pytest.mark.usefixtures("pure")
@given(st.text() | scraps)
@example('"\\U00110000"')
@example('"\\ud800"')
def test_no_text_raises_anything_but_a_refusal_without_libyaml(text: str) -> None:
    try:
        documents = parse_documents(text)
    except InvalidError:
        assert "cannot be read as YAML" not in refused(text)["message"]
    else:
        dumps([each.value for each in documents])


def test_whole_numbers_stay_exact_up_to_four_thousand_digits() -> None:
    longest = "9" * MAX_DIGITS
    text = f"- {longest}\n- -{longest}\n- {10**MAX_DIGITS - 1:#x}\n- {2**3000:#o}\n"
    [document] = parse_documents(text)
    assert document.value == [10**MAX_DIGITS - 1, 1 - 10**MAX_DIGITS, 10**MAX_DIGITS - 1, 2**3000]


@pytest.mark.parametrize(
    "number",
    ["1" + "0" * MAX_DIGITS, f"{10**MAX_DIGITS:#x}", "0x" + "f" * 900_000, "." + "1" * 900_000],
)
def test_a_longer_number_is_refused(number: str) -> None:
    assert "4,000 digits" in refused(number)["message"]
    assert parse_documents(f"'{number}'")[0].value == number


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
def test_a_hundred_levels_are_the_most(opening: str, closing: str) -> None:
    kept = opening * MAX_DEPTH + "1" + closing * MAX_DEPTH
    assert len(parse_documents(kept)) == 1
    for levels in (MAX_DEPTH + 1, 2_000):
        problem = refused(opening * levels + "1" + closing * levels)
        assert problem["message"] == "This is nested deeper than 100 levels."
        assert problem["line"] == 1


@pytest.mark.parametrize("piece", PIECES)
def test_a_mebibyte_of_anything_is_read_without_harm(piece: str) -> None:
    text = piece * (MAX_BYTES // len(piece))
    started = time.thread_time()
    with suppress(InvalidError):
        assert parse_documents(text)
    assert time.thread_time() - started < 5


def test_a_text_over_a_mebibyte_is_refused() -> None:
    assert parse_documents('"' + "x" * (MAX_BYTES - 2) + '"')
    for text in ('"' + "x" * (MAX_BYTES - 1) + '"', '"' + "é" * (MAX_BYTES // 2) + '"'):
        problem = refused(text)
        assert "1 MiB" in problem["message"]
        assert problem["line"] is None


def test_long_keys_around_many_values_do_not_fill_the_memory() -> None:
    half = MAX_BYTES // 2 - 10
    text = "? " + "k" * half + "\n: [" + "0," * (half // 2) + "]"
    assert f"{MAX_POINTERS >> 20} MiB" in refused(text)["message"]


def test_a_key_of_more_than_1024_characters_is_refused_with_the_reason() -> None:
    assert parse_documents("k" * 1_024 + ": 1")
    problem = refused("k" * 1_025 + ": 1")
    assert problem["message"] == "A key can have 1,024 characters at most in YAML."


def test_documents_are_read_deep_in_a_call_stack_that_leaves_room_for_them() -> None:
    def below(frames: int, read: Callable[[str], list[Document]]) -> list[Document]:
        return below(frames - 1, read) if frames else read("[" * MAX_DEPTH + "]" * MAX_DEPTH)

    assert below(sys.getrecursionlimit() // 2, parse_documents)
