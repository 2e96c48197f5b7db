"""What goes out: destinations, deliveries, replays."""

from typing import Annotated

import typer

from hub.cli.common import GOES_OUT, AsJson, Destination, quiet_settings, ran, run_to_end

commands = typer.Typer()


destinations_app = typer.Typer(
    help="Destinations: those there are, a try of one.", no_args_is_help=True
)
commands.add_typer(destinations_app, name="destination", rich_help_panel=GOES_OUT)


@destinations_app.command("list")
def destination_list() -> None:
    """List the destinations, with where they lead and how they stand."""
    from hub.trying import list_destinations

    run_to_end(list_destinations(quiet_settings()))


@destinations_app.command("test")
def destination_test(
    slug: Annotated[str, typer.Argument(help="The destination.")],
    body: Annotated[str | None, typer.Option(help="JSON instead of the sample.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show the request.")] = False,
) -> None:
    """Send a destination a sample, and show request and answer in full."""
    from hub.trying import test_destination

    raise typer.Exit(ran(test_destination(quiet_settings(), slug, body, dry_run=dry_run)))


@commands.command(rich_help_panel=GOES_OUT)
def replay(
    target: Annotated[
        str | None, typer.Argument(metavar="ID", help="The id of an event, a run, or a delivery.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Of an event: only this task.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
    destination: Destination = None,
    rate: Annotated[
        float | None, typer.Option(help="With --dead: so many in a second; 20 if none.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Run an event's tasks again, as they are now; or a run from its beginning; or send again."""
    from hub.redelivering import Asked, replay_deliveries
    from hub.replaying import replay as run_replay

    asked = Asked(target, task, dead, destination, rate)
    settings = quiet_settings()
    if target is None or asked.is_of_deliveries:
        run_to_end(replay_deliveries(settings, asked, dry_run=dry_run, as_json=json))
    else:
        run_to_end(run_replay(settings, target, task, dry_run=dry_run, as_json=json))


@commands.command(rich_help_panel=GOES_OUT)
def deliveries(
    status: Annotated[
        str | None, typer.Option(help="dead, retrying, … or undelivered: all that did not arrive.")
    ] = None,
    destination: Destination = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    json: AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    from hub.redelivering import list_deliveries

    run_to_end(list_deliveries(quiet_settings(), status, destination, limit, as_json=json))


@commands.command(rich_help_panel=GOES_OUT)
def sink(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9009,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Answer like a Make webhook and print what comes: for trying deliveries out."""
    from hub.bench.sink import main as run_sink

    run_sink(["--host", host, "--port", str(port), "--print"])
