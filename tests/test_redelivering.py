"""``hub replay`` of deliveries, as it is typed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.model.delivery import DeliveryStart
from hub.model.ids import new_id
from hub.store.deliveries import START_DELIVERY
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import one
from hub.store.schema import deliveries
from tests.databases import prepare

Typed: TypeAlias = Callable[..., str]


@pytest.fixture
def database_url() -> str | None:
    """The store's part is tested on both databases; here SQLite is enough."""
    return None


@pytest.fixture
def data(tmp_path: Path, database_url: str | None) -> Path:
    """The folder of a hub that is not running."""
    prepare(database_url, tmp_path)
    return tmp_path


@pytest.fixture
def typed(data: Path, database_url: str | None) -> Typed:
    """What a command prints to standard output, or where it fails to standard error."""

    def run(*arguments: str, code: int = 0) -> str:
        env = {"HUB_DATA": str(data), "HUB_DATABASE_URL": database_url}
        result = CliRunner().invoke(app, arguments, env=env)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return run


@pytest.fixture
def ask(data: Path, database_url: str | None) -> Callable[..., Any]:
    """Works with the ledger."""

    def do(work: Callable[[Ledger], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            ledger = await open_ledger(database_url, data)
            try:
                return await work(ledger)
            finally:
                await ledger.close()

        return asyncio.run(opened())

    return do


@pytest.fixture
def letters(ask: Callable[..., Any]) -> list[str]:
    """Two dead letters to the till and one to the desk, and one that waits for the till."""
    starts = [
        DeliveryStart(new_id("dlv"), name, b"{}", "a/b", "key", failure=failure)
        for name, failure in (
            ("till", "It is\nbroken."),
            ("till", "It is\nbroken."),
            ("desk", "It is\nbroken."),
            ("till", None),
        )
    ]

    async def queue(ledger: Ledger) -> None:
        for each in starts:
            await ledger.write(START_DELIVERY, each)

    ask(queue)
    return [each.id for each in starts]


@pytest.fixture
def statuses(ask: Callable[..., Any], letters: list[str]) -> Callable[[], list[str]]:
    """How they stand."""

    async def look(ledger: Ledger) -> list[str]:
        rows = [await ledger.read(one, deliveries, id=each) for each in letters]
        return [row["status"] for row in rows if row is not None]

    def read() -> list[str]:
        found: list[str] = ask(look)
        return found

    return read


def test_dead_letters_are_replayed(typed: Typed, statuses: Callable[[], list[str]]) -> None:
    plan = typed("replay", "--dead", "--rate", "2", "--dry-run")
    first, *others = plan.splitlines()
    assert first.startswith("3 dead letters, from 20")
    assert first.endswith("Z: 1.5 s")
    assert others == ["  desk  1", "  till  2"]
    told = json.loads(typed("replay", "--dead", "--dry-run", "--json"))
    assert (told["dry_run"], told["count"], told["takes_s"]) == (True, 3, 0.15)
    assert statuses() == ["dead", "dead", "dead", "pending"]
    said = typed("replay", "--dead", "--destination", "till", "--rate", "0.5")
    assert said == "2 dead letters will have left in 4 s.\n"
    assert statuses() == ["pending", "pending", "dead", "pending"]
    told = json.loads(typed("replay", "--dead", "--json"))
    assert told == {"count": 1, "left": 0, "takes_s": 0.05}
    assert typed("replay", "--dead") == "There are no dead letters.\n"
    assert typed("replay", "--dead", "--dry-run") == "0 dead letters\n"


def test_one_delivery_is_replayed(
    typed: Typed, letters: list[str], statuses: Callable[[], list[str]]
) -> None:
    dead, waiting = letters[0], letters[3]
    assert typed("replay", dead, "--dry-run") == f"{dead} till: dead\n"
    assert statuses()[0] == "dead"
    assert typed("replay", dead) == f"{dead}\n"
    assert statuses()[0] == "pending"
    assert json.loads(typed("replay", letters[1], "--json")) == {"id": letters[1]}
    for more in ([], ["--dry-run"]):
        assert "This delivery is pending" in typed("replay", waiting, *more, code=2)
        assert "There is no delivery 'dlv_1'" in typed("replay", "dlv_1", *more, code=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either an id, or --dead"),
        (["--dry-run"], "either an id, or --dead"),
        (["--dead", "dlv_1"], "either an id, or --dead"),
        (["--dead", "evt_1"], "either an id, or --dead"),
        (["--destination", "till"], "either an id, or --dead"),
        (["dlv_1", "--destination", "till"], "go with --dead"),
        (["evt_1", "--rate", "2"], "go with --dead"),
        (["dlv_1", "--task", "sell"], "--task is for events"),
        (["--dead", "--task", "sell"], "--task is for events"),
        (["--dead", "--rate", "0"], "--rate is a number"),
        (["--dead", "--rate", "-1"], "--rate is a number"),
        (["--dead", "--rate", "nan"], "--rate is a number"),
        (["--dead", "--rate", "inf"], "--rate is a number"),
        (["--dead", "--rate", "fast"], "Usage"),
    ],
)
def test_what_does_not_go_together_is_refused(
    typed: Typed, statuses: Callable[[], list[str]], arguments: list[str], said: str
) -> None:
    assert said in typed("replay", *arguments, code=2)
    assert statuses() == ["dead", "dead", "dead", "pending"]
