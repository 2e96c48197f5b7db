"""What docs/alerts.md shows can be set as it stands, and says all that there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.alert.notice import FIRED, OVER, notice_of
from hub.documentation.alerts import alerts_page
from hub.model.alert import Alert, Phase, Standing
from hub.model.destination import Destination
from hub.settings import Settings
from hub.stack.rendering import Rendering
from tests.program import STACKS

PAGE = (STACKS.parent / "docs" / "alerts.md").read_text("utf-8")
RULE, NOTICE, MAIL = (
    json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
)


def told(phase: Phase) -> dict[str, Any]:
    standing = Standing(
        "dead-letters", "till", "dead_letters", "warning", phase, 5, 3.0, fired_at=1
    )
    rules = {"dead-letters": Alert(when="dead_letters")}
    return notice_of([standing], rules, root="https://hub.example.com", now=9)


def test_its_rule_can_be_set() -> None:
    rule = Alert.model_validate(RULE)
    assert (rule.pattern, rule.limit, rule.over_s, rule.wait_s) == ("shop/*", 0.2, 600, 60)


def test_every_field_of_a_rule_is_told() -> None:
    fields = re.findall(r"^\| `(\w+)` \| [a-z`]", PAGE, re.MULTILINE)
    assert set(Alert.model_fields) <= set(fields)


def test_a_notice_is_as_it_is_shown() -> None:
    notice = told(Phase.FIRING)
    times = ("timestamp", "text", "since")
    shown = {
        **NOTICE,
        "alerts": [{**NOTICE["alerts"][0], "since": ""}],
        "timestamp": "",
        "text": "",
    }
    alerts = [{name: "" if name in times else v for name, v in notice["alerts"][0].items()}]
    assert {**notice, "alerts": alerts, "timestamp": "", "text": ""} == shown
    assert NOTICE["event"] == FIRED
    assert f"`{OVER}`" in PAGE
    more = told(Phase.RESOLVED)["alerts"][0].keys() - NOTICE["alerts"][0].keys()
    assert all(f"`{name}`" in PAGE for name in more)
    assert len(more) == 2


def test_its_mail_is_made_of_a_notice() -> None:
    destination = Destination.model_validate(MAIL)
    assert Rendering(destination).changes


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`HUB_([A-Z_]+)", PAGE))))
def test_its_settings_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields


def test_its_tables_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(STACKS.parent)
    assert alerts_page() == PAGE
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "alerts.md").write_text("# Alerts\n")
    with pytest.raises(ValueError, match="once each"):
        alerts_page()
