"""Files are applied where they changed, and what they gave is removed only when that is asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.applying import Way, apply_files
from hub.bootstrap import load_connectors
from hub.commands.checking import problems_in
from hub.errors import ConflictError
from hub.model.json import loads
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import where
from hub.store.objects import DROP, PUT, DropObject, PutObject
from hub.store.schema import objects
from hub.store.stacks import all_stacks
from hub.web.api.named import Around
from tests.databases import prepare

STACK = '{ task: "greet", function_stack: [{ function: "log", message: "hello" }] }'


THINGS = """
// a shop, and who is told of what it says
{ destination: { slug: "make", connector: "make", url: "https://hook.eu1.make.com/abc" } }
{ subscription: { slug: "paid", source: "shop", event_type: "order.*", destination: "make" } }
{ source: { slug: "shop", task: "greet",
  verify: { mode: "header", header: "X-Api-Key", secrets: ["the-right-token"] } } }
"""
ISSUER = """
{ issuer: { slug: "signin", secrets: ["the-secret-that-tokens-are-signed-with"],
  may: [{ channels: ["user_{sub}_*"] }] } }
"""


@pytest_asyncio.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Ledger]:
    data = tmp_path / "data"
    data.mkdir()
    prepare(None, data)
    ledger = await open_ledger(None, data)
    yield ledger
    await ledger.close()


@pytest.fixture
def around(sqlite: Ledger) -> Around:
    return Around(load_connectors(), Catalog(sqlite, {}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "stacks"
    made.mkdir()
    return made


async def bodies(ledger: Ledger) -> dict[str, Any]:
    rows = await ledger.read(where, objects, managed_by="file")
    return {f"{row['kind']} {row['slug']}": loads(row["body"]) for row in rows}


async def test_apply_takes_files_to_a_ledger_and_removes_what_no_file_gives(
    sqlite: Ledger, around: Around, folder: Path
) -> None:
    (folder / "one.json5").write_text(STACK)
    (folder / "two.json5").write_text(STACK)
    first = await apply_files(sqlite, [folder], around)
    assert (first.new, first.same) == (["one", "two"], [])
    (folder / "two.json5").unlink()
    (folder / "bad.json").write_text("{")
    second = await apply_files(sqlite, [folder], around)
    assert (second.same, second.removed, second.refused) == (["one"], [], [folder / "bad.json"])
    third = await apply_files(sqlite, [folder], around, Way(prune=True))
    assert third.removed == ["two"]
    assert [each.name for each in await sqlite.read(all_stacks)] == ["one"]


async def test_sources_destinations_and_subscriptions_stand_in_files_too(
    sqlite: Ledger, around: Around, folder: Path
) -> None:
    (folder / "greeting.json5").write_text(STACK)
    (folder / "a-shop.json5").write_text(THINGS)
    first = await apply_files(sqlite, [folder], around)
    assert (first.new, first.refused) == (
        ["greeting", "source shop", "destination make", "subscription paid"],
        [],
    )
    assert set(around.catalog.now.sources) == {"shop"}
    again = await apply_files(sqlite, [folder], around)
    assert (again.new, len(again.same)) == ([], 4)

    # a secret that is left out stays as it is
    (folder / "a-shop.json5").write_text(THINGS.replace(', secrets: ["the-right-token"]', ""))
    assert (await apply_files(sqlite, [folder], around)).new == []
    assert (await bodies(sqlite))["source shop"]["verify"]["secrets"] == ["the-right-token"]

    (folder / "a-shop.json5").unlink()
    gone = await apply_files(sqlite, [folder], around, Way(prune=True))
    assert sorted(gone.removed) == ["destination make", "source shop", "subscription paid"]
    assert await bodies(sqlite) == {}


async def test_channels_stand_in_files_too_by_name_or_by_pattern(
    sqlite: Ledger, around: Around, folder: Path
) -> None:
    text = '{ channel: { slug: "news", public: true } }\n{ channel: { slug: "room_*" } }\n'
    (folder / "live.json5").write_text(text + THINGS)
    applied = await apply_files(sqlite, [folder], around)
    assert applied.new[-2:] == ["channel news", "channel room_*"]
    assert around.catalog.now.channels.is_public("news")
    assert not around.catalog.now.channels.is_public("room_1")


async def test_an_issuer_stands_in_a_file_too_and_its_secret_need_not(
    sqlite: Ledger, around: Around, folder: Path
) -> None:
    file = folder / "signin.json5"
    file.write_text(ISSUER)
    assert (await apply_files(sqlite, [folder], around)).new == ["issuer signin"]
    secrets = around.catalog.now.issuers["signin"].secrets
    file.write_text(ISSUER.replace('secrets: ["the-secret-that-tokens-are-signed-with"],', ""))
    assert (await apply_files(sqlite, [folder], around)).same == ["issuer signin"]
    assert around.catalog.now.issuers["signin"].secrets == secrets
    file.write_text(
        '{ issuer: { slug: "signin", issuer: "https://a.example", '
        'jwks_url: "https://a.example/keys", may: [{ channels: ["user_{sub}_*"] }] } }'
    )
    assert (await apply_files(sqlite, [folder], around)).new == ["issuer signin"]
    assert around.catalog.now.issuers["signin"].secrets == ()
    file.unlink()
    gone = await apply_files(sqlite, [folder], around, Way(prune=True))
    assert gone.removed == ["issuer signin"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("{ issuer: { slug: 'a',\n may: [], secrets: ['x'] } }", 2, "at least 1"),
        ("issuer:\n  slug: a\n  secrets: [short]\n  may: [{channels: [a]}]\n", 3, "32 char"),
        ("{ source: { verify: { mode: 'none' } } }", 1, "no slug"),
        ("{ source: { slug: 'a',\n  verify: { mode: 'none' },\n  tusk: 'b' } }", 3, "'tusk'"),
        ("{ source: { slug: 'a', connector: 'n8m',\n  verify: { mode: 'none' } } }", 1, "n8m"),
        ("source:\n  slug: a\n  verify: {mode: standard}\n", 3, "'secrets' is missing"),
        ("{ destination: { slug: 'a',\n url: 'ftp://a' } }", 2, "http"),
    ],
)
async def test_a_bad_one_is_refused_with_its_place_and_keeps_no_other_from_it(
    sqlite: Ledger,
    around: Around,
    folder: Path,
    text: str,
    line: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "bad.yaml").write_text(text)
    (folder / "good.json5").write_text(THINGS)
    applied = await apply_files(sqlite, [folder], around)
    assert applied.refused == [folder / "bad.yaml"]
    assert len(applied.new) == 3
    told = capsys.readouterr().out
    assert says in told
    assert f"'line': {line}" in told


async def test_the_api_does_not_change_what_a_file_sets(
    sqlite: Ledger, around: Around, folder: Path
) -> None:
    await sqlite.write(PUT, PutObject("source", "shop", '{"verify": {"mode": "none"}}'))
    (folder / "a-shop.json5").write_text(THINGS)
    await apply_files(sqlite, [folder], around)  # a file takes over what the API set
    with pytest.raises(ConflictError, match="set by a file"):
        await sqlite.write(PUT, PutObject("source", "shop", "{}"))
    with pytest.raises(ConflictError, match="set by a file"):
        await sqlite.write(DROP, DropObject("source", "shop"))


def test_check_finds_what_is_wrong_with_them(folder: Path) -> None:
    good, bad = folder / "good.json5", folder / "bad.json5"
    issuer = ISSUER.replace('secrets: ["the-secret-that-tokens-are-signed-with"],', "")
    things = THINGS.replace(', secrets: ["the-right-token"]', "")
    good.write_text(things + issuer)  # secrets are left out: the hub may have them
    bad.write_text("{ source: { slug: 'a',\n verify: { mode: 'nome' } } }")
    (found,) = problems_in([good, bad])
    assert (found.path, found.problem.line, found.problem.hint) == (
        bad,
        2,
        "Did you mean 'none'?",
    )


async def test_alerts_stand_in_files_too(sqlite: Ledger, folder: Path, around: Around) -> None:
    rule = '{ alert: { slug: "dead-letters", when: "dead_letters", threshold: 5 } }'
    (folder / "alerts.json5").write_text(rule)
    (folder / "wrong.json5").write_text('{ alert: { slug: "lanes", when: "lane_age", ratio: 2 } }')
    applied = await apply_files(sqlite, [folder], around)
    assert applied.new == ["alert dead-letters"]
    assert [path.name for path in applied.refused] == ["wrong.json5"]
    assert around.catalog.now.alerts["dead-letters"].limit == 5
    (folder / "alerts.json5").unlink()
    applied = await apply_files(sqlite, [folder], around, Way(prune=True))
    assert applied.removed == ["alert dead-letters"]
    await around.catalog.refresh()
    assert around.catalog.now.alerts["dead-letters"].limit == 1
