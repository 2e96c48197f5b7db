"""The doctor and the settings."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.model.json import dumps_text
from hub.settings import Settings, load_settings
from hub.store import stacks
from hub.store.ledger import Ledger
from hub.store.objects import PUT, PutObject
from tests.doctor.examined import found

NIGHTLY = '{ scheduled_task: { name: "t", schedule: "0 6 * * *", function_stack: [] } }'


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None, ledger: Ledger) -> Settings:
    """Those of a hub whose database is there."""
    return load_settings(data=tmp_path, database_url=database_url)


def test_settings_that_cannot_be_read() -> None:
    environment = {"HUB_PORT": "many", "HUB_TIMEZONE": "Mars/Olympus"}
    result = CliRunner().invoke(app, ["doctor", "--json"], env=environment)
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)["findings"]
    assert (finding["code"], finding["status"]) == ("settings_wrong", "problem")
    assert "HUB_PORT" in finding["what"]
    assert "HUB_TIMEZONE" in finding["what"]
    said = CliRunner().invoke(app, ["doctor"], env=environment)
    assert (said.exit_code, said.stdout.startswith("problem  settings_wrong: ")) == (1, True)


async def test_settings_that_can_be_read(tmp_path: Path) -> None:
    assert list(await found(load_settings(data=tmp_path), "settings")) == ["settings"]


async def test_the_admin_key(tmp_path: Path) -> None:
    key = "3f9c2a77d1be4860a5c3e6f1d0b89e27"
    told = await found(load_settings(data=tmp_path, admin_key=key), "admin_key")
    assert told == {"admin_key_set": "HUB_ADMIN_KEY is set."}


def test_an_admin_key_that_can_be_guessed() -> None:
    environment = {"HUB_ADMIN_KEY": "changeme-changeme-changeme"}
    told = CliRunner().invoke(app, ["doctor"], env=environment).stdout
    assert "settings_wrong: HUB_ADMIN_KEY" in told
    assert "changeme" not in told


async def test_no_admin_key_is_well(tmp_path: Path) -> None:
    assert list(await found(load_settings(data=tmp_path), "admin_key")) == ["admin_key"]


async def test_no_secret_key(tmp_path: Path) -> None:
    assert list(await found(load_settings(data=tmp_path), "secret_key")) == ["secret_key_missing"]
    two = load_settings(
        data=tmp_path,
        secret_key="3f9c2a77d1be4860a5c3e6f1d0b89e27c4d15e8a90b7f3628e1d4c5a7b90f613,"
        "a91d4c5e7b30f6283f9c2a77d1be4860e6f1d0b89e27c4d15a3c8a90b7f3628e",
    )
    told = await found(two, "secret_key")
    assert told == {"secret_key": "Secrets are encrypted with the first of 2 keys."}


async def test_no_public_url_matters_once_there_are_sources(
    settings: Settings, ledger: Ledger
) -> None:
    assert list(await found(settings, "public_url")) == ["public_url"]
    body = dumps_text({"connector": "standard", "verify": {"mode": "none"}})
    await ledger.write(PUT, PutObject("source", "shop", body))
    assert list(await found(settings, "public_url")) == ["public_url_missing"]
    assert "shop" in (await found(settings, "sources"))["source_unverified"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hub.example.com", "public_url_plain"),
        ("https://hub.example.com", "public_url"),
        ("http://127.0.0.1:8080", "public_url"),
    ],
)
async def test_a_public_url_without_tls(tmp_path: Path, url: str, code: str) -> None:
    assert list(await found(load_settings(data=tmp_path, public_url=url), "public_url")) == [code]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in Tokyo."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
async def test_schedules_by_a_time_that_nobody_chose(settings: Settings, ledger: Ledger) -> None:
    assert list(await found(settings, "timezone")) == ["timezone"]
    await ledger.write(stacks.PUT, stacks.PutStack("night", "1", NIGHTLY))
    assert "night/t" in (await found(settings, "timezone"))["timezone_unset"]
    chosen = settings.model_copy(update={"timezone": "Asia/Tokyo"})
    assert list(await found(chosen, "timezone")) == ["timezone"]
