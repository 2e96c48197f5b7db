"""Drives the samples of every connector: requests as sent, answers as given, and their meaning.

A file in ``connectors/*/samples`` holds one case or a list of them. A case with ``response`` is
an answer and names its ``outcome`` (and what the message ``says``, and ``retry_after_s``). A case
with only ``request`` was sent to the hub and names its ``event_type`` (and its ``value``, how to
``verify`` it), or the code with which it is ``refused``.
"""

from typing import Any

import pytest

from hub.connector import Connector
from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, InboundRequest, OutboundResponse
from hub.signature import parse_secret, verify_header_token, verify_standard

ANSWER_FIELDS = {
    "case",
    "meaning",
    "recorded_from",
    "request",
    "response",
    "outcome",
    "says",
    "retry_after_s",
}
SENT_FIELDS = {"case", "recorded_from", "request", "event_type", "value", "verify", "refused"}


def headers_of(message: dict[str, Any]) -> Headers:
    return Headers((name, value) for name, value in message["headers"])


def inbound(message: dict[str, Any]) -> InboundRequest:
    path, _, query = message["path"].partition("?")
    rest = path.removeprefix("/in/").partition("/")[2]
    body = message["body"].encode()
    return InboundRequest(message["method"], rest, query, headers_of(message), body, "192.0.2.1")


def outbound(message: dict[str, Any]) -> OutboundResponse:
    body = message["body"].encode()
    return OutboundResponse(message["status"], headers_of(message), body, False, 12)


def test_every_connector_has_samples_of_both_kinds(samples: list[dict[str, Any]]) -> None:
    assert any("response" in case for case in samples)
    assert any("response" not in case for case in samples)


def test_an_answer_means_what_its_sample_says(answer: tuple[Connector, dict[str, Any]]) -> None:
    connector, case = answer

    verdict = connector.classify(outbound(case["response"]))

    assert set(case) <= ANSWER_FIELDS
    assert verdict.outcome.value == case["outcome"]
    assert case.get("says", "") in verdict.message
    assert verdict.retry_after_s == case.get("retry_after_s")


def test_a_request_says_what_its_sample_says(sent: tuple[Connector, dict[str, Any]]) -> None:
    connector, case = sent
    assert set(case) <= SENT_FIELDS
    request = inbound(case["request"])

    if "refused" in case:
        with pytest.raises(InvalidError) as caught:
            connector.parse(request)
        assert caught.value.code == case["refused"]
        return

    parsed = connector.parse(request)
    assert parsed.event_type == case["event_type"]
    assert parsed.value == case.get("value", parsed.value)


def test_a_request_is_verified_as_its_sample_says(sent: tuple[Connector, dict[str, Any]]) -> None:
    _, case = sent
    request, rule = inbound(case["request"]), case.get("verify", {"mode": "none"})

    if rule["mode"] == "standard":
        secrets = [parse_secret(text) for text in rule["secrets"]]
        found = verify_standard(secrets, request.headers, request.body, rule["now_s"])
        assert found == rule["message_id"]
        with pytest.raises(SignatureError):
            verify_standard(secrets, request.headers, request.body + b" ", rule["now_s"])
    elif rule["mode"] == "header":
        verify_header_token(rule["secrets"], request.headers.get(rule["header"]))
        with pytest.raises(SignatureError):
            verify_header_token(["some-other-token"], request.headers.get(rule["header"]))
    else:
        assert rule == {"mode": "none"}
