"""Holds answers against the OpenAPI document: nothing is answered that it does not tell of."""

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from hub.web.openapi import document
from hub.web.problems import MEDIA_TYPE

_ANYWHERE = {"head_timeout", "headers_too_large", "head_broken"}
"""Codes of what cannot be read as a request."""


async def check(response: httpx.Response) -> None:
    """An event hook of a client: the answer is one that is documented, to the last field."""
    found = _operation(response.request.method, response.request.url.path)
    if found is None or response.status_code == 405:
        return
    path, operation = found
    where = f"{response.request.method} {path} {response.status_code}"
    told = operation["responses"].get(str(response.status_code))
    if told is None:
        told = operation["responses"].get("default")
        if told is not None:
            return
        await response.aread()
        raise AssertionError(f"{where} is not documented: {response.text[:500]}")
    told = _resolved(told)
    if "content" not in told:
        await response.aread()
        assert not response.content, f"{where} has a body, and none is documented"
        return
    if response.request.method == "HEAD":
        return
    kind = response.headers.get("content-type", "").partition(";")[0]
    types = {each.partition(";")[0] for each in told["content"]}
    assert kind in types or "*/*" in types or "default" in operation["responses"], (
        f"{where} is {kind}, documented are {types}"
    )
    if kind not in ("application/json", MEDIA_TYPE) or "*/*" in types:
        return
    await response.aread()
    body = response.json()
    method, status = response.request.method.lower(), str(response.status_code)
    faults = _validator(path, method, status, kind).iter_errors(body)
    problems = [f"{each.instance_path}: {each.message[:300]}" for each in faults]
    assert not problems, f"{where} is not as documented: {problems}"
    if kind == MEDIA_TYPE and "default" not in operation["responses"]:
        codes = {*re.findall(r"`(\w+)`", told["description"]), *_ANYWHERE}
        assert body["code"] in codes, f"{where} has the code {body['code']}: documented are {codes}"


@cache
def _patterns() -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    """The paths, those without parameters first, as routes are looked for."""
    found = []
    for path, operations in document()["paths"].items():
        parts = re.split(r"(\{\w+\})", path)
        pattern = "".join(
            _reach(path, each) if each.startswith("{") else re.escape(each) for each in parts
        )
        found.append((re.compile(pattern), path, operations))
    return found


def _reach(path: str, part: str) -> str:
    holds_slashes = path.startswith(("/v1/channels", "/v1/tasks", "/v1/schedules", "/realtime"))
    return ".+" if holds_slashes or part in ("{rest}", "{token}") else "[^/]+"


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    wanted = "get" if method == "HEAD" else method.lower()
    for pattern, named, operations in _patterns():
        if pattern.fullmatch(path) and wanted in operations:
            return named, operations[wanted]
    return None


def _resolved(told: dict[str, Any]) -> dict[str, Any]:
    ref = told.get("$ref")
    return told if ref is None else document()["components"]["responses"][ref.rpartition("/")[2]]


@cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    operation = document()["paths"][path][method]
    content = _resolved(operation["responses"][status])["content"]
    schema = next(each["schema"] for name, each in content.items() if name.startswith(kind))
    return jsonschema_rs.Draft202012Validator(
        {**_closed(schema), "components": _closed(document()["components"])}
    )


def _closed(schema: Any) -> Any:
    """With no fields but those that are named."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed
