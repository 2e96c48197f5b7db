"""What goes out: destinations, their breakers, subscriptions, deliveries, replays."""

from typing import Annotated

import typer

from hub.cli.common import (
    GOES_OUT,
    AsJson,
    Destination,
    Limit,
    Since,
    do_one,
    quiet_settings,
    ran,
    run_to_end,
    show_list,
    show_one,
)

commands = typer.Typer()
Slug = Annotated[str, typer.Argument(help="The destination.")]
Reason = Annotated[str | None, typer.Option(help="Why; it is shown where things wait.")]

destinations_app = typer.Typer(help="Destinations: where deliveries go.", no_args_is_help=True)
commands.add_typer(destinations_app, name="destination", rich_help_panel=GOES_OUT)
_ONE = "/v1/destinations/{slug}"


@destinations_app.command("list")
def destination_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the destinations, with where they lead and how they stand."""
    show_list("/v1/destinations", "slug connector state url", limit, json)


@destinations_app.command("show")
def destination_show(slug: Slug, json: AsJson = False) -> None:
    """Show a destination as it is set; secrets are masked."""
    show_one(_ONE, json, slug=slug)


@destinations_app.command("test")
def destination_test(
    slug: Slug,
    body: Annotated[str | None, typer.Option(help="JSON instead of the sample.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the request.")] = False,
    json: AsJson = False,
) -> None:
    """Send a destination a sample, and show request and answer in full."""
    from hub.commands.trying import test_destination

    settings = quiet_settings()
    raise typer.Exit(ran(test_destination(settings, slug, body, dry_run=dry_run, as_json=json)))


@destinations_app.command("pause")
def destination_pause(slug: Slug, reason: Reason = None, json: AsJson = False) -> None:
    """Keep what comes for it, for now."""
    body = None if reason is None else {"reason": reason}
    do_one("POST", f"{_ONE}/pause", f"{slug} is paused.", json, body, slug=slug)


@destinations_app.command("resume")
def destination_resume(slug: Slug, json: AsJson = False) -> None:
    """Let what was kept go out, in order."""
    do_one("POST", f"{_ONE}/resume", f"{slug} goes on.", json, slug=slug)


@destinations_app.command("remove")
def destination_remove(slug: Slug, json: AsJson = False) -> None:
    """Remove a destination."""
    do_one("DELETE", _ONE, f"{slug} is removed.", json, slug=slug)


breakers_app = typer.Typer(help="Breakers: sides that fail are left alone.", no_args_is_help=True)
commands.add_typer(breakers_app, name="breaker", rich_help_panel=GOES_OUT)


@breakers_app.command("list")
def breaker_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the breakers that are open or half open."""
    columns = "destination state since failure_rate next_probe_at by_hand"
    show_list("/v1/breakers", columns, limit, json)


@breakers_app.command("show")
def breaker_show(slug: Slug, json: AsJson = False) -> None:
    """Show how a destination's breaker stands."""
    show_one(f"{_ONE}/breaker", json, slug=slug)


@breakers_app.command("trip")
def breaker_trip(
    slug: Slug,
    for_s: Annotated[
        float | None, typer.Option("--for", help="So many seconds; without it until it is reset.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Open a destination's breaker by hand: what is for it waits."""
    body = None if for_s is None else {"for_s": for_s}
    do_one("POST", f"{_ONE}/breaker/trip", f"The breaker of {slug} is open.", json, body, slug=slug)


@breakers_app.command("reset")
def breaker_reset(slug: Slug, json: AsJson = False) -> None:
    """Close a destination's breaker by hand: what waits is tried."""
    do_one("POST", f"{_ONE}/breaker/reset", f"The breaker of {slug} is closed.", json, slug=slug)


subscriptions_app = typer.Typer(help="Subscriptions: which events go where.", no_args_is_help=True)
commands.add_typer(subscriptions_app, name="subscription", rich_help_panel=GOES_OUT)
Subscription = Annotated[str, typer.Argument(metavar="SLUG", help="The subscription.")]


@subscriptions_app.command("list")
def subscription_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the subscriptions."""
    show_list("/v1/subscriptions", "slug source event_type task destination", limit, json)


@subscriptions_app.command("show")
def subscription_show(slug: Subscription, json: AsJson = False) -> None:
    """Show a subscription as it is set."""
    show_one("/v1/subscriptions/{slug}", json, slug=slug)


@subscriptions_app.command("remove")
def subscription_remove(slug: Subscription, json: AsJson = False) -> None:
    """Remove a subscription."""
    do_one("DELETE", "/v1/subscriptions/{slug}", f"{slug} is removed.", json, slug=slug)


deliveries_app = typer.Typer(help="Deliveries: what goes out.", no_args_is_help=True)
commands.add_typer(deliveries_app, name="delivery", rich_help_panel=GOES_OUT)
Id = Annotated[str, typer.Argument(metavar="ID", help="The delivery.")]


@deliveries_app.command("list")
def delivery_list(
    status: Annotated[
        str | None,
        typer.Option(help="dead, retrying, held, … or undelivered: all that did not arrive."),
    ] = None,
    destination: Destination = None,
    event: Annotated[str | None, typer.Option(help="Only this event's.")] = None,
    run: Annotated[str | None, typer.Option(help="Only this run's.")] = None,
    since: Since = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List deliveries, the newest first, and why they wait."""
    show_list(
        "/v1/deliveries",
        "id destination status attempts=attempts_made created_at reason",
        limit,
        json,
        status=status,
        destination=destination,
        event_id=event,
        run_id=run,
        since=since,
    )


@deliveries_app.command("show")
def delivery_show(delivery: Id, json: AsJson = False) -> None:
    """Show a delivery with each of its attempts."""
    show_one("/v1/deliveries/{id}", json, id=delivery)


@deliveries_app.command("cancel")
def delivery_cancel(delivery: Id, reason: Reason = None, json: AsJson = False) -> None:
    """End a delivery that waits."""
    body = None if reason is None else {"reason": reason}
    path, said = "/v1/deliveries/{id}/cancel", f"{delivery} is cancelled."
    do_one("POST", path, said, json, body, id=delivery)


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
    """Run an event or a run once more, or send again.

    An event's tasks run as they are now; a run begins anew; a delivery or all dead letters go out
    again, the same bytes under the same key.
    """
    from hub.commands.redelivering import Asked, replay_deliveries
    from hub.commands.replaying import replay as run_replay

    asked = Asked(target, task, dead, destination, rate)
    settings = quiet_settings()
    if target is None or asked.is_of_deliveries:
        run_to_end(replay_deliveries(settings, asked, dry_run=dry_run, as_json=json))
    else:
        run_to_end(run_replay(settings, target, task, dry_run=dry_run, as_json=json))
