"""Dashboard and alert rules: they ask for what is told, in a language that is understood."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.observe.families import FAMILIES
from tests.program import STACKS

ROOT = STACKS.parent
BOARD = ROOT / "deploy" / "grafana" / "hub.json"
RULES = ROOT / "deploy" / "grafana" / "hub-alerts.yaml"
PAGE = ROOT / "docs" / "observing.md"
NAME = re.compile(r"\b(?:hub|process|python)_[a-z0-9_]+")
LABELS = re.compile(r"\b([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPS = re.compile(r"\bby \(([a-z_, ]+)\)")
OF_PROMETHEUS = {"job", "instance", "le"}
PROMTOOL = shutil.which("promtool")


def series() -> dict[str, tuple[str, ...]]:
    """Every name that can be asked for, with its labels."""
    told: dict[str, tuple[str, ...]] = {
        "process_cpu_seconds_total": (),
        "process_resident_memory_bytes": (),
        "process_open_fds": (),
    }
    for each in FAMILIES:
        ends = ("_bucket", "_sum", "_count") if each.kind == "histogram" else ("",)
        told |= {f"{each.told}{end}": each.labels for end in ends}
    return told


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(BOARD.read_text())["panels"]
    return found


def alerts() -> list[dict[str, Any]]:
    """The rules."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    """Every query of both."""
    asked = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    return asked + [rule["expr"] for rule in alerts()]


def test_what_is_asked_for_is_told_and_has_these_labels() -> None:
    told = series()
    assert len(expressions()) > 80
    for query in expressions():
        names = set(NAME.findall(query))
        assert names <= told.keys() or query.startswith("up{"), query
        if len(names) == 1:
            known = {*told[names.pop()], *OF_PROMETHEUS}
            used = set(LABELS.findall(query))
            used |= {each.strip() for group in GROUPS.findall(query) for each in group.split(",")}
            assert used <= known, query


def test_the_dashboard_has_a_row_for_each_room_and_leaves_nothing_out() -> None:
    rows = [each["title"] for each in panels() if each["type"] == "row"]
    assert rows == ["At a glance", "In", "Runs", "Out", "Live", "The machine"]
    shown = " ".join(expressions())
    missing = [each.told for each in FAMILIES if each.name not in shown]
    assert missing == []


def test_the_dashboard_is_what_grafana_reads() -> None:
    board = json.loads(BOARD.read_text())
    assert board["schemaVersion"] >= 39  # Grafana 11
    ids = [each["id"] for each in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for each in board["panels"]:
        at = each["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, f"{each['title']} lies over another"
        taken |= cells
        if each["type"] != "row":
            assert each["datasource"]["uid"] == "${datasource}"
            assert each["targets"]
    assert [each["name"] for each in board["templating"]["list"]] == ["datasource", "job"]


def test_rules_are_whole_and_the_page_says_what_to_do_about_each() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names)
    page = PAGE.read_text()
    for rule in alerts():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith((".", "?"))
        assert f"`{rule['alert']}`" in page


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here")
def test_prometheus_understands_the_rules() -> None:
    checked(RULES)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here")
def test_prometheus_understands_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = sorted({each.replace("$__rate_interval", "5m") for each in expressions()})
    rules = [{"record": f"q:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    checked(file)


def checked(rules: Path) -> None:
    """Prometheus' own tool finds nothing wrong."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "check", "rules", rules], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
