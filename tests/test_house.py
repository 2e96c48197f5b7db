"""What CONTRIBUTING.md promises about the house, read from its code."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hub.settings import Settings
from tests.program import STACKS

ROOT = STACKS.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
SAYING = {"debug", "info", "warning", "error", "exception", "critical", "log"}
IRREGULAR = {"broken", "cut", "lost", "said"}
EVENT = re.compile(r"[a-z]+\.[a-z]+")
DURATION = re.compile(r"how long|seconds|minutes|timeout", re.IGNORECASE)
SIZE = re.compile(r"body|bytes|largest", re.IGNORECASE)


@cache
def modules() -> dict[Path, ast.Module]:
    """The hub's modules, parsed."""
    return {path: ast.parse(path.read_text()) for path in sorted((ROOT / "hub").rglob("*.py"))}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in them."""
    for path, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                yield path, node


def event_of(call: ast.Call) -> ast.expr | None:
    """What a call that writes a log line names as its event."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="_log" | "line"), attr=attr) if attr in SAYING:
            return call.args[1 if attr == "log" else 0]
        case ast.Name(id="say"):
            return call.args[0]
    return None


def events() -> dict[str, list[str]]:
    """Every name of a log event, with the modules that write it."""
    found: dict[str, list[str]] = {}
    for path, call in calls():
        event = event_of(call)
        if event is not None:
            assert isinstance(event, ast.Constant), f"{path}:{call.lineno} names no event"
            found.setdefault(str(event.value), []).append(path.name)
    return found


def test_log_events_are_a_noun_and_a_past_participle() -> None:
    found = events()
    assert {"event.received", "run.finished", "delivery.attempted", "library.said"} <= set(found)
    odd = {
        name: where
        for name, where in found.items()
        if not EVENT.fullmatch(name) or not name.endswith(("ed", *IRREGULAR))
    }
    assert not odd, f"not shaped: {odd}; all of them: {sorted(found)}"


def test_the_way_of_an_event_is_eight_files_that_exist() -> None:
    (line,) = [each for each in CONTRIBUTING.splitlines() if "eight files" in each]
    named = re.findall(r"`(hub/[a-z_/]+\.py)`", line)
    assert len(set(named)) == 8
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    "name", re.findall(r"`((?:hub|tests|docs)/[a-z_/]+(?:\.py)?/?)`", CONTRIBUTING)
)
def test_every_place_that_is_named_exists(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_that_is_a_duration_or_a_size_ends_in_its_unit(name: str) -> None:
    field = Settings.model_fields[name]
    description = field.description or ""
    if field.annotation is float or DURATION.search(description):
        assert name.endswith("_s")
    elif field.annotation in (int, int | None) and SIZE.search(description):
        assert name.endswith("_bytes")


def test_the_glossary_has_one_row_for_a_word() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    words = Counter(row for row in rows if row != "word")
    assert len(words) > 30
    assert [word for word, count in words.items() if count > 1] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path, module in modules().items()
        for node in ast.walk(module)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(each.name in ("environ", "environb", "getenv") for each in node.names)
        )
    }
    assert readers == {"hub/settings.py"}


def test_every_kind_of_write_has_a_rank_of_its_own() -> None:
    """By which all processes take row locks in one order."""
    found = [
        re.findall(r'(?:Write|_dropping)\(\s*"(\w+)",\s+(\d+)', path.read_text("utf-8"))
        for path in (ROOT / "hub" / "store").glob("*.py")
    ]
    ranks = [rank for each in found for _, rank in each]
    assert len(ranks) > 30
    assert sorted(set(ranks)) == sorted(ranks)
