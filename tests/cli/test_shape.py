"""The commands as a whole: every one is where a person looks for it, and speaks to programs."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from hub.cli import app
from hub.documentation.commands import commands_page

PANELS = ["Run it", "Try it", "What comes in", "What goes out", "Stacks", "Data", "Operate it"]
SPEAKS_OTHERWISE = {
    *("up", "serve", "worker", "sink", "bench"),
    *("table export", "event export"),
}
"""They log, write what was asked for, or take a file for JSON."""
ROOM = 80 - 4 - 14
"""Characters of a line of ``hub --help`` beside the name."""


def commands(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name."""
    command = command or typer.main.get_command(app)
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    for word, each in (inner or {}).items():
        yield from commands(each, f"{name} {word}".strip())


ALL = dict(commands())


@pytest.mark.parametrize("name", sorted(ALL.keys() - SPEAKS_OTHERWISE))
def test_every_command_that_prints_has_json(name: str) -> None:
    assert any("--json" in each.opts for each in ALL[name].params), name


def test_the_version_is_told_as_an_option_as_well() -> None:
    told = [CliRunner().invoke(app, [each]) for each in ("version", "--version")]
    assert {each.exit_code for each in told} == {0}
    assert len({each.stdout for each in told}) == 1
    assert re.match(r"hub \d", told[0].stdout)


def test_help_is_a_table_of_contents() -> None:
    root: Any = typer.main.get_command(app)
    panels = dict.fromkeys(each.rich_help_panel for each in root.commands.values())
    assert list(panels) == PANELS
    for name, each in root.commands.items():
        about = each.help.partition("\n\n")[0]
        assert len(about) <= ROOM, f"{name}: {about}"
        assert about.endswith("."), name
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    assert [each for each in PANELS if f"─ {each} ─" in told] == PANELS
    assert "Exit codes: 0 all is well" in told


def test_every_parameter_is_explained() -> None:
    for name, command in ALL.items():
        assert command.help, name
        for each in command.params:
            assert getattr(each, "help", None), f"{name} {each.name}"


def test_the_page_names_every_command_and_option() -> None:
    page = commands_page()
    for name, command in ALL.items():
        assert f"### `hub {name}" in page
        for each in command.params:
            assert all(f"`{word}`" in page for word in each.opts if word.startswith("--"))


def test_shells_can_complete() -> None:
    asked = {"_HUB_COMPLETE": "source_bash"}
    shown = CliRunner().invoke(app, [], prog_name="hub", env=asked)
    assert "_HUB_COMPLETE" in shown.output


def on_a_terminal(*words: str, errors: bool = False, **environment: str) -> str:
    """What a person at a terminal is shown; with ``errors`` what stands there beside it too."""
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words],
            env={**kept, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
            stdout=theirs,
            stderr=theirs if errors else None,
            check=True,
        )
        assert done.returncode == 0
        return os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_is_shown_colours(tmp_path: Path, no_color: str) -> None:
    environment = {"HUB_DATA": str(tmp_path), "NO_COLOR": no_color}
    told = on_a_terminal("doctor", "python", "secret_key", **environment)
    assert "secret_key_missing" in told
    assert ("\x1b[33m" in told) is not bool(no_color)


def test_a_terminal_is_shown_a_table() -> None:
    head, *lines = on_a_terminal("connector", "list").splitlines()
    assert "\x1b[1mname" in head
    assert any("github" in each and "preset" in each for each in lines)


def test_a_terminal_is_shown_how_far_an_import_has_come(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("no,city\n" + "".join(f"{n},Oslo\n" for n in range(3_000)))
    environment = {"HUB_DATA": str(tmp_path)}
    on_a_terminal("migrate", **environment)
    told = on_a_terminal("table", "import", "cities", str(file), errors=True, **environment)
    assert "checked" in told
    assert "added" in told
    assert "100%" in told
    assert "3,000 records are added to cities." in told
