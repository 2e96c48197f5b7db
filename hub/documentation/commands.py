"""``docs/commands.md``."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from hub.cli import app

_HIDDEN = ("help", "install_completion", "show_completion")


def commands_page() -> str:
    """The page: each command with its arguments and options, by panels."""
    root: Any = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "Made from `hub/cli`; do not edit.",
        "`hub --help` lists them, `hub COMMAND --help` says more of one.",
        "What they need to know of the hub stands in [settings](settings.md).",
        "",
        "A command that shows or changes something works straight on the database, beside a hub",
        "that runs or without one; a hub that runs sees a change within a second.",
        "On a terminal tables are coloured, unless `NO_COLOR` is set; what is piped is plain text.",
        "With `--json` a command prints one JSON document, a list JSON lines,",
        "and what goes wrong is a problem with a `code` on standard error.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | all is well |",
        "| 1 | something was found: a problem, a failure, a refusal |",
        "| 2 | it could not be done; standard error says why |",
        "| 3 | `hub apply --dry-run`: something would change |",
        "",
        "`hub --install-completion` has the shell complete commands and options.",
        "",
    ]
    for panel, names in _panels(root).items():
        lines += [f"## {panel}", ""]
        for name in names:
            lines += _command(f"hub {name}", root.commands[name])
    return "\n".join(lines)


def _panels(root: Any) -> dict[str, list[str]]:
    """The names of the commands by the panel in which they are shown, in its order."""
    found: dict[str, list[str]] = {}
    for name in root.list_commands(None):
        found.setdefault(root.commands[name].rich_help_panel, []).append(name)
    return found


def _command(name: str, command: Any) -> Iterator[str]:
    about = inspect.cleandoc(command.help or "").split("\n\n")
    text = [" ".join(each.split()) for each in about]
    inner = getattr(command, "commands", None)
    yield from (
        (f"### {name}", "", *_spaced(text)) if inner else (f"### `{_usage(name, command)}`", "")
    )
    if inner:
        for each in inner:
            yield from _command(f"{name} {each}", inner[each])
        return
    yield from _spaced(text)
    rows = [_row(each) for each in command.params if each.name not in _HIDDEN]
    if rows:
        yield from ("| | |", "|---|---|", *rows, "")


def _spaced(paragraphs: list[str]) -> Iterator[str]:
    for each in paragraphs:
        yield from (each, "")


def _usage(name: str, command: Any) -> str:
    """The command with its arguments as they are typed."""
    words = [_typed(each) for each in command.params if each.param_type_name == "argument"]
    return " ".join([name, *words])


def _typed(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs != 1 else ""
    return (
        word
        if word.startswith("[")
        else f"{word}{many}"
        if argument.required
        else f"[{word}]{many}"
    )


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        shown = f"`{_typed(parameter)}`"
    else:
        shown = ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
    help_text = (parameter.help or "").replace("|", "\\|")
    default = parameter.default
    if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
        help_text += f" Default: `{default}`."
    return f"| {shown} | {help_text.strip()} |"
