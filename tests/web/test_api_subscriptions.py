"""Subscriptions that cannot be are refused at their place; what is not there yet is said."""

from typing import Any

import httpx
import pytest

from tests.web.answers import good, refused


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, "/url"),
        ({"url": "ftp://a.example"}, "/url"),
        ({"url": "https://u:p@a.example"}, "/url"),
        ({"url": "https://a.example", "events": []}, "/events"),
        ({"url": "https://a.example", "events": ["a b"]}, "/events/0"),
        ({"url": "https://a.example", "secret": "short"}, "/secret"),
        ({"url": "https://a.example", "event": ["a"]}, "/event"),
    ],
)
async def test_a_bad_wish_is_refused_at_its_place(
    api: httpx.AsyncClient, wish: dict[str, Any], pointer: str
) -> None:
    answer = await api.post("/v1/subscriptions", json=wish)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["problems"]] == [pointer], answer.text


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"task": "a", "destination": "b"}, ""),
        ({"destination": "b", "filter": "n > 1"}, "/filter"),
        ({"destination": "b", "filter": "{{n >}}"}, "/filter"),
        ({"destination": "b", "event_type": ["a b"]}, "/event_type/0"),
        ({"destination": "b", "event_type": ""}, "/event_type"),
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(
    api: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    answer = await api.put("/v1/subscriptions/one", json=body)
    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json()["problems"]], answer.text


async def test_what_is_not_there_yet_is_said(api: httpx.AsyncClient) -> None:
    body = {"source": "no", "destination": "none"}
    told = good(await api.put("/v1/subscriptions/one", json=body), 201)
    assert len(told["warnings"]) == 2
    told = good(await api.put("/v1/subscriptions/two", json={"task": "none"}), 201)
    assert "There is no task" in told["warnings"][0]
    refused(await api.post("/v1/subscriptions/two/ping"), 409, "subscription_sends_nothing")


async def test_the_address_says_which_tool_it_is(api: httpx.AsyncClient) -> None:
    url = "https://shop.app.n8n.cloud/webhook/5b3c"
    told = good(await api.post("/v1/subscriptions", json={"url": url}), 201)
    made = good(await api.get(f"/v1/destinations/{told['destination']}"))
    assert made["connector"] == "n8n"
