"""The canonical form: pairs of texts in ``fmt/``, and what holds for any text with comments."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.stack.documents import read_documents
from hub.stack.fmt import format_text
from hub.stack.json5 import parse_documents
from hub.stack.text import MAX_BYTES, Document
from tests.program import STACKS
from tests.stack import tables
from tests.stack.tables import cases, exactly, text_of, values

PAIRS = sorted((Path(__file__).parent / "fmt").glob("*.given.*"))
TOKEN = re.compile(
    r"""(?P<comment>//[^\n\r\u2028\u2029]*|/\*.*?\*/)|(?P<mark>[{}\[\]])|[\s,:]+"""
    r"""|(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,:{}\[\]"'/]+)""",
    re.DOTALL,
)
COMMENTS = ("// one\n", "/* two */", "/*three*/", "//\r\n", "/**/", "/*\n  * four\n */", "/*\n 5*/")
BLANKS = ("", "", "", " ", "\n", "\n\n\n", "\r\n", "\t", "\u2028")
gaps = st.lists(st.sampled_from(BLANKS + COMMENTS), max_size=4).map("".join)


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """A value as a person may write it: in any spelling and layout, with comments anywhere."""
    if isinstance(value, dict):
        marks = "{}"
        inner = [
            f"{draw(names(key))}{draw(gaps)}:{draw(gaps)}{draw(spelled(each))}"
            for key, each in value.items()
        ]
    elif isinstance(value, list):
        marks, inner = "[]", [draw(spelled(each)) for each in value]
    else:
        return draw(quoted(value)) if isinstance(value, str) else json.dumps(value)
    last = draw(st.sampled_from(["", ","])) if inner else ""
    parts = [f"{draw(gaps)}{each}{draw(gaps)}" for each in inner]
    return f"{marks[0]}{','.join(parts)}{last}{draw(gaps)}{marks[1]}"


@st.composite
def quoted(draw: st.DrawFn, text: str) -> str:
    inner = json.dumps(text, ensure_ascii=draw(st.booleans()))[1:-1]
    if draw(st.booleans()):
        return f'"{inner}"'
    inner = inner.replace("'", "\\'")
    return "'{}'".format(inner.replace('\\"', '"') if draw(st.booleans()) else inner)


def names(key: str) -> st.SearchStrategy[str]:
    bare = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", key)
    return st.just(key) | quoted(key) if bare else quoted(key)


keys = st.sampled_from(["a", "b_1", "Cc", "needs quotes", "$d", "true", "é", "", "'", '"'])
documents = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
written = st.lists(
    st.one_of(st.lists(documents, max_size=3), st.dictionaries(keys, documents, max_size=3)),
    min_size=1,
    max_size=3,
).flatmap(
    lambda several: st.tuples(*(st.tuples(gaps, spelled(each), gaps) for each in several)).map(
        lambda parts: "".join(piece for part in parts for piece in part)
    )
)
"""Texts of one to three documents, with comments and blanks wherever they can be."""


def told(text: str) -> list[str]:
    """All that a text says, in its order: its values however spelled, and its comments."""
    found = []
    for match in TOKEN.finditer(text):
        if match["comment"]:
            found.append(" ".join(match[0].split()))
        elif match["mark"]:
            found.append(match[0])
        elif match["value"]:
            word = match[0]
            is_key = re.fullmatch(r"[\w$]+", word) and not word[0].isdigit()
            found.append(exactly(word if is_key else parse_documents(word)[0].value))
    return found


@pytest.mark.parametrize("given_path", PAIRS, ids=lambda path: path.name.partition(".")[0])
def test_a_text_gets_its_form_and_keeps_it(given_path: Path) -> None:
    formed = given_path.with_name(given_path.name.replace(".given.", ".formed.")).read_text()
    assert format_text(given_path.read_text()) == formed
    assert format_text(formed) == formed


def test_the_stacks_of_this_repository_have_their_form() -> None:
    stacks = sorted(STACKS.rglob("*.json5"))
    assert stacks
    assert [path.name for path in stacks if format_text(path.read_text()) != path.read_text()] == []


