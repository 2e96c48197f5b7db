"""Keeping a hub: backups, room on the disk, what is removed and what is taken along."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import OPERATE, AsJson, quiet_settings, ran, run_to_end
from hub.cli.sources import events_app
from hub.model.json import dumps_text

commands = typer.Typer()
Source = Annotated[str | None, typer.Option(help="Only this source's events.")]
Since = Annotated[str | None, typer.Option(help="Received at this time or later, in ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="Received before this time.")]
By = Annotated[
    str | None,
    typer.Option(help="Where --value stands: body:customer.email, header:x-user, path, key."),
]
Value = Annotated[str | None, typer.Option(help="What has to stand there.")]


@commands.command(rich_help_panel=OPERATE)
def backup(
    out: Annotated[Path, typer.Argument(help="The file to write, such as hub.tar.zst.")],
    json: AsJson = False,
) -> None:
    """Write database and files of the embedded hub into one file; the hub may run meanwhile."""
    from hub.backup import backup as run_backup

    made = ran(run_backup(quiet_settings(), out))
    told = {"file": str(out), "bytes": made.size, "made_at": made.made_at, "files": made.files}
    if json:
        typer.echo(dumps_text(told))
        return
    typer.echo(f"{out} holds {made.size:,} bytes in {len(made.members):,} files.")
    if made.files == "bucket":
        typer.echo("What is in the bucket (HUB_FILES_URL) is not in it.")


@commands.command(rich_help_panel=OPERATE)
def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="What `hub backup` has written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Move aside what is in the data folder.")
    ] = False,
    paused: Annotated[
        bool, typer.Option("--paused", help="Nothing runs and nothing leaves until it is resumed.")
    ] = False,
) -> None:
    """Put a backup into the data folder of a hub that does not run."""
    from hub.backup import restore as run_restore

    settings = quiet_settings()
    made = ran(run_restore(settings, source, force=force, paused=paused))
    typer.echo(f"{settings.data} is as it was at {made.made_at}. Start it with `hub up`.")
    if paused:
        typer.echo("It is paused: DELETE /v1/pause has it go on.")


@commands.command(rich_help_panel=OPERATE)
def vacuum() -> None:
    """Give the disk back what removed rows have left free in the embedded database."""
    from hub.backup import vacuum as run_vacuum

    before, after = ran(run_vacuum(quiet_settings()))
    typer.echo(f"{before:,} bytes before, {after:,} after.")


@commands.command(rich_help_panel=OPERATE)
def purge(
    source: Source = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    value: Value = None,
    table: Annotated[
        list[str] | None,
        typer.Option(help="TABLE.FIELD: its records go too that hold the value; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would go, and remove nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Remove events for good, with all that came of them; exits with 1 if some have to stay."""
    from hub.purging import purge as run_purge

    given = {"source": source, "since": since, "until": until, "by": by, "value": value}
    tables = dict(each.partition(".")[::2] for each in table or ())
    work = run_purge(quiet_settings(), given, tables, dry_run=dry_run, as_json=json)
    raise typer.Exit(0 if ran(work) else 1)


@events_app.command("export")
def event_export(
    source: Source = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    value: Value = None,
    out: Annotated[Path | None, typer.Option(help="A file; without it standard output.")] = None,
) -> None:
    """Write events as JSON lines, the oldest first: of a source, a time, or a person."""
    from hub.purging import export_events

    given = {"source": source, "since": since, "until": until, "by": by, "value": value}
    run_to_end(export_events(quiet_settings(), given, out))
