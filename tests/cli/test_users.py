"""The way in to the dashboard from the command line: links, and people with passwords."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer.main

from hub.bootstrap import current_ledger
from hub.cli import app
from hub.settings import Settings
from hub.store.users import password_of
from hub.web.passwords import is_right
from tests.cli.typed import Typed
from tests.databases import prepare
from tests.program import embedded_hub

PASSWORD = "correct horse battery"


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Commands of a hub that does not run, with an empty database."""
    prepare(None, tmp_path)
    return Typed(tmp_path, HUB_PORT="0")


def add(typed: Typed, name: str, role: str = "viewer") -> str:
    return typed(f"user add {name} --role {role} --password-stdin", given=f"{PASSWORD}\n")


async def lets_in(data: Path, name: str, password: str) -> bool:
    async with current_ledger(Settings(data=data)) as ledger:
        found = await ledger.read(password_of, name)
    return found is not None and await is_right(found[1], password)


async def test_a_link_opens_the_dashboard_of_the_hub_that_runs(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        typed = Typed(tmp_path, HUB_PORT=hub.base.rpartition(":")[2])
        told = await asyncio.to_thread(typed.json, "login")
        assert told["ends_in_s"] == 3600
        link = (await asyncio.to_thread(typed, "login")).strip()
        assert link.startswith(f"{hub.base}/login?link=")
        for each in (told["link"], link):
            async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
                page = await browser.get(each)
            assert (page.status_code, page.url.path) == (200, "/")
        row, *_ = (await hub.get("/v1/audit"))["items"]
        assert (row["by"]["kind"], row["operation"]) == ("command line", "hub login")


def test_without_an_admin_key_there_is_no_link(typed: Typed) -> None:
    assert typed.json("login", 2)["code"] == "no_admin_key"
    assert "hub key new" in typed("login", 2)


async def test_users_are_added_listed_changed_and_removed(typed: Typed, tmp_path: Path) -> None:
    assert await asyncio.to_thread(add, typed, "ann") == "ann may sign in as viewer.\n"
    [shown] = await asyncio.to_thread(typed.lines, "user list")
    assert (shown["name"], shown["role"]) == ("ann", "viewer")
    assert await lets_in(tmp_path, "ann", PASSWORD)
    told = await asyncio.to_thread(typed.json, "user change ann --role operator --name bea")
    assert (told["id"], told["name"], told["role"]) == (shown["id"], "bea", "operator")
    line, given = f"user change {shown['id']} --password-stdin", "another long password\r\n"
    assert await asyncio.to_thread(typed, line, 0, given) == "bea is changed: operator.\n"
    assert await lets_in(tmp_path, "bea", "another long password")
    assert (await asyncio.to_thread(typed, "user list")).splitlines()[1].split()[1] == "bea"
    assert await asyncio.to_thread(typed, "user remove bea") == "bea is removed.\n"
    assert await asyncio.to_thread(typed.lines, "user list") == []


def test_what_is_wrong_is_said(typed: Typed) -> None:
    add(typed, "ann")
    taken = typed("user add ann --role admin --password-stdin", 2, f"{PASSWORD}\n")
    assert "already" in taken
    for line, given, word in (
        ("user add bob --role root --password-stdin", f"{PASSWORD}\n", "/role"),
        ("user add bob --role viewer --password-stdin", "short\n", "/password"),
        ("user add bob --role viewer --password-stdin", "", "/password"),
        ("user add bob --role viewer", None, "--password-stdin"),
        ("user change ann --password", None, "--password-stdin"),
        ("user change bob --role admin", None, "hub user list"),
        ("user remove bob", None, "hub user list"),
    ):
        said = typed(line, 2, given)
        assert word in said
        assert PASSWORD not in said
    assert [each["name"] for each in typed.lines("user list")] == ["ann"]


def test_no_password_stands_among_the_words_of_a_command() -> None:
    groups = typer.main.get_command(app).commands["user"].commands  # type: ignore[attr-defined]
    for each in groups.values():
        for option in each.params:
            assert "password" not in option.name or option.is_flag


@pytest.mark.timeout(240)  # it starts a program of its own
def test_a_terminal_is_asked_twice_and_shows_nothing(typed: Typed, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "hub", "user", "add", "ann", "--role", "viewer"]
    environment = {**os.environ, "HUB_DATA": str(tmp_path)}
    with subprocess.Popen(
        words,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = ""
        for asked in ("Password: ", "Repeat for confirmation: "):
            while asked not in shown:
                shown += os.read(ours, 4096).decode()
            os.write(ours, f"{PASSWORD}\n".encode())
        while "may sign in" not in shown:
            shown += os.read(ours, 4096).decode()
        assert process.wait() == 0
    os.close(ours)
    assert PASSWORD not in shown
    assert asyncio.run(lets_in(tmp_path, "ann", PASSWORD))
