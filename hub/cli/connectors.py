"""Connectors: those there are, a new one."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import OPERATE, AsJson, give_up, tell
from hub.errors import HubError
from hub.printing import print_things

commands = typer.Typer()


connectors_app = typer.Typer(help="Connectors: those there are, a new one.", no_args_is_help=True)
commands.add_typer(connectors_app, name="connector", rich_help_panel=OPERATE)


@connectors_app.command("list")
def connector_list(json: AsJson = False) -> None:
    """List the connectors, and which know how theirs sign."""
    from hub.bootstrap import load_connectors
    from hub.connector import Verifies

    try:
        found = load_connectors()
    except HubError as error:
        give_up(error)
    told = [
        {"name": name, "verify": "preset" if isinstance(connector, Verifies) else None}
        for name, connector in sorted(found.items())
    ]
    print_things(told, ("name", "verify"), as_json=json)


@connectors_app.command("new")
def connector_new(
    name: Annotated[str, typer.Argument(help="Its name, such as my-tool.")],
    where: Annotated[Path, typer.Option("--in", help="The folder to make its folder in.")] = Path(),
    json: AsJson = False,
) -> None:
    """Write a package for a connector, with tests that pass."""
    from hub.commands.scaffold import new_connector

    try:
        folder = new_connector(name, where)
    except HubError as error:
        give_up(error)
    said = f"{folder} is there. In it: pip install -e '.[test]' && pytest"
    tell(said, {"folder": str(folder)}, json)
