"""``hub alert`` lists the rules and what fires, sends a sample, and mutes."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.model.alert import BUILT_IN, Phase, Standing
from hub.model.json import dumps_text
from hub.store.alerts import CLAIM_LOOK, KEEP_LOOK, Look
from hub.store.ledger import open_ledger
from hub.store.lookup import where
from hub.store.objects import PUT, PutObject
from hub.store.schema import deliveries
from tests.databases import prepare

Typed: TypeAlias = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a hub that is not running, whose alerts go to ``pager``."""

    async def fill() -> None:
        prepare(None, tmp_path)
        ledger = await open_ledger(None, tmp_path)
        body = dumps_text({"connector": "n8n", "url": "https://n8n.example/webhook/x"})
        await ledger.write(PUT, PutObject("destination", "pager", body))
        off = dumps_text({"when": "disk_low", "enabled": False})
        await ledger.write(PUT, PutObject("alert", "disk-low", off))
        n = await ledger.write(CLAIM_LOOK, (0, 0))
        assert n is not None
        standing = Standing(
            "lanes-behind", "low", "lane_age", "warning", Phase.FIRING, 1, 400.0, fired_at=1
        )
        await ledger.write(KEEP_LOOK, Look(n, (standing,)))
        await ledger.close()

    asyncio.run(fill())
    return tmp_path


@pytest.fixture
def typed(data: Path) -> Typed:
    """What a command prints to standard output, or where it fails to standard error."""

    def run(*arguments: str, code: int = 0, usual: str = "pager") -> str:
        env = {"HUB_DATA": str(data), "HUB_ALERT_DESTINATIONS": usual}
        result = CliRunner().invoke(app, ["alert", *arguments], env=env)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return run


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_rules_are_listed_with_whom_they_tell_and_how_they_stand(typed: Typed) -> None:
    rules = {each["slug"]: each for each in lines(typed("list", "--json"))}
    assert sorted(rules) == sorted(BUILT_IN)
    assert {each["goes_to"] for each in rules.values()} == {"pager"}
    assert rules["disk-low"]["state"] == "off"
    assert rules["lanes-behind"]["state"] == "1 firing"
    assert rules["dead-letters"]["state"] == "quiet"
    head, *rest = typed("list").splitlines()
    assert head.split() == ["slug", "when", "of", "severity", "goes_to", "state"]
    assert len(rest) == len(BUILT_IN)


def test_what_fires_is_listed(typed: Typed) -> None:
    [firing] = lines(typed("list", "--firing", "--json"))
    assert firing["message"] == "The oldest run in the lane low has waited for 6 min."
    assert "lanes-behind" in typed("list", "--firing")


def test_a_sample_is_queued(typed: Typed, data: Path) -> None:
    [sent] = lines(typed("test", "dead-letters", "--json"))
    assert sent["destination"] == "pager"

    async def kept() -> Any:
        ledger = await open_ledger(None, data)
        try:
            return await ledger.read(where, deliveries, id=sent["id"])
        finally:
            await ledger.close()

    [row] = asyncio.run(kept())
    told = json.loads(row["body"])
    assert (told["event"], told["test"]) == ("alert.firing", True)
    assert told["subject"].startswith("[test] [warning]")
    assert "Nobody would be told" in typed("test", "dead-letters", usual="", code=2)
    assert "Did you mean 'dead-letters'?" in typed("test", "dead-leters", code=2)


def test_a_rule_is_muted_for_a_while(typed: Typed) -> None:
    assert "dead-letters is muted until 2" in typed("mute", "dead-letters", "--for", "60")
    states = {each["slug"]: each["state"] for each in lines(typed("list", "--json"))}
    assert states["dead-letters"].startswith("quiet, muted until ")
    [told] = lines(typed("mute", "dead-letters", "--for", "0", "--json"))
    assert told == {"slug": "dead-letters", "muted_until": None}
    assert "--for is a number of seconds" in typed("mute", "dead-letters", "--for", "-1", code=2)
    assert "There is no alert 'nothing'" in typed("mute", "nothing", code=2)
