import json

import pytest
from structlog.testing import capture_logs

from hub.errors import (
    AccessError,
    ConflictError,
    ExpressionError,
    HubError,
    InvalidError,
    NotFoundError,
    OutboundError,
    SettingsError,
    SignatureError,
    StepError,
    StoreError,
    TooLargeError,
)
from hub.web.problems import problem


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidError("m"), 400),
        (InvalidError("m", code="validation"), 422),
        (InvalidError("m", code="document_broken"), 422),
        (InvalidError("m", code="stack_invalid"), 422),
        (InvalidError("m", code="content_type_unsupported"), 415),
        (InvalidError("m", code="content_encoding_unsupported"), 415),
        (InvalidError("m", code="body_timeout"), 408),
        (InvalidError("m", code="headers_too_many"), 431),
        (InvalidError("m", code="method_not_allowed", allow="GET"), 405),
        (ExpressionError("m"), 422),
        (SignatureError("m"), 401),
        (AccessError("m"), 401),
        (AccessError("m", code="forbidden", scope="read"), 403),
        (NotFoundError("m"), 404),
        (ConflictError("m"), 409),
        (TooLargeError("m"), 413),
        (StepError("m"), 422),
        (StepError("m", code="validation"), 422),
        (NotFoundError("m", code="forbidden"), 404),
        (OutboundError("m"), 502),
        (StoreError("m"), 503),
        (SettingsError("m"), 500),
        (HubError("m"), 500),
    ],
)
def test_every_error_has_its_status(error: HubError, status: int) -> None:
    response = problem(error)
    body = json.loads(response.body)
    assert response.status_code == body["status"] == status
    assert response.media_type == "application/problem+json"
    assert body["code"] == error.code
    assert body["message"] == body["detail"] == "m"
    assert body["type"] == "about:blank"
    assert body["title"]


def test_details_stand_beside_the_message() -> None:
    body = json.loads(problem(InvalidError("m", line=3, problems=[{"message": "x"}])).body)
    assert (body["line"], body["problems"]) == (3, [{"message": "x"}])


def test_no_detail_replaces_a_member_or_is_called_error() -> None:
    error = InvalidError("m", status=200, title="fine", error="no", detail="d", type="t")
    body = json.loads(problem(error).body)
    assert (body["status"], body["title"], body["detail"]) == (400, "Bad Request", "m")
    assert body["type"] == "about:blank"
    assert "error" not in body


def test_a_store_that_is_down_says_when_to_come_back() -> None:
    assert problem(StoreError("m")).headers["retry-after"] == "5"


def test_405_names_what_is_allowed() -> None:
    error = InvalidError("m", code="method_not_allowed", allow="GET, PUT")
    assert problem(error).headers["allow"] == "GET, PUT"


def test_access_that_is_refused_says_how_to_get_in() -> None:
    assert problem(AccessError("m")).headers["www-authenticate"] == 'Bearer realm="hub"'
    refused = problem(AccessError("m", code="forbidden", scope="write"))
    assert 'error="insufficient_scope", scope="write"' in refused.headers["www-authenticate"]


def test_the_unforeseen_is_logged_and_not_told() -> None:
    with capture_logs() as lines:
        response = problem(RuntimeError("the password is hunter2"))
    assert response.status_code == 500
    assert json.loads(response.body)["code"] == "internal"
    assert b"hunter2" not in response.body
    assert [line["event"] for line in lines] == ["request.broken"]


def test_an_internal_problem_keeps_its_details() -> None:
    assert b"secret" not in problem(SettingsError("m", where="secret")).body


def test_the_place_is_named_when_it_is_known() -> None:
    body = json.loads(problem(NotFoundError("m"), {"type": "http", "path": "/v1/x"}).body)
    assert body["instance"] == "/v1/x"


def test_text_that_is_none_is_mended() -> None:
    body = json.loads(problem(InvalidError("bad \ud800 text", found=object())).body)
    assert body["message"] == "bad ? text"
    assert "found" not in body
