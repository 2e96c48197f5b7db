"""Files that are made from the code: ``python -m hub.documentation`` writes them, ``--check``
says which one no longer tells the truth."""

import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from hub.documentation.alerts import PAGE as ALERTS
from hub.documentation.alerts import alerts_page
from hub.documentation.commands import commands_page
from hub.documentation.dashboard import dashboard_file
from hub.documentation.doctor import doctor_page
from hub.documentation.pages import env_example, functions_page, metrics_page, settings_page
from hub.documentation.steps import steps_page
from hub.stack.schema import stack_schema
from hub.web.openapi import document


def schema_file() -> str:
    """``stacks/stack.schema.json``."""
    return orjson.dumps(stack_schema(), option=orjson.OPT_INDENT_2).decode() + "\n"


def openapi_file() -> str:
    """``docs/openapi.json``."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2).decode() + "\n"


FILES: dict[str, Callable[[], str]] = {
    "deploy/env.example": env_example,
    "deploy/grafana/hub.json": dashboard_file,
    ALERTS: alerts_page,
    "docs/commands.md": commands_page,
    "docs/doctor.md": doctor_page,
    "docs/functions.md": functions_page,
    "docs/metrics.md": metrics_page,
    "docs/openapi.json": openapi_file,
    "docs/settings.md": settings_page,
    "docs/steps.md": steps_page,
    "stacks/stack.schema.json": schema_file,
}


def main(arguments: list[str]) -> int:
    """Write the files; with ``--check`` only compare, and name those that differ."""
    stale = []
    for name, make in FILES.items():
        path, text = Path(name), make()
        if "--check" in arguments:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"Out of date: {', '.join(stale)}. Run python -m hub.documentation.\n")
    return 1 if stale else 0
