"""The command ``hub``: one module for each group of commands, put together here."""

from typing import Annotated

import typer

from hub.cli import (
    alerts,
    bench,
    connectors,
    deliveries,
    keys,
    operating,
    programs,
    runs,
    sources,
    stacks,
    tables,
    trials,
    upkeep,
    users,
)
from hub.cli.common import Command
from hub.collecting import collect_seldom

app = typer.Typer(
    name="hub",
    help="Receives, records, runs, delivers, and shows it all live.",
    epilog="Exit codes: 0 all is well, 1 something was found, 2 it could not be done.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (
    *(programs, trials, sources, deliveries, stacks, runs, tables),
    *(operating, connectors, keys, users, alerts, upkeep, bench),
):
    app.add_typer(group.commands)


def _tell_version(wanted: bool) -> None:
    if wanted:
        operating.tell_version()
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="What `hub version` says.", callback=_tell_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What may stand before any command."""


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
    collect_seldom()
    app()
