"""Pages that are made from the code: ``python -m hub.documentation`` writes them, ``--check``
says which one no longer tells the truth."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from hub.settings import Settings

_DOCS = Path("docs")


def settings_page() -> str:
    """``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Made from `hub/settings.py`; do not edit.",
        "Every setting is an environment variable.",
        "Some have an option of the same name on the command line, which wins.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `HUB_{name.upper()}` | {_default(field)} | {meaning} |")
    lines += [
        "| `HUB_VAR_<NAME>` | none | The value of `env.<NAME>` in stacks; one set by API wins. |",
        "",
    ]
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None and NoneType in get_args(field.annotation):
        return "none"
    if value == ():
        return "empty"
    return f"`{value}`"


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page}


def main(arguments: list[str]) -> int:
    """Write the pages; with ``--check`` only compare, and name those that differ."""
    stale = []
    for name, make in PAGES.items():
        path, text = _DOCS / name, make()
        if "--check" in arguments:
            if not path.exists() or path.read_text("utf-8") != text:
                stale.append(str(path))
        else:
            path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"Out of date: {', '.join(stale)}. Run python -m hub.documentation.\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
