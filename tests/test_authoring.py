"""The commands for authors, as they are typed: check, run, simulate."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app

GREET = """
{ task: "greet", function_stack: [
  { function: "add_record", table: "greeted", data: { name: "{{name}}" } },
  { function: "external_api_request", url: "https://mail.example.com/send",
    data: { to: "{{name}}", key: "{{env.KEY}}" }, as: "sent" },
  { function: "background_task", task: "remind", data: { id: "{{greeted.id}}" }, delay: 604800 },
  { function: "return_response", body: { status: "{{sent.status}}" } },
] }
{ task: "remind", function_stack: [{ function: "log", message: "time to greet {{input.id}}" }] }
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "greet.json5"
    path.write_text(GREET)
    return path


def typed(*arguments: object, code: int = 0) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_check_says_that_all_is_well_or_what_is_not(stack: Path, tmp_path: Path) -> None:
    assert typed("check", stack) == "1 file: 0 errors, 0 warnings.\n"
    bad = tmp_path / "bad.json5"
    bad.write_text('{ task: "t", function_stack: [\n  { function: "add_recrod" },\n] }')
    told = typed("check", tmp_path, code=1)
    assert f"{bad}:2:5: error: There is no function and no task 'add_recrod'." in told
    assert "Did you mean 'add_record'? [unknown-function]" in told
    problems = json.loads(typed("check", tmp_path, "--json", code=1))
    assert [(each["file"], each["line"]) for each in problems] == [(str(bad), 2)]


def test_warnings_fail_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.json5"
    path.write_text('{ task: "t", function_stack: [{ function: "stop", if: "x" }] }')
    assert "[constant-condition]" in typed("check", path)
    typed("check", path, "--strict", code=1)


def test_check_of_nothing_says_so(tmp_path: Path) -> None:
    assert typed("check", tmp_path, code=2) == f"hub: There are no stacks in {tmp_path}.\n"
    problem = json.loads(typed("check", tmp_path, "--json", code=2))
    assert problem["code"] == "stacks_missing"
    assert "cannot be read" in typed("check", tmp_path / "none.json5", code=1)


def test_run_shows_each_step_and_what_would_be_sent(stack: Path) -> None:
    told = typed("run", stack, "--input", '{name: "Ada"}', "--secret", "KEY=hunter2")
    assert "greet/greet  succeeded" in told
    assert "→ POST https://mail.example.com/send" in told
    assert '= {"status":200}' in told
    assert "greet/remind" in told.partition("Would go on later:")[2]


def test_run_takes_a_task_answers_and_records(stack: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.json5"
    answers.write_text('{"https://mail.example.com/": {status: 503, body: "busy"}}')
    given = ["--input", '{"name":"Ada"}', "--env", "KEY=k", "--answers", f"@{answers}"]
    told = json.loads(typed("run", f"{stack}:greet", *given, "--json", code=1))
    [run] = [each for each in told["timeline"] if each["kind"] == "run"]
    assert (run["status"], run["failure"]["code"]) == ("failed", "status_refused")
    assert told["tables"]["greeted"][0]["name"] == "Ada"


def test_simulate_follows_what_is_delayed(stack: Path) -> None:
    given = ["--input", '{"name":"Ada"}', "--env", "KEY=k", "--at", "2026-01-01T00:00:00Z"]
    told = typed("simulate", stack, "--for", "8d", *given, "--show-tables")
    assert "2026-01-08T00:00:00.000000Z  greet/remind  succeeded" in told
    assert "# info  time to greet 1" in told
    assert "Table greeted:" in told
    assert "Would go on later" in typed("simulate", stack, "--for", "6d", *given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.json5"], "There is no file or folder 'none.json5'."),
        (["run", "greet.json5", "--input", "[1]"], "--input must be a JSON object."),
        (["run", "greet.json5", "--input", "{"], "--input: "),
        (["run", "greet.json5", "--env", "KEY"], "--env takes NAME=VALUE"),
        (["run", "greet.json5", "--answers", '{"x": {"stauts": 1}}'], "stauts"),
        (["run", "greet.json5:nothing"], "There is no task"),
        (["simulate", "greet.json5", "--for", "soon"], "'soon' is no span"),
        (["simulate", "greet.json5", "--at", "soon"], "'soon' is no date"),
        (["run", "greet.json5", "--input", "@none.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(
    arguments: list[str], message: str, stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack.parent)
    told = typed(*arguments, code=2)
    assert message in told
    assert told.startswith("hub: ")
    assert told.count("\n") == 1


def test_run_really_sends_where_that_is_asked_for(stack: Path) -> None:
    given: list[Any] = ["--input", '{"name":"Ada"}', "--env", "KEY=k", "--send"]
    mapped = ["--map", "https://mail.example.com/=http://127.0.0.1:1/"]
    told = typed("run", stack, *given, *mapped, code=1)
    assert "No connection could be made" in told


def test_check_sees_tables_that_two_stacks_declare_otherwise(tmp_path: Path) -> None:
    for name, kind in (("one", "text"), ("two", "number"), ("three", "text")):
        text = f"{{ tables: {{ people: {{ columns: {{ n: {{ type: '{kind}' }} }} }} }} }}"
        (tmp_path / f"{name}.json5").write_text(text)
    told = typed("check", tmp_path, code=1)
    assert told.count("[declared-elsewhere]") == 4
    assert "The table 'people' is declared otherwise by the stack 'two'." in told
