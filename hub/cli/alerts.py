"""Alerts: the rules and what fires, a sample, muting."""

from typing import Annotated

import typer

from hub.cli.common import OPERATE, AsJson, quiet_settings, run_to_end

commands = typer.Typer()
alerts_app = typer.Typer(
    help="Alerts: what the hub watches of itself, and whom it tells.", no_args_is_help=True
)
commands.add_typer(alerts_app, name="alert", rich_help_panel=OPERATE)
Slug = Annotated[str, typer.Argument(help="The rule, as `hub alert list` names it.")]


@alerts_app.command("list")
def alert_list(
    firing: Annotated[bool, typer.Option("--firing", help="What fires, not the rules.")] = False,
    json: AsJson = False,
) -> None:
    """List the rules with whom they tell and how they stand."""
    from hub.commands.alerting import list_alerts

    run_to_end(list_alerts(quiet_settings(), firing=firing, as_json=json))


@alerts_app.command("test")
def alert_test(slug: Slug, json: AsJson = False) -> None:
    """Send a sample to whom a rule tells; the hub has to run."""
    from hub.commands.alerting import test_alert

    run_to_end(test_alert(quiet_settings(), slug, as_json=json))


@alerts_app.command("mute")
def alert_mute(
    slug: Slug,
    for_s: Annotated[
        float, typer.Option("--for", help="For so many seconds; 0 has it told again.")
    ] = 3600,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why, for whoever looks at it meanwhile.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Have nothing new told of a rule for a while; that something is over is told all the same."""
    from hub.commands.alerting import mute_alert

    run_to_end(mute_alert(quiet_settings(), slug, for_s, reason, as_json=json))
