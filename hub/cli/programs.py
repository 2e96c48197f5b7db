"""The programs: the whole hub, a server, a worker, and the tables that they need."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import RUN_IT, AsJson, program_ran, ran, settings_of, tell
from hub.model.json import Json

commands = typer.Typer()
_MIGRATED = "The database has this version's tables."
_MIGRATE = "Run `hub migrate`: hubs of the version before may go on meanwhile."
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]


@commands.command(rich_help_panel=RUN_IT)
def up(
    host: Host = None,
    port: Port = None,
    data: Annotated[Path | None, typer.Option(help="Folder of database and Valkey.")] = None,
    stacks: Annotated[Path | None, typer.Option(help="Folder of stack files.")] = None,
) -> None:
    """Run the whole hub in one process.

    Server, worker, SQLite and Valkey; no other service is needed.
    """
    from hub.up import up as run_up

    settings = settings_of(host=host, port=port, data=data, stacks=stacks)
    program_ran(run_up(settings))


@commands.command(rich_help_panel=RUN_IT)
def serve(host: Host = None, port: Port = None) -> None:
    """Run a server; needs HUB_DATABASE_URL and HUB_REDIS_URL."""
    from hub.apart import serve as run_serve

    program_ran(run_serve(settings_of(host=host, port=port)))


@commands.command(rich_help_panel=RUN_IT)
def worker(
    metrics_host: Annotated[
        str | None, typer.Option(help="Address to tell health and metrics on.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port for it; without one it listens nowhere.")
    ] = None,
) -> None:
    """Run a worker; needs HUB_DATABASE_URL and HUB_REDIS_URL."""
    from hub.apart import work as run_work

    settings = settings_of(metrics_host=metrics_host, metrics_port=metrics_port)
    program_ran(run_work(settings))


@commands.command(rich_help_panel=RUN_IT)
def migrate(
    check: Annotated[
        bool,
        typer.Option("--check", help="Only tell what is missing; exit 1 if something is."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring the database to this version's tables.

    Hubs of the version before may go on meanwhile.
    """
    from hub.starting import migrated
    from hub.store.migrate import pending

    settings = settings_of()
    if check:
        missing = ran(pending(settings.database_url, settings.data))
        lines = [f"{each.revision}  {each.title}" for each in missing]
        lines += [_MIGRATE if missing else _MIGRATED]
        told: list[Json] = [{"revision": each.revision, "title": each.title} for each in missing]
        tell("\n".join(lines), {"pending": told}, json)
        raise typer.Exit(1 if missing else 0)
    if settings.database_url is None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    program_ran(migrated(settings))
    tell(_MIGRATED, {"migrated": True}, json)
