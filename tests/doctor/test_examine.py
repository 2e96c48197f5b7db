"""The examination as a whole, and as it is typed."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as Lost
from typer.testing import CliRunner

from hub.cli import app
from hub.doctor import CHECKS, Check, Finding, Grade, Site, examine, open_site
from hub.doctor.examine import OF_ANY
from hub.doctor.finding import fine
from hub.errors import StoreError
from hub.settings import load_settings
from tests.databases import prepare
from tests.program import embedded_hub

CODES = {trouble.code for check in CHECKS for trouble in check.troubles}


def typed(data: Path, *words: str, code: int = 0) -> str:
    """What ``hub doctor`` prints."""
    environment = {"HUB_DATA": str(data), "HUB_PORT": "0"}
    result = CliRunner().invoke(app, ["doctor", *words], env=environment)
    assert result.exit_code == code, result.output
    return result.stdout if code != 2 else result.stderr


def test_every_trouble_has_a_code_of_its_own_and_is_made_by_a_test() -> None:
    troubles = [trouble for check in CHECKS for trouble in check.troubles]
    assert len(CODES) == len(troubles)
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    tests = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))
    assert {each for each in CODES if f'"{each}"' not in tests} == set()
    assert all(each.do.endswith(".") and each.about.endswith(".") for each in troubles)


async def test_a_check_that_hangs_or_fails_keeps_no_other_from_its_look(tmp_path: Path) -> None:
    async def hangs(site: Site) -> Sequence[Finding]:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def fails(site: Site) -> Sequence[Finding]:
        raise StoreError("It is gone.")

    async def is_cut_off(site: Site) -> Sequence[Finding]:
        raise Lost("Connection reset")

    async def works(site: Site) -> Sequence[Finding]:
        return [fine("works", "Well.")]

    looks = (hangs, fails, is_cut_off, works)
    checks = [Check(each.__name__, "", each, ()) for each in looks]
    async with open_site(load_settings(data=tmp_path)) as site:
        told = await examine(site, checks, within_s=0.05)
    findings = [finding for each in told for finding in each.findings]
    assert [each.code for each in findings] == [*["check_broke_off"] * 3, "works"]
    assert [each.what for each in findings[:3]] == [
        "There was no answer within 0.05 s.",
        "It is gone.",
        "ConnectionError: Connection reset.",
    ]


def test_without_a_hub_it_says_what_to_do(tmp_path: Path) -> None:
    told = typed(tmp_path / "none", code=1)
    assert "problem  database_missing: " in told
    assert "         → Start `hub up` once" in told
    [left_out] = [line for line in told.splitlines() if "tables" in line]
    assert left_out.startswith("-        Not looked at: tables, durability,")
    assert told.splitlines()[-1].startswith("1 problem, ")
    assert not re.search(r"\x1b|Traceback", told)


def test_json_is_one_document(tmp_path: Path) -> None:
    prepare(None, tmp_path)
    told = json.loads(typed(tmp_path, "--json"))
    assert (told["status"], told["problems"]) == ("warning", 0)
    assert {each["status"] for each in told["findings"]} <= {each.value for each in Grade}
    known = CODES | {each.code for each in OF_ANY} | {each.name for each in CHECKS}
    assert {each["code"] for each in told["findings"]} <= known
    assert {each["check"] for each in told["findings"]} == {each.name for each in CHECKS}
    without = [each for each in told["findings"] if each["status"] != "ok" and not each["do"]]
    assert without == []
    warnings = [each for each in told["findings"] if each["status"] == "warning"]
    assert told["warnings"] == sum(each["code"] != "not_looked_at" for each in warnings)


def test_some_checks_alone(tmp_path: Path) -> None:
    told = json.loads(typed(tmp_path, "python", "secret_key", "--json"))
    assert [each["check"] for each in told["findings"]] == ["python", "secret_key"]
    assert "did you mean 'memory'?" in typed(tmp_path, "memmory", code=2)
    assert "there are settings, python" in typed(tmp_path, "xxxxxxxxxxxxx", code=2)
    problem = json.loads(typed(tmp_path, "xxxxxxxxxxxxx", "--json", code=2))
    assert (problem["code"], problem["status"]) == ("check_unknown", 400)


@pytest.mark.parametrize(
    "secret_key", [None, "3f9c2a77d1be4860a5c3e6f1d0b89e27c4d15e8a90b7f3628e1d4c5a7b90f613"]
)
async def test_a_hub_that_runs_has_no_problem(tmp_path: Path, secret_key: str | None) -> None:
    async with embedded_hub(tmp_path, secret_key=secret_key) as hub:
        assert hub.hub is not None
        settings = load_settings(data=tmp_path, port=hub.hub.settings.port, secret_key=secret_key)
        while True:
            async with open_site(settings) as site:
                told = await examine(site, CHECKS)
            findings = {each.code: each for one in told for each in one.findings}
            if "worker_missing" not in findings:  # it may not have beaten yet
                break
            await asyncio.sleep(0.05)
    grades = {each.code for each in findings.values() if each.grade is Grade.PROBLEM}
    assert grades == set()
    assert ("secret_key_missing" in findings) is (secret_key is None)
    assert {"not_looked_at", "check_broke_off"}.isdisjoint(findings)
