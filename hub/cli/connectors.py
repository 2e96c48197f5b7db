"""Connectors: those there are, a new one."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import OPERATE, give_up
from hub.errors import HubError

commands = typer.Typer()


connectors_app = typer.Typer(help="Connectors: those there are, a new one.", no_args_is_help=True)
commands.add_typer(connectors_app, name="connector", rich_help_panel=OPERATE)


@connectors_app.command("list")
def connector_list() -> None:
    """List the connectors, and whether they know how their tool signs."""
    from hub.bootstrap import load_connectors
    from hub.connector import Verifies

    try:
        found = load_connectors()
    except HubError as error:
        give_up(error)
    for name, connector in sorted(found.items()):
        verifies = "preset" if isinstance(connector, Verifies) else ""
        typer.echo(f"{name:<16} {verifies}".rstrip())


@connectors_app.command("new")
def connector_new(
    name: Annotated[str, typer.Argument(help="Its name, such as my-tool.")],
    where: Annotated[Path, typer.Option("--in", help="The folder to make its folder in.")] = Path(),
) -> None:
    """Write a package for a connector, with samples and tests that pass."""
    from hub.scaffold import new_connector

    try:
        folder = new_connector(name, where)
    except HubError as error:
        give_up(error)
    typer.echo(f"{folder} is there. In it: pip install -e '.[test]' && pytest")
