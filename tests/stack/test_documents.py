"""Which notation a text is in: the table in ``documents/``, and that nothing is read as both."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.stack.documents import is_json5, read_documents
from hub.stack.text import MAX_BYTES
from tests.stack import tables
from tests.stack.tables import cases, exactly, hold, text_of, values


@pytest.mark.parametrize("case", cases("documents"))
def test_a_text_gives_its_documents_or_its_problem(case: dict[str, Any]) -> None:
    hold(case, read_documents)


BRACKETED = [
    each
    for each in cases("json5")
    if text_of(each.values[0]).lstrip("\ufeff\n ").startswith(("{", "[", "/", "]", "}"))
]


@pytest.mark.parametrize("case", BRACKETED)
def test_documents_of_json5_are_known_by_their_brackets(case: dict[str, Any]) -> None:
    hold(case, read_documents)


@given(st.dictionaries(st.text("ab", min_size=1), values, max_size=4), st.sampled_from([None, 1]))
def test_json_is_read_as_json5_and_behind_a_line_of_dashes_as_yaml(
    value: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    assert is_json5(text)
    assert not is_json5("---\n" + text)
    [document] = read_documents(text)
    assert exactly(document.value) == exactly(value)


@given(st.text(st.sampled_from("/*{}[]#-:'\"ab`~ \n\ufeff")))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        assert read_documents(text)
    except InvalidError:
        tables.refused(read_documents, text)


@pytest.mark.parametrize(
    "piece", ["//\n", "/**/", "/* ", "//", " ", "\ufeff", "// a\n- ", "'a", "`"]
)
def test_a_mebibyte_of_beginnings_is_told_without_harm(piece: str) -> None:
    text = piece * (MAX_BYTES // len(piece.encode()))
    started = time.thread_time()
    tables.refused(read_documents, text)
    assert time.thread_time() - started < 2
