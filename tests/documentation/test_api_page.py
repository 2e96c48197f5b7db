"""docs/api.md says what is so."""

import json
import re
from typing import Any

import httpx

from hub.web.openapi import document
from hub.web.paging import DEFAULT_LIMIT, MAX_LIMIT
from tests.program import STACKS
from tests.web.conftest import api, hub, key_of

__all__ = ["api", "hub", "key_of"]

PAGE = (STACKS.parent / "docs" / "api.md").read_text("utf-8")
[PROBLEM] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def section(heading: str) -> str:
    """What stands under a heading."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


async def test_the_problem_is_answered_as_it_stands(api: httpx.AsyncClient) -> None:
    body = {"url": "https://hook.eu2.make.com/a", "timeout_s": 0}
    answer = await api.put("/v1/destinations/make-leads", json=body)
    assert answer.json() == PROBLEM


def test_every_code_and_operation_that_it_names_is_in_the_document() -> None:
    told = json.dumps(document())
    for code in re.findall(r"\b[1-5]\d\d `(\w+)`", PAGE):
        assert f"`{code}`" in told
    names = re.search(r"`operationId` \((.*?)\)", PAGE)
    assert names is not None
    for name in re.findall(r"`(\w+)`", names[1]):
        assert f'"operationId": "{name}"' in told


def test_every_status_has_its_line() -> None:
    told = {int(text) for row in _first_cells(section("What goes wrong")) for text in row}
    operations = (each for path in document()["paths"].values() for each in path.values())
    given = {int(status) for each in operations for status in _statuses(each)}
    beside = {405, 416, 431, 500, 502}
    assert given - told <= beside
    assert told <= given


def test_the_limits_are_the_real_ones() -> None:
    assert f"`?limit=` is {DEFAULT_LIMIT} unless told, {MAX_LIMIT} at most" in PAGE


def _first_cells(text: str) -> list[list[str]]:
    return [
        re.findall(r"\d+", cell) for cell in re.findall(r"^\| ([\d, ]+) \|", text, re.MULTILINE)
    ]


def _statuses(operation: dict[str, Any]) -> list[str]:
    return [each for each in operation["responses"] if each.isdigit() and int(each) >= 400]
