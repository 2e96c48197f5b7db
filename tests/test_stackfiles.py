"""Stack files in folders, and ``hub fmt`` over them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.stackfiles import stack_files

LOOSE = "// sells\n{task: 'sell', function_stack: []}"
FORMED = '// sells\n{ task: "sell", function_stack: [] }\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are stacks, and with others."""
    files = {
        "a.json5": LOOSE,
        "b/c.yaml": "task: c \nfunction_stack: []",
        "b/d.yml": "task: d\nfunction_stack: []\n",
        "b/e.json": FORMED,
        "b/notes.txt": LOOSE,
        "stack.schema.json": "{}",
        ".git/f.json": LOOSE,
        "..data/a.json5": LOOSE,
        "b/.g.json5": LOOSE,
        "h.json/i.json5": FORMED,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(folder: Path, paths: list[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def fmt(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and error output of the command."""
    result = CliRunner().invoke(app, ["fmt", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_stack_files_are_found_in_order_without_schemas_and_what_is_hidden(folder: Path) -> None:
    found = ["a.json5", "b/c.yaml", "b/d.yml", "b/e.json", "h.json/i.json5"]
    assert names(folder, stack_files([folder])) == found
    assert names(folder, stack_files([folder / "b", folder])) == found
    assert names(folder, stack_files([folder / "h.json"])) == ["h.json/i.json5"]
    assert names(folder, stack_files([folder / ".git"])) == [".git/f.json"]


def test_a_file_that_is_named_is_taken_as_it_is_once(folder: Path) -> None:
    named = [folder / "b/notes.txt", folder / "a.json5", folder / "none", folder / "a.json5"]
    assert names(folder, stack_files(named)) == ["a.json5", "b/notes.txt", "none"]
    assert stack_files([folder / "stack.schema.json"]) == []
    assert stack_files([]) == []


def test_fmt_gives_every_file_its_form_and_names_what_it_changed(folder: Path) -> None:
    assert fmt(folder) == (0, f"{folder}/a.json5\n{folder}/b/c.yaml\n", "")
    assert (folder / "a.json5").read_text() == FORMED
    assert (folder / "b/c.yaml").read_text() == "task: c\nfunction_stack: []\n"
    assert (folder / "b/notes.txt").read_text() == LOOSE
    assert (folder / ".git/f.json").read_text() == LOOSE
    assert fmt(folder) == (0, "", "")


def test_fmt_check_names_what_it_would_change_and_changes_nothing(folder: Path) -> None:
    assert fmt("--check", folder) == (1, f"{folder}/a.json5\n{folder}/b/c.yaml\n", "")
    assert (folder / "a.json5").read_text() == LOOSE
    assert fmt("--check", folder / "b/d.yml", folder / "b/e.json") == (0, "", "")


def test_a_file_that_cannot_be_read_is_named_and_the_others_get_their_form(folder: Path) -> None:
    (folder / "b/c.yaml").write_text("task: {{ x }}")
    (folder / "b/d.yml").write_bytes(b"task: \xff")
    code, output, errors = fmt(folder, folder / "none.json5")
    assert (code, output) == (2, f"{folder}/a.json5\n")
    broken, foreign, missing = errors.splitlines()
    assert broken == (
        f"{folder}/b/c.yaml: Line 1, column 7: An expression needs quotes in YAML. "
        'Put the expression in quotes, with all that belongs to the text: "{{ x }}"'
    )
    assert foreign == f"{folder}/b/d.yml: The file is not text in UTF-8: save it as such."
    assert missing.startswith(f"{folder}/none.json5: The file cannot be read or written: ")
    assert fmt("--check", folder)[0] == 2


def test_line_ends_of_another_system_are_seen_and_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.json5"
    path.write_bytes(FORMED.replace("\n", "\r\n").encode())
    assert fmt("--check", path)[0] == 1
    assert fmt(path)[0] == 0
    assert path.read_bytes() == FORMED.encode()


def test_without_a_path_it_is_the_folder_stacks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    code, _, errors = fmt()
    assert code == 2
    assert errors.startswith("stacks: The file cannot be read or written: ")
    (folder / "b").rename(folder / "stacks")
    assert fmt("--check") == (1, "stacks/c.yaml\n", "")
