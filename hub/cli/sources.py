"""What comes in: sources, and events as they come."""

from contextlib import suppress
from typing import Annotated

import typer

from hub.cli.common import COMES_IN, AsJson, quiet_settings, ran, run_to_end

commands = typer.Typer()


sources_app = typer.Typer(help="Sources: those there are, a try of one.", no_args_is_help=True)
commands.add_typer(sources_app, name="source", rich_help_panel=COMES_IN)


@sources_app.command("list")
def source_list() -> None:
    """List the sources, with the addresses to paste."""
    from hub.trying import list_sources

    run_to_end(list_sources(quiet_settings()))


@sources_app.command("test")
def source_test(
    slug: Annotated[str, typer.Argument(help="The source.")],
    case: Annotated[str | None, typer.Option(help="Which sample of the connector.")] = None,
    body: Annotated[str | None, typer.Option(help="A body instead of the sample's.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the hub is, if not at its own URL.")
    ] = None,
) -> None:
    """Send a source its connector's sample, proven as its setting asks; the hub has to run."""
    from hub.trying import test_source

    raise typer.Exit(ran(test_source(quiet_settings(), slug, case, body, url)))


@commands.command(rich_help_panel=COMES_IN)
def listen(
    source: Annotated[str | None, typer.Argument(help="Only this source's events.")] = None,
    forward: Annotated[
        str | None, typer.Option(help="An address that gets each of them, such as a local one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show events as they come in, and pass them on to a local address."""
    from hub.listening import listen as run_listen

    with suppress(KeyboardInterrupt):
        run_to_end(run_listen(quiet_settings(), source, forward, as_json=json))
