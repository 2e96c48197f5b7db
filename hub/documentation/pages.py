"""The pages that are made from the code."""

import inspect
from textwrap import wrap
from types import ModuleType, NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from hub.expr import FAMILIES, FUNCTIONS, Function
from hub.observe.families import ROOMS, STANDING, Family
from hub.observe.metrics import ADDRESS, MOST_SERIES, OTHER, UNKNOWN
from hub.observe.standing import KEPT_S
from hub.settings import Settings
from hub.store.standing import MOST, MOST_DESTINATIONS


def settings_page() -> str:
    """``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Made from `hub/settings.py`; do not edit.",
        "Every setting is an environment variable.",
        "Some have an option of the same name on the command line, which wins.",
        "With `_FILE` behind its name it names a file with the value: `HUB_ADMIN_KEY_FILE`.",
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


def env_example() -> str:
    """``deploy/env.example``: every setting with its default, none of them set."""
    lines = [
        "# Every setting of the hub, as it is without a word; made from hub/settings.py.",
        "# For compose copy this file to `.env` beside it, and take the # away where you set one.",
        "# Any may stand in a file instead: HUB_ADMIN_KEY_FILE=/run/secrets/admin_key.",
        "",
        "# What compose.yaml itself asks for: the name that leads here, and the ports it opens.",
        "#HUB_DOMAIN=localhost",
        "#HUB_HTTP_PORT=80",
        "#HUB_HTTPS_PORT=443",
    ]
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("`", "")
        lines += ["", *(f"# {line}" for line in wrap(meaning, 97))]
        default = _default(field).strip("`")
        lines.append(f"#HUB_{name.upper()}={'' if default in ('none', 'empty') else default}")
    return "\n".join([*lines, ""])


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None and NoneType in get_args(field.annotation):
        return "none"
    if value == ():
        return "empty"
    return f"`{value}`"


def metrics_page() -> str:
    """``docs/metrics.md``."""
    lines = [
        "# Metrics",
        "",
        "Made from `hub/observe/families.py`; do not edit.",
        "[Observing](observing.md) says how they are read.",
        "",
        "Units are seconds and bytes.",
        "A histogram `x` is told as `x_bucket`, `x_sum` and `x_count`.",
        f"A family has at most {MOST_SERIES:,} series; names that come later count as `{OTHER}`.",
        f"What goes to a bare URL counts as `{ADDRESS}`.",
        f"What came for a source that there is not counts as `{UNKNOWN}`.",
        "Beside these, `process_*` and `python_gc_*` tell of processor, memory and open files.",
        "",
    ]
    for room, families in ROOMS.items():
        lines += [f"## {room}", "", *_families(families), ""]
    lines += [
        "## The whole hub",
        "",
        "Servers tell these of the whole hub, each of them the same: ask for `max`, not `sum`.",
        f"They are looked up once in {KEPT_S:g} s, for {MOST_DESTINATIONS} destinations.",
        f"No more than {MOST:,} are counted of each.",
        "",
        *_families(STANDING),
        "",
    ]
    return "\n".join(lines)


def _families(families: tuple[Family, ...]) -> list[str]:
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for each in families:
        labels = ", ".join(f"`{name}`" for name in each.labels)
        lines.append(f"| `{each.told}` | {each.kind} | {labels} | {each.help} |")
    return lines


def functions_page() -> str:
    """``docs/functions.md``."""
    lines = [
        "# Functions",
        "",
        "Made from `hub/expr/functions`; do not edit.",
        "They stand in expressions: `{{name(value, more)}}` or `{{value | name: more}}`.",
        "A parameter with a `?` or a value after `=` may be left out; `...` is any number of them.",
        "`null` is the empty value of every kind: no text, no items, 0.",
        "No function changes its arguments.",
        "",
        "A `field` is a field of every item by its name, `'amount'` or `'user.id'`,",
        "or an expression of the item: `sum(orders, item.price * item.pieces)`.",
        "There `item` is the item and `index` its place from 0; all other names are those around.",
        "",
        "In the examples it is 2026-03-05T17:20:30Z, and `env.KEY` has 32 characters.",
        "",
    ]
    for title, modules in FAMILIES.items():
        lines += [f"## {title}", ""]
        for module in modules:
            lines += _intro(module)
            for entry in FUNCTIONS.values():
                if entry.call.__module__ == module.__name__ and entry.name == entry.canonical:
                    lines += _function(entry)
    return "\n".join(lines)


def _intro(module: ModuleType) -> list[str]:
    paragraphs = (inspect.getdoc(module) or "").split("\n\n")
    return [*(" ".join(_code(paragraph).split()) for paragraph in paragraphs), ""]


def _function(entry: Function) -> list[str]:
    lines = [f"### {entry.canonical}", "", f"`{entry.signature}`"]
    if entry.aliases:
        lines.append(f"(also {', '.join(f'`{name}`' for name in entry.aliases)})")
    for paragraph in entry.about.split("\n\n"):
        lines += ["", " ".join(_code(paragraph).split())]
    examples = [f"{left} → {right}" for left, right in entry.examples]
    return [*lines, "", "```js", *examples, "```", ""]


def _code(text: str) -> str:
    return text.replace("``", "`")
