"""The readings that connectors share: queries, event types, and what is quoted of an answer."""

import pytest

from hub.connector import (
    MAX_QUERY_FIELDS,
    Outcome,
    Reading,
    Verdict,
    classify_by_text,
    event_type,
    parse_query,
    text_of,
)
from hub.errors import InvalidError
from hub.model.http import Headers, InboundRequest, OutboundResponse
from hub.model.json import Json

FULL = Reading(400, "Is Full", Outcome.BACK_PRESSURE, "Wait.", 60.0)


def query(text: str) -> dict[str, Json]:
    return parse_query(InboundRequest("GET", "", text, Headers(), b"", "192.0.2.1"))


def answer(status: int, body: bytes = b"", **fields: str) -> OutboundResponse:
    headers = Headers((name.replace("_", "-"), value) for name, value in fields.items())
    return OutboundResponse(status, headers, body, False, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a[]=1", {"a": ["1"]}),
        ("a=1&a[]=2", {"a": ["1", "2"]}),
        ("[]=1", {"[]": "1"}),
        ("a=Zo%C3%AB+%26", {"a": "Zoë &"}),
        ("a=%ff", {"a": "\N{REPLACEMENT CHARACTER}"}),
    ],
)
def test_a_query_is_an_object_of_texts_and_lists(text: str, value: Json) -> None:
    assert query(text) == value


def test_a_query_has_a_limit_that_its_refusal_names() -> None:
    most = "a=1&" * (MAX_QUERY_FIELDS - 1) + "a=1"
    assert len(query(most)["a"]) == MAX_QUERY_FIELDS

    with pytest.raises(InvalidError, match=str(MAX_QUERY_FIELDS)) as caught:
        query(most + "&a=1")
    assert caught.value.code == "query_too_long"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"event": "a", "type": "b"}, "a"),
        ({"event": 1, "type": "b"}, "b"),
        ({"event": "", "type": "x" * 200}, "x" * 200),
        ({"event": "x" * 201}, None),
        ({"event": "a\x00"}, None),
        ({}, None),
        (["event"], None),
        (None, None),
    ],
)
def test_the_event_type_is_the_first_field_that_holds_one(value: Json, found: str | None) -> None:
    assert event_type(value, "event", "type") == found


def test_what_is_quoted_of_an_answer_is_one_short_printable_line() -> None:
    assert text_of(answer(400, b" a\r\n\x00b\xff ")) == "a b\N{REPLACEMENT CHARACTER}"
    assert len(text_of(answer(400, b"x" * 100_000))) == 500
    assert text_of(answer(400, b"x" * 100_000)).endswith("x…")


def test_a_reading_quotes_the_answer_and_adds_what_to_do() -> None:
    verdict = classify_by_text([FULL], answer(400), "Queue is full")

    assert verdict == Verdict(
        Outcome.BACK_PRESSURE, "Answered 400: Queue is full. Wait.", retry_after_s=60.0
    )


def test_a_retry_after_field_counts_more_than_a_readings_own_wait() -> None:
    assert classify_by_text([FULL], answer(400, retry_after="0"), "is full").retry_after_s == 0
    assert classify_by_text([FULL], answer(400, retry_after="x"), "is full").retry_after_s == 60


def test_an_answer_that_no_reading_fits_means_what_http_says() -> None:
    assert classify_by_text([FULL], answer(400), "no").outcome is Outcome.REFUSED
    assert classify_by_text([FULL], answer(503), "is full").outcome is Outcome.RETRY
