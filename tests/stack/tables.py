"""Texts of documents with what they give: the tables of cases, and how a case is held."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.model.json import dumps, loads
from hub.stack.text import Document

Read = Callable[[str], list[Document]]

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
"""Any JSON value."""


def cases(name: str) -> list[Any]:
    """The cases of the tables in the folder of that name."""
    return [
        pytest.param(case, id=f"{path.stem}-{place}")
        for path in sorted((Path(__file__).parent / name).glob("*.json"))
        for place, case in enumerate(loads(path.read_bytes()), 1)
    ]


def hold(case: dict[str, Any], read: Read) -> None:
    """Check that the case's text gives its documents or its problem."""
    text = text_of(case)
    if "is" in case:
        documents = read(text)
        assert exactly([each.value for each in documents]) == exactly(case["is"])
        if "at" in case:
            found = [{k: list(v) for k, v in each.positions.items()} for each in documents]
            assert found == case["at"]
        return
    problem = refused(read, text)
    assert case["error"] in problem["message"]
    assert [problem["line"], problem["column"]] == case["at"]
    assert problem["pointer"] == case["pointer"]
    assert case.get("hint", "") in (problem["hint"] or "")


def text_of(case: dict[str, Any]) -> str:
    """The case's text, which may stand as a list of lines."""
    lines = case["text"]
    return lines if isinstance(lines, str) else "\n".join(lines)


def exactly(value: Any) -> str:
    """1, 1.0 and true are three values here."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def refused(read: Read, text: str) -> dict[str, Any]:
    """The one problem of the text, checked to be one that an answer can carry."""
    with pytest.raises(InvalidError) as caught:
        read(text)
    error = caught.value
    assert error.code == "document_broken"
    [problem] = error.details["problems"]
    assert problem.keys() == {"severity", "message", "hint", "line", "column", "pointer"}
    assert problem["severity"] == "error"
    assert problem["message"] in error.message
    dumps([error.message, problem])
    return dict(problem)


def walk(value: Any, pointer: str) -> Any:
    """The part of a value at a pointer."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def text_at(text: str, position: tuple[int, int]) -> str:
    """The text from a line and column on."""
    line, column = position
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    return text[starts[line - 1] + column - 1 :]


def count(value: Any) -> int:
    """How many values there are in a value, with itself."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(count(each) for each in inner)
