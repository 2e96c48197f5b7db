"""The OpenAPI document: valid, whole, and the same everywhere."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hub.bootstrap import Hub
from hub.model.channel import Can
from hub.web.api import OPERATIONS
from hub.web.openapi import document, page_of
from hub.web.openapi.parts import path_of
from hub.web.routes import build_routes
from hub.web.wish import KNOWN
from tests.web.conftest import ROOT

PATHS = document()["paths"]
EVERY = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for path, operations in PATHS.items()
    for method, operation in operations.items()
]


def test_it_is_a_valid_document() -> None:
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_every_operation_is_in_it_under_a_name_of_its_own() -> None:
    for each in OPERATIONS:
        told = PATHS[path_of(each.path)][each.method.lower()]
        assert f"`{each.scope.value}`" in told["description"]
        assert each.summary == told["summary"]
    names = [param.id for param in EVERY]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", str(name)) for name in names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_an_operation_says_what_it_answers(operation: Any) -> None:
    assert operation.gives
    assert all(200 <= status < 400 for status in operation.gives)
    assert all(status >= 400 for status in operation.problems)


@pytest.mark.parametrize(("method", "path", "operation"), EVERY)
def test_every_part_of_a_path_is_described(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    own = [each for each in operation.get("parameters", ()) if "$ref" not in each]
    parts = [each for each in own if each["in"] == "path"]
    assert [each["name"] for each in parts] == re.findall(r"\{(\w+)\}", path)
    assert all(each["description"] for each in own)
    assert operation["tags"][0] in {each["name"] for each in document()["tags"]}


def test_what_a_stream_can_be_asked_for_is_all_there() -> None:
    for path in ("/realtime", "/realtime/{channel}"):
        told = {each["name"] for each in PATHS[path]["get"]["parameters"] if each["in"] == "query"}
        assert told == KNOWN - {"token"}
    assert document()["components"]["securitySchemes"]["token_in_query"]["name"] == "token"


def test_a_change_may_leave_all_out_and_remove_with_null() -> None:
    change = document()["components"]["schemas"]["SourceChange"]
    assert "required" not in change
    assert change["properties"]["verify"]["anyOf"] == [{"type": "object"}, {"type": "null"}]
    assert {"type": "null"} in change["properties"]["task"]["anyOf"]


def test_secrets_may_be_left_out_and_come_back_as_masks() -> None:
    schemas = document()["components"]["schemas"]
    assert "secrets" not in schemas["VerifyHmac"]["required"]
    assert "pattern" in schemas["AuthHeader"]["properties"]["value"]
    assert "pattern" not in schemas["AuthHeaderRead"]["properties"]["value"]
    assert schemas["Can"]["enum"] == [*Can]


async def test_it_is_served_to_anybody_and_kept_by_browsers(hub: Hub) -> None:
    transport = httpx.ASGITransport(build_routes(hub))
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
        answer = await client.get("/openapi.json", headers={"origin": "https://a.example"})
        assert answer.json() == document()
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        known = {"if-none-match": answer.headers["etag"]}
        assert (await client.get("/openapi.json", headers=known)).status_code == 304


async def test_the_page_is_made_of_nothing_from_elsewhere(hub: Hub) -> None:
    transport = httpx.ASGITransport(build_routes(hub))
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
        page = await client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.search(r"<script|\son\w+=|style=", page.text) is None
        links = re.findall(r'(?:href|src)="([^"]*)"', page.text)
        anchors = {each for each in links if each.startswith("#")}
        assert {*links} - anchors == {"/docs/style.css", "/openapi.json"}
        named = re.findall(r'id="([^"]*)"', page.text)
        assert {each[1:] for each in anchors} <= {*named}
        assert len(set(named)) == len(named)
        assert (await client.get("/docs/style.css")).status_code == 200


def test_every_operation_stands_on_the_page() -> None:
    text = page_of(document())
    for param in EVERY:
        assert f'<div id="{param.id}">' in text


def test_what_is_kept_in_the_repository_is_the_same() -> None:
    kept = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert httpx.Response(200, content=kept.read_bytes()).json() == document()
