"""``hub table``, as it is typed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from typer.testing import CliRunner

from hub.cli import app
from tests.databases import Postgres, prepare
from tests.flows.listening import listening
from tests.program import embedded_hub

Typed: TypeAlias = Callable[..., str]
PEOPLE = "mail,n\nada@example.com,1\nbob@example.com,2\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a hub that is not running."""
    prepare(None, tmp_path)
    return tmp_path


@pytest.fixture
def typed(data: Path) -> Typed:
    """What a command prints to standard output, or where it fails to standard error."""

    def run(*arguments: object, code: int = 0, given: str | None = None, **env: str) -> str:
        words = ["table", *(str(each) for each in arguments)]
        result = CliRunner().invoke(app, words, input=given, env={"HUB_DATA": str(data), **env})
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return run


def test_rows_of_a_file_are_added_listed_and_shown(typed: Typed, data: Path) -> None:
    (data / "people.csv").write_text(PEOPLE)
    assert typed("list") == "table  records  columns  declared_by\n"
    assert typed("import", "people", data / "people.csv") == "2 records are added to people.\n"
    assert typed("list").splitlines()[1].split() == ["people", "2"]
    head, ada, bob = typed("show", "people").splitlines()
    assert head.split() == ["id", "mail", "n"]
    assert ada.split() == ["1", "ada@example.com", "1"]
    assert bob.index("bob") == ada.index("ada") == head.index("mail")


def test_a_declaration_is_taken_shown_and_kept_to(typed: Typed, data: Path) -> None:
    said = typed("declare", "people", "-", given="{ columns: { n: { type: 'integer' } } } // n")
    assert said == "Declared columns of people: n.\n"
    assert json.loads(typed("spec", "people")) == {"columns": {"n": {"type": "integer"}}}
    assert typed("list").splitlines()[1].split() == ["people", "0", "n", "api"]
    typed("import", "people", "-", "--format", "csv", given=PEOPLE)
    shown = [json.loads(line) for line in typed("show", "people", "--json").splitlines()]
    assert [each["n"] for each in shown] == [1, 2]
    again = typed("declare", "people", "-", given='{"columns": {"n": {"type": "integer"}}}')
    assert again == "Nothing is new, declared columns of people: n.\n"


def test_records_are_chosen_sorted_and_written_to_a_file(typed: Typed, data: Path) -> None:
    rows = "".join(json.dumps({"n": n, "text": f"={n}"}) + "\n" for n in range(30))
    typed("import", "t", "-", "--format", "jsonl", given=rows)
    assert len(typed("show", "t").splitlines()) == 21
    shown = typed(
        "show", "t", "--filter", '{"n": {"$gte": 28}}', "--sort", '{"n": "desc"}', "--json"
    )
    assert [json.loads(line)["n"] for line in shown.splitlines()] == [29, 28]
    assert typed("export", "t", "--out", data / "out.csv", "--filter", '{"n": 3}') == ""
    assert (data / "out.csv").read_text().splitlines()[1].endswith(",3,'=3")
    assert len(typed("export", "t").splitlines()) == 30
    copied = typed("import", "copy", data / "out.csv")
    assert copied == "1 record is added to copy.\n"


