"""``hub check`` on whole files: all that is wrong at once, whatever the files hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from tests.stack.test_mistakes import TOUR

MANY = """
{ task: "one", on_error: "nobody", function_stack: [
  { function: "add_recrod", table: "a", data: {} },
  { function: "get_record", table: "a", filter: { n: { $gtee: 1 } } },
  { function: "log", message: "{{lenght(a)}}", levle: "info" },
  { function: "for_each_loop", array: "{{rows}}", function_stack: [
    { function: "edit_record", table: "a", data: { n: 1 } },
    { function: "conditional", condition: "{{x = 1}}" },
  ] },
] }
{ scheduled_task: { name: "two", schedule: "0 25 * * *", timezone: "Moon", function_stack: [] } }
{ tables: { a: { columns: { n: { type: "list", unique: true } } } } }
"""
PLACES = [
    ([4, 56], "$gtee"),
    ([5, 22], "lenght"),
    ([5, 48], "levle"),
    ([7, 5], "'record_id' or 'where'"),
    ([8, 32], "Compare with =="),
    ([11, 34], "hour"),
    ([11, 58], "time zone"),
    ([12, 29], "unique"),
]
SHAPE = {"file", "severity", "message", "hint", "line", "column", "pointer"}


def checked(path: Path, *options: str) -> tuple[int, str]:
    """What the command ends with, and all that it says."""
    result = CliRunner().invoke(app, ["check", str(path), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def found(path: Path) -> list[dict[str, Any]]:
    """The problems, as programs get them."""
    code, told = checked(path, "--json")
    problems: list[dict[str, Any]] = json.loads(told)
    assert code == (1 if any(each["severity"] == "error" for each in problems) else 0)
    return problems


def test_all_that_is_wrong_with_a_file_is_told_at_once_in_order(tmp_path: Path) -> None:
    (tmp_path / "many.json5").write_text(MANY)
    problems = found(tmp_path)
    assert [[each["line"], each["column"]] for each in problems] == [at for at, _ in PLACES]
    for problem, (_, says) in zip(problems, PLACES, strict=True):
        assert says in problem["message"]
        assert problem["severity"] == "error"
    code, told = checked(tmp_path)
    lines = told.splitlines()
    assert code == 1
    assert lines[-1] == f"1 file: {len(PLACES)} errors, 0 warnings."
    for line, ((row, column), says) in zip(lines[:-1], PLACES, strict=True):
        assert line.startswith(f"{tmp_path / 'many.json5'}:{row}:{column}: error: ")
        assert says in line


def test_names_that_nothing_has_are_told_as_soon_as_the_rest_is_right(tmp_path: Path) -> None:
    steps = '{ function: "add_recrod" }, { function: "background_task", task: "nobody" }'
    (tmp_path / "t.json5").write_text(f'{{ task: "t", on_error: "no", function_stack: [{steps}] }}')
    assert [each["code"] for each in found(tmp_path)] == [
        "unknown-task",
        "unknown-function",
        "unknown-task",
    ]


def test_every_mistake_of_the_tour_has_one_shape(tmp_path: Path) -> None:
    for number, mistake in enumerate(TOUR):
        (tmp_path / f"m{number:03}.json5").write_text(mistake["text"], "utf-8")
    problems = found(tmp_path)
    assert {Path(each["file"]).stem for each in problems} >= {f"m{n:03}" for n in range(len(TOUR))}
    for problem in problems:
        assert problem.keys() - {"code"} == SHAPE
        assert problem["severity"] in ("error", "warning")
        assert problem["message"].strip()
        for word in ("Traceback", "pydantic", "ValidationError", "object at 0x"):
            assert word not in problem["message"] + (problem["hint"] or "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"\xff\xfe\x00\x01", "cannot be read", id="bytes"),
        pytest.param("{ task: 't' }".encode("utf-16"), "cannot be read", id="utf-16"),
        pytest.param("{ task: 't\xe4g' }".encode("latin-1"), "cannot be read", id="latin-1"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "cannot be read", id="picture"),
        pytest.param(b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "\\x03", id="archive"),
        pytest.param(b"\x00" * 1000, "NUL", id="zeros"),
        pytest.param(b"", "There is no document in this text.", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "There is no document in this text.", id="mark alone"),
        pytest.param(b"[" * 100_000, "nested deeper", id="deep"),
        pytest.param(b"[" + b"1," * 600_000 + b"]", "longer than 1 MiB", id="giant list"),
        pytest.param(b"[" + b"1," * 400_000, "is not closed", id="open list"),
    ],
)
def test_a_file_that_is_no_stack_is_told_so_and_hides_no_other(
    content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.json5").write_bytes(content)
    (tmp_path / "other.json5").write_text('{ task: "t", function_stack: [{ function: "stp" }] }')
    bad, other = found(tmp_path)
    assert Path(bad["file"]).stem == "bad"
    assert bad["severity"] == "error"
    assert says in bad["message"]
    assert len(bad["message"]) < 500
    assert (Path(other["file"]).stem, other["code"]) == ("other", "unknown-function")


def test_a_stack_may_begin_with_the_mark_of_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.json5").write_bytes(b'\xef\xbb\xbf{ task: "t", function_stack: [] }')
    assert found(tmp_path) == []


def test_two_files_may_not_have_one_path_or_one_name(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name, path in (("shop", "/orders/{id}"), ("till", "/orders/{number}"), ("else", "/orders")):
        text = f'{{ api_endpoint: "{path}", name: "{name}", function_stack: [] }}'
        (tmp_path / f"{name}.json5").write_text(text)
    assert [(Path(each["file"]).stem, each["code"]) for each in found(tmp_path)] == [
        ("shop", "endpoint-taken"),
        ("till", "endpoint-taken"),
    ]
    (tmp_path / "deep" / "shop.yaml").write_text("task: t\nfunction_stack: []\n")
    [twice] = [each["message"] for each in found(tmp_path) if "code" not in each]
    assert "gives the stack 'shop' too: rename one." in twice


def test_a_giant_that_is_right_is_checked(tmp_path: Path) -> None:
    rows = json.dumps(list(range(100_000)))
    step = f'{{ function: "create_variable", name: "rows", value: {rows} }}'
    (tmp_path / "t.json5").write_text(f'{{ task: "t", function_stack: [{step}] }}')
    assert found(tmp_path) == []
