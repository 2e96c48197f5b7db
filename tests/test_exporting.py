"""What is exported can be applied: to the same hub nothing changes, to a fresh one all is there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.applying import Applied, Way, apply_files
from hub.bootstrap import load_connectors
from hub.commands.checking import problems_in
from hub.commands.exporting import export
from hub.model.json import dumps_text
from hub.model.table import TableSpec
from hub.objectfiles import KINDS
from hub.settings import Settings
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import where
from hub.store.objects import PUT, PutObject
from hub.store.schema import audit, objects
from hub.store.tables import DECLARE, Declare, find_table
from hub.web.api import export as exports
from hub.web.api.export import exported
from hub.web.api.named import Around
from tests.databases import prepare

STACK = """
{ task: "greet", function_stack: [{ function: "log", message: "hello" }] }
{ tables: { visits: { columns: { at: { type: "datetime" } } } } }
"""
YAML = "task: wave\nfunction_stack:\n  - {function: log, message: bye}\n"
SECRET = "the-secret-that-nobody-may-read-anywhere"
SIGNING = "whsec_" + "A" * 43 + "="
OBJECTS: dict[tuple[Any, str], Any] = {
    ("source", "shop"): {"verify": {"mode": "header", "header": "X-Key", "secrets": [SECRET]}},
    ("source", "open"): {"verify": {"mode": "none"}, "task": "greet"},
    ("destination", "till"): {
        "url": "https://till.example/",
        "headers": {"X-Api-Token": SECRET, "X-Plain": "plain"},
        "sign": {"secrets": [SIGNING, SIGNING]},
        "state": "paused",
        "retired": {"secrets": [SECRET], "until": "2999-01-01T00:00:00Z"},
    },
    ("subscription", "paid"): {"source": "shop", "event_type": ["a.*"], "destination": "till"},
    ("channel", "room_*"): {"public": True},
    ("issuer", "signin"): {"secrets": [SECRET], "may": [{"channels": ["user_{sub}_*"]}]},
    ("variable", "TOKEN"): {"value": SECRET, "secret": True},
    ("variable", "ROOT"): {"value": "https://a.example", "secret": False},
    ("pause", "all"): {},
}


@pytest_asyncio.fixture
async def ledger(database_url: str | None, tmp_path: Path) -> AsyncIterator[Ledger]:
    data = tmp_path / "data"
    data.mkdir()
    prepare(database_url, data)
    opened = await open_ledger(database_url, data)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Ledger]:
    data = tmp_path / "fresh"
    data.mkdir()
    prepare(None, data)
    opened = await open_ledger(None, data)
    yield opened
    await opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


async def set_all(ledger: Ledger, folder: Path) -> None:
    for (kind, slug), body in OBJECTS.items():
        await ledger.write(PUT, PutObject(kind, slug, dumps_text(body)))
    spec = TableSpec.model_validate({"columns": {"mail": {"type": "text", "unique": True}}})
    await ledger.write(DECLARE, Declare("orders", spec))
    (folder / "greeting.json5").write_text(STACK)
    (folder / "bye.v2.yaml").write_text(YAML)
    await apply(ledger, folder)


async def apply(ledger: Ledger, folder: Path, **given: Any) -> Applied:
    secrets = given.pop("secrets", {})
    around = Around(load_connectors(), Catalog(ledger, {}), given=secrets)
    return await apply_files(ledger, [folder], around, Way(**given))


async def write_export(ledger: Ledger, folder: Path) -> tuple[str, ...]:
    found = await exported(ledger)
    for each in found.files:
        path = folder / each.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(each.text)
    return found.secrets


async def test_an_export_makes_a_fresh_hub_the_same(
    ledger: Ledger, fresh: Ledger, folder: Path, tmp_path: Path
) -> None:
    await set_all(ledger, folder)
    out = tmp_path / "out"
    out.mkdir()
    secrets = await write_export(ledger, out)
    assert secrets == (
        "DESTINATION_TILL_HEADERS_X_API_TOKEN",
        "DESTINATION_TILL_SIGN_SECRETS",
        "DESTINATION_TILL_SIGN_SECRETS_2",
        "ISSUER_SIGNIN_SECRETS",
        "SOURCE_SHOP_VERIFY_SECRETS",
        "VARIABLE_TOKEN_VALUE",
    )
    text = "".join(each.read_text() for each in out.rglob("*.json5"))
    assert SECRET not in text
    assert SIGNING not in text
    assert list(problems_in(sorted(out.rglob("*.*")))) == []

    given = {name: SIGNING if "_SIGN_" in name else SECRET for name in secrets}
    applied = await apply(fresh, out, secrets=given)
    assert applied.refused == []
    assert await exported(fresh) == await exported(ledger)
    rows = {(row["kind"], row["slug"]) for row in await fresh.read(where, objects)}
    assert rows == OBJECTS.keys() - {("pause", "all")}

    again = await apply(ledger, out)  # to the hub that it came from, without any secret
    assert again.refused == []
    dry = await apply(ledger, out, dry_run=True, prune=True)
    assert (dry.changes, dry.refused) == ([], [])


def test_whatever_stands_in_files_is_exported() -> None:
    assert {*exports.KINDS, "table"} == set(KINDS)


async def test_a_secret_that_nobody_gives_is_named(
    ledger: Ledger, fresh: Ledger, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await set_all(ledger, folder)
    out = tmp_path / "out"
    out.mkdir()
    await write_export(ledger, out)
    applied = await apply(fresh, out)
    assert {each.name for each in applied.refused} == {
        "sources.json5",
        "destinations.json5",
        "issuers.json5",
        "variables.json5",
    }
    assert "Set SOURCE_SHOP_VERIFY_SECRETS in the environment of" in capsys.readouterr().out
    assert "source open" in applied.new


async def test_many_objects_are_several_files(
    ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_MOST_CHARS", 200)
    for n in range(9):
        await ledger.write(PUT, PutObject("source", f"s{n}", '{"verify":{"mode":"none"}}'))
    paths = [each.path for each in (await exported(ledger)).files]
    assert paths == ["sources-1.json5", "sources-2.json5", "sources-3.json5"]
    await write_export(ledger, folder)
    assert len((await apply(ledger, folder)).new) == 9


async def test_a_dry_run_shows_all_and_changes_nothing(ledger: Ledger, folder: Path) -> None:
    await set_all(ledger, folder)
    things = folder / "things.json5"
    things.write_text(
        '{ source: { slug: "shop", verify: { mode: "header", header: "X-Key",'
        ' secrets: ["a-new-secret-of-the-shop"] } } }\n'
        '{ table: { slug: "orders", columns: { mail: { type: "text" } } } }\n'
        '{ variable: { slug: "NEW", value: "1" } }\n'
    )
    (folder / "greeting.json5").write_text(STACK.replace("hello", "good evening"))
    (folder / "bye.v2.yaml").unlink()
    before = await exported(ledger)
    dry = await apply(ledger, folder, dry_run=True, prune=True)
    assert await exported(ledger) == before
    told = {each.name: (each.how, each.lines) for each in dry.changes}
    assert told["variable NEW"] == (
        "new",
        ('+ /: {"managed_by":"file","value":"1","secret":false}',),
    )
    assert told["table orders"] == (
        "changed",
        ('~ /managed_by: "api" -> "file"', "- /columns/mail/unique: true"),
    )
    assert told["source shop"] == (
        "changed",
        ('~ /managed_by: "api" -> "file"', '~ /verify/secrets: ["••••••••"] -> ["••••••••"]'),
    )
    assert told["bye.v2"] == ("removed", ())
    how, lines = told["greeting"]
    assert how == "changed"
    assert any(line.startswith("+") and "good evening" in line for line in lines)

    real = await apply(ledger, folder, prune=True)
    assert [each.name for each in real.changes] == [each.name for each in dry.changes]
    assert (await apply(ledger, folder, dry_run=True, prune=True)).changes == []


async def test_tables_and_variables_of_files_go_with_them(ledger: Ledger, folder: Path) -> None:
    things = folder / "things.json5"
    things.write_text(
        "{ table: { slug: 'orders', columns: { mail: { type: 'text' } } } }\n"
        "{ variable: { slug: 'TOKEN', value: '${TOKEN}', secret: true } }\n"
    )
    await apply(ledger, folder, secrets={"TOKEN": SECRET})
    table = await ledger.read(find_table, "orders")
    assert table is not None
    assert table.managed_by == "file"
    assert (await apply(ledger, folder)).same == ["variable TOKEN", "table orders"]
    (folder / "broken.json5").write_text("{")
    things.unlink()
    assert (await apply(ledger, folder, prune=True)).removed == []  # who knows what it gives
    (folder / "broken.json5").unlink()
    gone = await apply(ledger, folder, prune=True)
    assert gone.removed == ["variable TOKEN", "table orders"]
    assert (await apply(ledger, folder, prune=True)).removed == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{ variable: { slug: '1', value: 'a' } }", "no name for a variable"),
        ("{ variable: { slug: 'A' } }", "'value' is missing"),
        ("{ variable: { slug: 'A', value: 5 } }", "valid string"),
        ("{ table: { slug: 'a b', columns: {} } }", "table"),
        ("{ table: { slug: 'a', columns: { b: { type: 'texts' } } } }", "/table/columns/b/type"),
    ],
)
async def test_what_cannot_be_set_is_refused(
    ledger: Ledger, folder: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.json5").write_text(text)
    applied = await apply(ledger, folder)
    assert applied.refused == [folder / "bad.json5"]
    assert says in capsys.readouterr().out


async def test_the_audit_says_which_file_gave_what(ledger: Ledger, folder: Path) -> None:
    await set_all(ledger, folder)
    rows = await ledger.read(where, audit)
    assert {(row["by_kind"], row["by_name"], row["operation"], row["name"]) for row in rows} == {
        ("file", str(folder / "greeting.json5"), "hub apply", "greeting"),
        ("file", str(folder / "bye.v2.yaml"), "hub apply", "bye.v2"),
    }
    (folder / "bye.v2.yaml").unlink()
    await apply(ledger, folder, prune=True)
    last = (await ledger.read(where, audit))[-1]
    assert (last["by_kind"], last["name"]) == ("command line", "bye.v2")


async def test_the_command_writes_or_prints_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(None, tmp_path)
    ledger = await open_ledger(None, tmp_path)
    await ledger.write(PUT, PutObject("source", "a", '{"verify":{"mode":"none"}}'))
    await ledger.close()
    settings, out = Settings(data=tmp_path), tmp_path / "out"
    await export(settings, out, as_json=False)
    text = (out / "sources.json5").read_text()
    await export(settings, None, as_json=False)
    assert text in capsys.readouterr().out
    await export(settings, None, as_json=True)
    wanted = {"files": [{"path": "sources.json5", "text": text}], "secrets": []}
    assert capsys.readouterr().out == f"{dumps_text(wanted)}\n"
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be written"):
        await export(settings, tmp_path / "file", as_json=False)
