"""What has changed is told field by field, and a secret never."""

from typing import Any

import pytest

from hub.model.difference import Seen, differences, readable
from hub.model.json import dumps_text
from hub.model.masking import MASK

PATHS = (("verify", "secrets"), ("headers", "x-token"))


def told(before: Any, after: Any) -> Any:
    return differences(Seen("a", "b", before, PATHS), Seen("a", "b", after, PATHS))


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (None, None, []),
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [{"at": "/a", "before": 1, "after": 2}]),
        ({"a": 1}, {"a": True}, [{"at": "/a", "before": 1, "after": True}]),
        ({"a": None}, {}, [{"at": "/a", "before": None}]),
        ({}, {"a/b~": [1]}, [{"at": "/a~1b~0", "after": [1]}]),
        (
            {"a": {"b": 1, "c": 2}},
            {"a": {"b": 1, "c": 3}},
            [{"at": "/a/c", "before": 2, "after": 3}],
        ),
        ({"a": {"b": 1}}, {"a": [1]}, [{"at": "/a", "before": {"b": 1}, "after": [1]}]),
        (None, {"a": 1}, [{"at": "", "after": {"a": 1}}]),
        ({"a": 1}, None, [{"at": "", "before": {"a": 1}}]),
    ],
)
def test_each_field_that_differs_is_named(before: Any, after: Any, changes: Any) -> None:
    assert told(before, after) == changes


def test_a_secret_that_changes_differs_and_is_told_as_a_mask() -> None:
    before = {"verify": {"mode": "header", "secrets": ["one"]}, "headers": {"x-token": "two"}}
    after = {"verify": {"mode": "header", "secrets": ["three"]}, "headers": {"x-token": "two"}}
    changes = told(before, after)
    assert changes == [{"at": "/verify/secrets", "before": [MASK], "after": [MASK]}]
    assert told(before, before) == []
    whole = dumps_text(told(None, after))
    assert "three" not in whole
    assert "two" not in whole
    assert '"mode":"header"' in whole


def test_people_read_what_is_new_gone_and_other() -> None:
    changes = told({"a": 1, "b": "x"}, {"b": "y", "c": [1]})
    assert list(readable(changes, dumps_text)) == ["- /a: 1", '~ /b: "x" -> "y"', "+ /c: [1]"]
    assert list(readable(told(None, {"a": 1}), dumps_text)) == ['+ /: {"a":1}']
