"""Keeping a hub: backups, room on the disk, what is removed and what is taken along."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import OPERATE, AsJson, quiet_settings, ran, run_to_end, tell
from hub.cli.sources import events_app
from hub.printing import counted

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
    """Write the embedded hub into one file.

    Database and files; the hub may run meanwhile.
    """
    from hub.commands.backup import backup as run_backup

    made = ran(run_backup(quiet_settings(), out))
    told = {"file": str(out), "bytes": made.size, "made_at": made.made_at, "files": made.files}
    said = f"{out} holds {made.size:,} bytes in {counted(len(made.members), 'files')}."
    if made.files == "bucket":
        said += "\nWhat is in the bucket (HUB_FILES_URL) is not in it."
    tell(said, told, json)


@commands.command(rich_help_panel=OPERATE)
def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="What `hub backup` has written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Move aside what is in the data folder.")
    ] = False,
    paused: Annotated[
        bool, typer.Option("--paused", help="Nothing runs and nothing leaves until it is resumed.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Put a backup into the data folder.

    The hub does not run meanwhile.
    """
    from hub.commands.backup import restore as run_restore

    settings = quiet_settings()
    made = ran(run_restore(settings, source, force=force, paused=paused))
    said = f"{settings.data} is as it was at {made.made_at}. Start it with `hub up`."
    if paused:
        said += "\nIt is paused: `hub resume` has it go on."
    tell(said, {"data": str(settings.data), "made_at": made.made_at, "paused": paused}, json)


@commands.command(rich_help_panel=OPERATE)
def vacuum(json: AsJson = False) -> None:
    """Give free room in the embedded database back to the disk.

    Removed rows leave it free for new ones.
    """
    from hub.commands.backup import vacuum as run_vacuum

    before, after = ran(run_vacuum(quiet_settings()))
    told = {"bytes_before": before, "bytes_after": after}
    tell(f"{before:,} bytes before, {after:,} after.", told, json)


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
    """Remove events for good, with all that came of them.

    Exits with 1 if some have to stay, because they have not ended.
    """
    from hub.commands.purging import purge as run_purge

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
    from hub.commands.purging import export_events

    given = {"source": source, "since": since, "until": until, "by": by, "value": value}
    run_to_end(export_events(quiet_settings(), given, out))
