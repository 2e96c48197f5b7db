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

app = typer.Typer(
    name="hub",
    help="Receives, records, runs, delivers, and shows it all live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (programs, stacks, sources, deliveries, tables, connectors, keys, alerts, bench):
    app.add_typer(group.commands)


def main() -> None:
    """The entry point."""
    app()