@settings(max_examples=150)
@given(written)
def test_the_form_says_the_same_and_is_its_own_form(text: str) -> None:
    formed = format_text(text)
    assert exactly([each.value for each in parse_documents(formed)]) == exactly(
        [each.value for each in parse_documents(text)]
    )
    assert told(formed) == told(text)
    assert format_text(formed) == formed


@pytest.mark.parametrize("case", [*cases("json5"), *cases("yaml"), *cases("documents")])
def test_what_is_read_keeps_its_value_and_what_is_not_has_no_form(case: dict[str, Any]) -> None:
    text = text_of(case)
    try:
        before = read_documents(text)
    except InvalidError:
        assert tables.refused(format_documents, text) == tables.refused(read_documents, text)
        return
    formed = format_text(text)
    assert exactly([each.value for each in read_documents(formed)]) == exactly(
        [each.value for each in before]
    )
    assert format_text(formed) == formed


def format_documents(text: str) -> list[Document]:
    return read_documents(format_text(text))


@pytest.mark.parametrize(
    ("given_text", "formed"),
    [
        ("a: 1", "a: 1\n"),
        ("\ufeffa: 1  \r\n\r\n\r\nb:\t \r\n  - c # d \r\n\r\n", "a: 1\n\n\nb:\n  - c # d\n"),
        ("# only here: {b:1}\na:   {b:   1}", "# only here: {b:1}\na:   {b:   1}\n"),
        ("a: 'x  \n\n  y'\n", "a: 'x\n\n  y'\n"),
        ('a: "x\\  \n  y" \n', 'a: "x\\  \n  y"\n'),
        ("a: |  \n  x  \n   \n \nb: 1  \n", "a: |\n  x  \n   \n \nb: 1\n"),
        ("a: |\r\n  x \r\n", "a: |\n  x \n"),
        ("a: |\n  x", "a: |\n  x"),
        ("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\n"),
        ("a: >-\n  x \n\n\n", "a: >-\n  x \n\n\n"),
        ("--- \na: 1\n---  \nb: 2\n...", "---\na: 1\n---\nb: 2\n...\n"),
        ("a: {b: |}".replace("|", '"| "') + "  ", 'a: {b: "| "}\n'),
    ],
)
def test_of_yaml_only_the_ends_of_lines_are_made_alike(given_text: str, formed: str) -> None:
    assert format_text(given_text) == formed
    assert format_text(formed) == formed


@given(
    st.lists(st.text("ab #\n\t '\"\\", max_size=12), min_size=1, max_size=3),
    st.sampled_from([None, "'", '"', "|", ">"]),
    st.sampled_from(["\n", " \n", "\r\n", "  \r\n"]),
    st.sampled_from(["", "\n", "\n\n \n"]),
)
def test_yaml_says_the_same_in_its_form(
    several: list[str], style: str | None, line_end: str, end: str
) -> None:
    text = yaml.safe_dump(several, default_style=style, width=6).rstrip("\n") + end
    text = text.replace("\n", line_end)
    try:
        before = [each.value for each in read_documents(text)]
    except InvalidError:
        assert "\t" in text
        return
    formed = format_text(text)
    assert exactly([each.value for each in read_documents(formed)]) == exactly(before)
    assert "\r" not in formed
    assert format_text(formed) == formed


def test_a_byte_order_mark_goes_away() -> None:
    assert format_text("\ufeff[]") == "[]\n"


def test_a_form_that_could_not_be_read_again_is_refused() -> None:
    for text in (("[" * 90 + "1,\n1" + "]" * 90) * 100, "[" + "1," * 215_000 + "]"):
        problem = tables.refused(format_documents, text)
        assert problem["message"] == "The text is longer than 1 MiB (1,048,576 bytes)."


@pytest.mark.parametrize(
    "piece", ["[]", "[[[[[[[[[1]]]]]]]]]", "{a:[1,2,]}", "/**/", "//\n", "'a'", "[1/**/,//\n2]"]
)
def test_much_of_anything_is_formed_without_harm(piece: str) -> None:
    text = "[]" + piece * (MAX_BYTES // 8 // len(piece))
    started = time.thread_time()
    assert format_text(text).startswith("[]")
    assert time.thread_time() - started < 5
