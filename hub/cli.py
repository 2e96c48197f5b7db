"""The command ``hub``."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from hub.errors import HubError
from hub.observe.log import set_up_logs
from hub.settings import Settings, load_settings

app = typer.Typer(
    name="hub",
    help="Receives, records, runs, delivers, and shows it all live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]


@app.command()
def up(
    host: Host = None,
    port: Port = None,
    data: Annotated[Path | None, typer.Option(help="Folder of database and Valkey.")] = None,
    stacks: Annotated[Path | None, typer.Option(help="Folder of stack files.")] = None,
) -> None:
    """Run the whole hub in one process: server, worker, SQLite, Valkey."""
    from hub.up import up as run_up

    settings = _settings(host=host, port=port, data=data, stacks=stacks)
    _run(run_up(settings))


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Run a server; needs HUB_DATABASE_URL and HUB_REDIS_URL."""
    from hub.apart import serve as run_serve

    _run(run_serve(_settings(host=host, port=port)))


@app.command()
def worker() -> None:
    """Run a worker; needs HUB_DATABASE_URL and HUB_REDIS_URL."""
    from hub.apart import work as run_work

    _run(run_work(_settings()))


@app.command()
def migrate() -> None:
    """Bring the database to this version's tables."""
    from hub.store.migrate import migrate as run_migrate

    settings = _settings()
    if settings.database_url is None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run(run_migrate(settings.database_url, settings.data))
    typer.echo("The database has this version's tables.")


@app.command()
def fmt(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Stack files and folders of them; stacks if none.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only name the files that would change; exit with 1.")
    ] = False,
) -> None:
    """Give stack files their canonical form; exits with 2 if one cannot be read."""
    from hub.stackfiles import format_files

    raise typer.Exit(format_files(paths or [Path("stacks")], check=check))


@app.command()
def sink(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9009,
) -> None:
    """Answer like a Make webhook and print what comes: for trying deliveries out."""
    from hub.bench.sink import main as run_sink

    run_sink(["--port", str(port), "--print"])


@app.command()
def bench(
    cases: Annotated[list[str] | None, typer.Argument(help="Which ones; all if none.")] = None,
    ledger: Annotated[str, typer.Option(help="sqlite, postgresql or both.")] = "both",
    seconds: Annotated[float, typer.Option(help="How long each measurement lasts.")] = 5.0,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show what costs most; the hub is slower by it.")
    ] = False,
) -> None:
    """Measure this hub against the targets, side by side with a bare echo."""
    from hub.bench.command import run as run_bench

    ledgers = ["sqlite", "postgresql"] if ledger == "both" else [ledger]
    raise typer.Exit(run_bench(cases or [], ledgers, seconds, json, profile))


def _settings(**given: Any) -> Settings:
    try:
        settings = load_settings(**given)
    except HubError as error:
        _give_up(error)
    set_up_logs(settings.log_level, settings.log_format)
    return settings


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except HubError as error:
        _give_up(error)


def _give_up(error: HubError) -> Any:
    sys.stderr.write(f"hub: {error.message}\n")
    raise SystemExit(2)


def main() -> None:
    """The entry point."""
    app()
