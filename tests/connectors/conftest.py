"""Finds the connectors as the hub does, and gives each test that asks one after the other."""

import json
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest

FOUND = sorted(entry_points(group="hub.connectors"), key=lambda entry: entry.name)


def folder_of(entry: EntryPoint) -> Path:
    """The folder that holds the connector, its README and its samples."""
    return Path(str(import_module(entry.module).__file__)).parent


def samples_of(entry: EntryPoint) -> list[tuple[str, dict[str, Any]]]:
    """Every case of a connector's samples: a file holds one or a list of them."""
    cases = []
    for file in sorted((folder_of(entry) / "samples").glob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        for n, case in enumerate(content if isinstance(content, list) else [content]):
            cases.append((f"{entry.name}-{file.stem}-{n}-{case.get('case', '')}", case))
    return cases


@pytest.fixture
def folder(entry: EntryPoint) -> Path:
    """The folder of the connector under test."""
    return folder_of(entry)


@pytest.fixture
def samples(entry: EntryPoint) -> list[dict[str, Any]]:
    """The samples of the connector under test."""
    return [case for _, case in samples_of(entry)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``entry``: each connector; ``answer`` and ``sent``: each sample of that kind."""
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", FOUND, ids=[entry.name for entry in FOUND])
    for fixture, kind in (("answer", "response"), ("sent", "request")):
        if fixture in metafunc.fixturenames:
            cases = [
                (name, (entry.load(), case))
                for entry in FOUND
                for name, case in samples_of(entry)
                if (kind == "response") == ("response" in case)
            ]
            metafunc.parametrize(fixture, [c for _, c in cases], ids=[name for name, _ in cases])
