"""Clicks: what has to be done in a connector's tool, as the README in its package says it."""

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Literal, TypeAlias

Way: TypeAlias = Literal["in", "out"]
"""Whether the tool sends to the hub, or the hub to the tool."""

_HEADING: Final = re.compile(r"^(#+) (.+)$")
_STEP: Final = re.compile(r"^\d+\. (.+)$")
_OUT: Final = "The hub sends to "


@dataclass(frozen=True, slots=True)
class Clicks:
    """One thing to do, step by step. The texts may hold `**bold**` and code in backticks."""

    title: str
    way: Way
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    """What else should be known of it."""


def folder_of(connector: str) -> Path | None:
    """The folder of the package that a connector comes from."""
    for point in entry_points(group="hub.connectors", name=connector):
        file = import_module(point.module).__file__
        if file is not None:
            return Path(file).parent
    return None


def clicks_of(connector: str) -> tuple[Clicks, ...]:
    """What the README beside a connector tells to do; nothing where there is none."""
    folder = folder_of(connector)
    page = None if folder is None else folder / "README.md"
    if page is None or not page.is_file():
        return ()
    return tuple(clicks_in(page.read_text("utf-8", "replace")))


def clicks_in(page: str) -> list[Clicks]:
    """The sections of a page that begin with numbered steps."""
    found = []
    for title, lines in _sections(page):
        steps = tuple(_steps(lines))
        if steps:
            way: Way = "out" if title.startswith(_OUT) else "in"
            found.append(Clicks(title, way, steps, tuple(_notes(lines))))
    return found


def _sections(page: str) -> list[tuple[str, list[str]]]:
    """Each section of the second level, up to whatever heading follows, without code."""
    found: list[tuple[str, list[str]]] = []
    lines: list[str] = []
    is_code = False
    for line in page.splitlines():
        if line.startswith("```"):
            is_code = not is_code
        elif is_code:
            continue
        heading = _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        lines = []
        if heading.group(1) == "##":
            found.append((heading.group(2).strip(), lines))
    return found


def _steps(lines: list[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        step = _STEP.match(line)
        if step is not None:
            found.append(step.group(1).strip())
        elif found and line.startswith("   ") and line.strip():
            found[-1] += f" {line.strip()}"  # it goes on
    return found


def _notes(lines: list[str]) -> list[str]:
    """Its sentences, without steps, tables and links to elsewhere."""
    return [
        line.strip()
        for line in lines
        if line.strip()
        and not line.startswith(("   ", "|", "```", "Source"))
        and _STEP.match(line) is None
        and "](" not in line
    ]
