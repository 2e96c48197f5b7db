"""Reading the API's answers."""

from typing import Any

import httpx


def good(response: httpx.Response, status: int = 200) -> Any:
    """The body of an answer that must have this status."""
    assert response.status_code == status, response.text
    body = response.json()
    assert "error" not in body
    return body


def refused(response: httpx.Response, status: int, code: str) -> Any:
    """The problem that an answer must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["message"] == body["detail"]
    assert "error" not in body
    return body


def pointers(problem: Any) -> list[tuple[str, str | None]]:
    """Where a body's problems stand, with their hints."""
    return [(each["pointer"], each["hint"]) for each in problem["problems"]]
