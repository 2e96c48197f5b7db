"""``hub key``, ``hub apply --dry-run`` and the audit, as they are typed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.store.ledger import open_ledger
from hub.store.lookup import where
from hub.store.schema import audit
from tests.databases import prepare

Typed: TypeAlias = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a hub that is not running."""
    prepare(None, tmp_path)
    return tmp_path


@pytest.fixture
def typed(data: Path) -> Typed:
    """What a command prints to standard output, or where it fails to standard error."""

    def run(*words: object, code: int = 0, **env: str) -> str:
        given = {"HUB_DATA": str(data), **env}
        result = CliRunner().invoke(app, [str(each) for each in words], env=given)
        assert result.exit_code == code, result.output
        return result.stderr if code == 2 else result.stdout

    return run


def audited(data: Path) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        ledger = await open_ledger(None, data)
        try:
            return await ledger.read(where, audit)
        finally:
            await ledger.close()

    return asyncio.run(read())


def test_keys_are_made_listed_and_revoked(typed: Typed, data: Path) -> None:
    boss = typed("key", "new", "boss", "--scope", "admin").splitlines()
    assert boss[0].startswith("hub_")
    words = ("--scope", "run", "--scope", "read", "--expires-at", "2999-01-01T00:00:00Z")
    made = json.loads(typed("key", "new", "n8n", *words, "--json"))
    assert made["scopes"] == ["read", "run"]
    listed = [json.loads(line) for line in typed("key", "list", "--json").splitlines()]
    assert listed[1] == {name: value for name, value in made.items() if name != "key"}
    shown = typed("key", "list")
    assert "read, run" in shown
    assert boss[0] not in shown
    assert made["key"] not in shown
    assert "revoked" in typed("key", "revoke", made["id"])
    assert "There is no key" in typed("key", "revoke", made["id"], code=2)
    assert "There is no key" in typed("key", "revoke", "x", code=2)
    assert "last key" in typed("key", "revoke", listed[0]["id"], code=2)
    rows = audited(data)
    assert [(row["by_kind"], row["operation"], row["name"]) for row in rows] == [
        ("command line", "hub key new", listed[0]["id"]),
        ("command line", "hub key new", made["id"]),
        ("command line", "hub key revoke", made["id"]),
    ]
    assert made["key"] not in str(rows)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("x", "--scope", "root"), "/scopes/0"),
        (("", "--scope", "read"), "/name"),
        (("x", "--scope", "read", "--expires-at", "soon"), "/expires_at"),
        (("x", "--scope", "read", "--expires-at", "2020-01-01T00:00:00Z"), "/expires_at"),
    ],
)
def test_a_key_that_cannot_be_is_refused(typed: Typed, words: tuple[str, ...], says: str) -> None:
    assert says in typed("key", "new", *words, code=2)
    assert typed("key", "list", "--json") == ""


def test_what_commands_do_to_records_is_told(typed: Typed, data: Path) -> None:
    (data / "people.csv").write_text("mail\na@example.com\n")
    typed("table", "import", "people", data / "people.csv")
    typed("table", "show", "people")
    (row,) = audited(data)
    assert (row["operation"], row["kind"], row["name"]) == ("hub table import", "table", "people")


def test_a_dry_run_says_by_its_code_whether_anything_would_change(typed: Typed, data: Path) -> None:
    file = data / "things.json5"
    file.write_text("{ variable: { slug: 'A', value: '${HERE}', secret: true } }")
    told = typed("apply", file, "--dry-run", code=3, HERE="hush-hush")
    assert "new variable A" in told
    assert "hush-hush" not in told
    assert audited(data) == []
    typed("apply", file, HERE="hush-hush")
    assert "0 new, 1 unchanged" in typed("apply", file, "--dry-run", "--prune")
    file.write_text("{ variable: { slug: '1' } }")
    typed("apply", file, "--dry-run", code=1)
    assert '"variable"' in typed("export")
