"""The command ``hub``: one module for each group of commands, put together here."""

import typer

from hub.cli import (
    alerts,
    bench,
    connectors,
    deliveries,
    keys,
    programs,
    sources,
    stacks,
    tables,
)
from hub.cli.common import Command

app = typer.Typer(
    name="hub",
    help="Receives, records, runs, delivers, and shows it all live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (programs, stacks, sources, deliveries, tables, connectors, keys, alerts, bench):
    app.add_typer(group.commands)


def _have_commands_known(commands: typer.Typer) -> None:
    """Have each command, in every group of them, know how it was typed."""
    for each in commands.registered_commands:
        each.cls = Command
    for inner in commands.registered_groups:
        if inner.typer_instance is not None:
            _have_commands_known(inner.typer_instance)


_have_commands_known(app)


def main() -> None:
    """The entry point."""
    app()
