"""What comes in: sources, events."""

from typing import Annotated

import typer

from hub.cli.common import (
    COMES_IN,
    AsJson,
    Limit,
    Since,
    do_one,
    quiet_settings,
    ran,
    show_list,
    show_one,
)

commands = typer.Typer()
Slug = Annotated[str, typer.Argument(help="The source.")]

sources_app = typer.Typer(help="Sources: addresses that take requests.", no_args_is_help=True)
commands.add_typer(sources_app, name="source", rich_help_panel=COMES_IN)


@sources_app.command("list")
def source_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the sources, with the addresses to paste."""
    show_list("/v1/sources", "slug connector verify=verify.mode url", limit, json)


@sources_app.command("show")
def source_show(slug: Slug, json: AsJson = False) -> None:
    """Show a source as it is set; secrets are masked."""
    show_one("/v1/sources/{slug}", json, slug=slug)


@sources_app.command("test")
def source_test(
    slug: Slug,
    case: Annotated[str | None, typer.Option(help="Which sample of the connector.")] = None,
    body: Annotated[str | None, typer.Option(help="A body instead of the sample's.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where the hub is, if not at its own URL.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Send a source its connector's sample.

    Proven as its setting asks; the hub has to run.
    """
    from hub.commands.trying import Sample, test_source

    given = Sample(case, body, url)
    raise typer.Exit(ran(test_source(quiet_settings(), slug, given, as_json=json)))


@sources_app.command("remove")
def source_remove(slug: Slug, json: AsJson = False) -> None:
    """Remove a source: its address takes nothing more; its events stay."""
    do_one("DELETE", "/v1/sources/{slug}", f"{slug} is removed.", json, slug=slug)


events_app = typer.Typer(help="Events: every request to a source.", no_args_is_help=True)
commands.add_typer(events_app, name="event", rich_help_panel=COMES_IN)


@events_app.command("list")
def event_list(
    source: Annotated[str | None, typer.Option(help="Only this source's.")] = None,
    fate: Annotated[
        str | None,
        typer.Option(help="rejected, duplicate, unmatched, running, held, dead or delivered."),
    ] = None,
    since: Since = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List events, the newest first, with what became of them."""
    columns = "id source type fate received_at reason"
    show_list("/v1/events", columns, limit, json, source=source, fate=fate, since=since)


@events_app.command("show")
def event_show(
    event: Annotated[str, typer.Argument(metavar="ID", help="The event.")], json: AsJson = False
) -> None:
    """Show an event in full: head, body, runs, deliveries."""
    show_one("/v1/events/{id}", json, id=event)
