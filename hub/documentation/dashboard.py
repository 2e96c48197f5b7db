"""``deploy/grafana/hub.json``: a dashboard for Grafana 11 and newer."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson

from hub.documentation.panels import ROWS, Panel
from hub.observe.families import BUILD

_COLUMNS = 24
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard_file() -> str:
    """The dashboard as JSON."""
    board = {
        "uid": "webhook-hub",
        "title": "The hub",
        "description": "Made from hub/documentation/panels.py; change it there, or change a copy.",
        "tags": ["webhook-hub"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), _job()]},
        "annotations": {"list": []},
        "panels": list(_panels()),
    }
    return orjson.dumps(board, option=orjson.OPT_INDENT_2).decode() + "\n"


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}


def _job() -> dict[str, Any]:
    query = f"label_values({BUILD.told}, job)"
    return {
        "name": "job",
        "type": "query",
        "label": "Job",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "job"},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    numbers, y = count(1), 0
    for title, panels in ROWS.items():
        place = {"h": 1, "w": _COLUMNS, "x": 0, "y": y}
        yield {
            "id": next(numbers),
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        y += 1
        small = panels[0].kind == "stat"
        width, height = (6, 4) if small else (_COLUMNS // 3, _HEIGHT)
        in_line = _COLUMNS // width
        for n, panel in enumerate(panels):
            line, column = divmod(n, in_line)
            at = {"h": height, "w": width, "x": column * width, "y": y + line * height}
            yield _shown(panel, next(numbers), at)
        y += -(-len(panels) // in_line) * height


def _shown(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    custom = {"fillOpacity": 10, "showPoints": "never"}
    if panel.stacked:
        custom |= {"stacking": {"mode": "normal"}}
    legend = {"displayMode": "list", "placement": "bottom"}
    is_stat = panel.kind == "stat"
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0} | ({} if is_stat else {"custom": custom}),
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}}
        if is_stat
        else {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": name or "__auto",
            }
            for n, (query, name) in enumerate(panel.queries)
        ],
    }