def test_long_and_odd_texts_keep_to_their_line(typed: Typed) -> None:
    row = json.dumps({"a": "x\ny\x1b[31m" + "z" * 100, "b": [1, {"c": None}]})
    typed("import", "t", "-", "--format", "jsonl", given=row)
    _, line = typed("show", "t").splitlines()
    assert "x y [31mzz" in line
    assert "…" in line
    assert line.endswith('[1,{"c":null}]')


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["show", "poeple"], None, "There is no table 'poeple'. Did you mean 'people'?"),
        (["export", "x"], None, "There is no table 'x'."),
        (["spec", "x"], None, "There is no table 'x'."),
        (["show", "1x"], None, "1x"),
        (["show", "people", "--filter", "{"], None, "--filter takes JSON"),
        (["show", "people", "--filter", '{"n": {"$gtee": 1}}'], None, "Did you mean $gte?"),
        (["show", "people", "--sort", '{"n": "up"}'], None, '"asc" or "desc"'),
        (["import", "people", "missing.csv"], None, "missing.csv cannot be read"),
        (["import", "people", "-"], "", "--format csv or jsonl"),
        (["import", "people", "-", "--format", "xml"], "", "--format csv or jsonl"),
        (["import", "people", "-", "--format", "jsonl"], "5\n{}\n6", "  line 3: Each line must"),
        (["declare", "people", "-"], "{columns: {id: {}}}", "a column of every table"),
        (["declare", "people", "-"], "{columns: {a: {type: 'money'}}}", "columns/a/type: "),
        (["declare", "people", "-"], "{columns", "Line 1, column"),
        (["declare", "people", "-"], "", "There is no document"),
        (["declare", "people", "-"], "{} {}", "A declaration is one object"),
        (["declare", "people", "-"], "{columns: {n: {type: 'number'}}}", "Record 1 of people"),
        (["declare", "people", "missing"], None, "missing cannot be read"),
    ],
)
def test_what_cannot_be_done_says_why(
    typed: Typed, arguments: list[str], given: str | None, said: str
) -> None:
    typed("import", "people", "-", "--format", "csv", given=PEOPLE)
    told = typed(*arguments, code=2, given=given)
    assert said in told
    assert told.startswith("hub: ")
    assert "Traceback" not in told
    assert len(typed("export", "people").splitlines()) == 2


def test_without_a_database_it_says_how_to_get_one(typed: Typed, data: Path) -> None:
    told = typed("list", code=2, HUB_DATA=str(data / "none"))
    assert "start `hub up` once, or run `hub migrate`" in told
    (data / "old").mkdir()
    (data / "old" / "hub.sqlite").touch()
    assert "run `hub migrate` once" in typed("list", code=2, HUB_DATA=str(data / "old"))


def test_it_works_on_postgresql(typed: Typed, postgres: Postgres, data: Path) -> None:
    with postgres.database() as url:
        prepare(url, data)
        typed("import", "t", "-", "--format", "jsonl", given='{"a": 1}', HUB_DATABASE_URL=url)
        assert len(typed("export", "t", HUB_DATABASE_URL=url).splitlines()) == 1
    assert typed("list").splitlines()[1:] == []


async def test_it_works_beside_a_hub_that_runs(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:

        def run(*words: str, given: str | None = None) -> str:
            env = {"HUB_DATA": str(tmp_path)}
            result = CliRunner().invoke(app, ["table", *words], input=given, env=env)
            assert result.exit_code == 0, result.output
            return result.stdout

        declared = '{"columns": {"mail": {"type": "text", "unique": true}}}'
        await asyncio.to_thread(run, "declare", "people", "-", given=declared)
        rows = '{"mail": "a"}\n{"mail": "b"}'
        await asyncio.to_thread(run, "import", "people", "-", "--format", "jsonl", given=rows)
        records = (await hub.get("/v1/tables/people/records"))["items"]
        assert [each["fields"]["mail"] for each in records] == ["a", "b"]
        await hub.until("/v1/tables/people", managed_by="api")
        answer = await hub.api.post("/v1/tables/people/records", json={"mail": "a"})
        assert answer.status_code == 409
        told = await asyncio.to_thread(run, "list")
        assert told.splitlines()[1].split() == ["people", "2", "mail", "api"]


async def test_rows_that_are_imported_beside_a_hub_into_a_live_table_are_told(
    tmp_path: Path,
) -> None:
    async with embedded_hub(tmp_path) as hub:
        await hub.put("/v1/tables/people", {"live": {"filter": {"mail": {"$starts_with": "b"}}}})

        def bring() -> None:
            words = ["table", "import", "people", "-", "--format", "csv"]
            result = CliRunner().invoke(app, words, input=PEOPLE, env={"HUB_DATA": str(tmp_path)})
            assert result.exit_code == 0, result.output

        async with listening(hub, "tables.people") as page:
            await asyncio.to_thread(bring)
            [message] = await page.next(1, timeout_s=15)
        assert message["event"] == "record.added"
        assert message["data"]["record"]["fields"]["mail"] == "bob@example.com"
