"""Trying things out: events as they come, a sink for what leaves."""

from contextlib import suppress
from typing import Annotated

import typer

from hub.cli.common import TRY_IT, AsJson, quiet_settings, run_to_end

commands = typer.Typer()


@commands.command(rich_help_panel=TRY_IT)
def listen(
    source: Annotated[str | None, typer.Argument(help="Only this source's events.")] = None,
    forward: Annotated[
        str | None, typer.Option(help="An address that gets each of them, such as a local one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show events as they come in, or pass them on."""
    from hub.commands.listening import listen as run_listen

    with suppress(KeyboardInterrupt):
        run_to_end(run_listen(quiet_settings(), source, forward, as_json=json))


@commands.command(rich_help_panel=TRY_IT)
def sink(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9009,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Answer like a Make webhook, and print what comes."""
    from hub.bench.sink import main as run_sink

    run_sink(["--host", host, "--port", str(port), "--print"])
