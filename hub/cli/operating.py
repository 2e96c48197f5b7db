"""How the hub stands, what is wrong with it, and which one it is."""

import platform
import sqlite3
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from hub.cli.common import (
    OPERATE,
    AsJson,
    at_desk,
    do_one,
    quiet_settings,
    ran,
    tell,
)
from hub.errors import SettingsError
from hub.observe.log import set_up_logs
from hub.settings import load_settings

commands = typer.Typer()


@commands.command(rich_help_panel=OPERATE)
def status(json: AsJson = False) -> None:
    """Show what came, ran and went lately, and what waits."""
    from hub.commands.summing import show_status
    from hub.commands.summing import status as look

    show_status(at_desk(look), as_json=json)


@commands.command(rich_help_panel=OPERATE)
def doctor(
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]...", help="Which ones; all if none.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Find what is wrong, and say what to do.

    Exits with 1 if there is a problem; see docs/doctor.md for the checks.
    """
    from hub.doctor import doctor as examine
    from hub.doctor import settings_wrong

    try:
        load_settings()
    except SettingsError as error:
        set_up_logs("error", "auto")
        raise typer.Exit(settings_wrong(error, as_json=json)) from None
    raise typer.Exit(ran(examine(quiet_settings(), checks or [], as_json=json)))


@commands.command(rich_help_panel=OPERATE)
def pause(json: AsJson = False) -> None:
    """Let nothing run and nothing leave; events are taken."""
    do_one("POST", "/v1/pause", "Everything is paused: `hub resume` lets it go on.", json)


@commands.command(rich_help_panel=OPERATE)
def resume(json: AsJson = False) -> None:
    """Let all go on, but what is paused apart."""
    do_one("DELETE", "/v1/pause", "Everything goes on.", json)


@commands.command(rich_help_panel=OPERATE)
def version(json: AsJson = False) -> None:
    """Say which version this is, and what it runs on."""
    tell_version(as_json=json)


def tell_version(*, as_json: bool = False) -> None:
    """Print it: the hub's, and those of what it runs on."""
    told = {
        "hub": version_of("webhook-hub"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
    }
    text = f"hub {told['hub']}, Python {told['python']}, SQLite {told['sqlite']}, {told['system']}"
    tell(text, told, as_json)
