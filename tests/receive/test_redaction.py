"""What is redacted is masked before anything is written, and dedup still knows what was sent."""

from typing import Any

import pytest

from hub.model.http import Headers, InboundRequest
from hub.model.json import dumps
from hub.model.masking import MASK
from hub.receive.items import Item
from hub.receive.redaction import keeps_body, redacted

FORM = "application/x-www-form-urlencoded"


def arrived(value: Any, kind: str = "application/json") -> tuple[InboundRequest, Item]:
    """A request, and what it says."""
    headers = Headers([("Content-Type", kind), ("X-National-Id", "123"), ("x-id", "1")])
    body = dumps(value)
    request = InboundRequest("POST", "", "", headers, body, "127.0.0.1")
    return request, Item(value, body, None, None)


@pytest.mark.parametrize(
    ("path", "value", "after"),
    [
        ("a", {"a": 1, "b": 2}, {"a": MASK, "b": 2}),
        ("a.b", {"a": {"b": [1], "c": 1}}, {"a": {"b": MASK, "c": 1}}),
        ("a.1", {"a": [1, 2, 3]}, {"a": [1, MASK, 3]}),
        (
            "a.*.b",
            {"a": [{"b": 1, "c": 1}, {"c": 1}, 7]},
            {"a": [{"b": MASK, "c": 1}, {"c": 1}, 7]},
        ),
        ("*", {"a": 1, "b": {"c": 1}}, {"a": MASK, "b": MASK}),
        ("*.b", [{"b": 1}, {"b": False}], [{"b": MASK}, {"b": MASK}]),
    ],
)
def test_fields_are_masked_and_nothing_else(path: str, value: Any, after: Any) -> None:
    request, item = arrived(value)
    before = dumps(value)
    clean, (changed,) = redacted([f"body:{path}"], request, [item])
    assert changed.value == after
    assert changed.body == dumps(after)
    assert dumps(item.value) == before
    assert clean.body == b""


@pytest.mark.parametrize("path", ["b", "a.b", "a.7", "0", "a.*.x", "n"])
def test_what_is_not_there_changes_nothing(path: str) -> None:
    request, item = arrived({"a": [1, 2], "n": None})
    clean, (same,) = redacted([f"body:{path}"], request, [item])
    assert same is item
    assert clean.body is request.body
    assert clean.headers.get("content-type") == "application/json"


def test_a_form_becomes_json_that_says_the_same() -> None:
    request, item = arrived({"card": "4111", "n": "1"}, FORM)
    clean, (changed,) = redacted(["body:card"], request, [item])
    assert clean.headers.get("content-type") == "application/json"
    assert changed.value == {"card": MASK, "n": "1"}


def test_header_fields_are_masked() -> None:
    request, item = arrived({})
    clean, (same,) = redacted(["header:x-national-id"], request, [item])
    assert dict(clean.headers)["x-national-id"] == MASK
    assert dict(clean.headers)["x-id"] == "1"
    assert same is item


def test_what_nobody_looked_at_is_kept_without_its_body() -> None:
    assert not keeps_body(["header:x", "body:a"])
    assert keeps_body(["header:x"])
