"""The command ``hub``."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop

from hub.errors import HubError, SettingsError
from hub.observe.log import set_up_logs
from hub.settings import Settings, load_settings

T = TypeVar("T")
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
    from hub.formatting import format_files

    raise typer.Exit(format_files(paths or [Path("stacks")], check=check))


@app.command()
def sink(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9009,
) -> None:
    """Answer like a Make webhook and print what comes: for trying deliveries out."""
    from hub.bench.sink import main as run_sink

    run_sink(["--port", str(port), "--print"])


Input = Annotated[str, typer.Option(help="The input, as JSON, or @FILE.")]
Tables = Annotated[
    str | None, typer.Option(help='Records to begin with: {"users": [{…}]}, or @FILE.')
]
Auth = Annotated[str | None, typer.Option(help="What `auth` is in the stack, as JSON.")]
Env = Annotated[list[str] | None, typer.Option(help="NAME=VALUE for env.NAME; may be repeated.")]
Secret = Annotated[list[str] | None, typer.Option(help="The same for a secret variable.")]
Answers = Annotated[
    str | None, typer.Option(help='Answers by URL: {"https://x/": {"status": 500}}, or @FILE.')
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ShowTables = Annotated[bool, typer.Option("--show-tables", help="Print the records at the end.")]


@app.command()
def apply(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; without any stacks/.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what a file gave and none gives now.")
    ] = False,
) -> None:
    """Have stacks, sources, destinations, subscriptions, channels and issuers be as files say."""
    raise typer.Exit(_ran(_apply(_settings(), paths or [Path("stacks")], prune)))


async def _apply(settings: Settings, paths: list[Path], prune: bool) -> int:
    from hub.applying import apply_files
    from hub.bootstrap import ledger_of, load_connectors, load_functions
    from hub.settings import variables
    from hub.store.catalog import Catalog
    from hub.store.migrate import require_current
    from hub.web.api.named import Around

    await require_current(settings.database_url, settings.data)
    load_functions()
    ledger = await ledger_of(settings)
    try:
        around = Around(load_connectors(), Catalog(ledger, variables()))
        applied = await apply_files(ledger, paths, around, prune=prune)
    finally:
        await ledger.close()
    typer.echo(
        f"{len(applied.new)} new, {len(applied.same)} unchanged, {len(applied.removed)} removed, "
        f"{len(applied.refused)} refused."
    )
    return 1 if applied.refused else 0


Destination = Annotated[str | None, typer.Option(help="Only this destination's.")]


@app.command()
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
    settings = _quiet_settings()
    if target is None or asked.is_of_deliveries:
        _run(replay_deliveries(settings, asked, dry_run=dry_run, as_json=json))
    else:
        _run(run_replay(settings, target, task, dry_run=dry_run, as_json=json))


@app.command()
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

    _run(list_deliveries(_quiet_settings(), status, destination, limit, as_json=json))


keys_app = typer.Typer(
    help="The keys that secrets in the ledger are encrypted with.", no_args_is_help=True
)
app.add_typer(keys_app, name="keys")


@keys_app.command("reencrypt")
def keys_reencrypt() -> None:
    """Encrypt every secret in the ledger with the first key of HUB_SECRET_KEY, plain ones too."""
    _run(_reencrypt(_quiet_settings()))


async def _reencrypt(settings: Settings) -> None:
    from hub.bootstrap import ledger_of
    from hub.store.migrate import require_current
    from hub.store.objects import RESEAL

    if not settings.secret_keys:
        raise SettingsError("There is no key to encrypt with: set HUB_SECRET_KEY.")
    await require_current(settings.database_url, settings.data)
    ledger = await ledger_of(settings)
    try:
        changed = await ledger.write(RESEAL, None)
    finally:
        await ledger.close()
    typer.echo(f"{changed} objects were encrypted anew. Older keys are not needed any more.")


connectors_app = typer.Typer(help="Connectors: those there are, a new one.", no_args_is_help=True)
app.add_typer(connectors_app, name="connector")


@connectors_app.command("list")
def connector_list() -> None:
    """List the connectors, and whether they know how their tool signs."""
    from hub.bootstrap import load_connectors
    from hub.connector import Verifies

    try:
        found = load_connectors()
    except HubError as error:
        _give_up(error)
    for name, connector in sorted(found.items()):
        verifies = "preset" if isinstance(connector, Verifies) else ""
        typer.echo(f"{name:<16} {verifies}".rstrip())


@connectors_app.command("new")
def connector_new(
    name: Annotated[str, typer.Argument(help="Its name, such as my-tool.")],
    where: Annotated[Path, typer.Option("--in", help="The folder to make its folder in.")] = Path(),
) -> None:
    """Write a package for a connector, with samples and tests that pass."""
    from hub.scaffold import new_connector

    try:
        folder = new_connector(name, where)
    except HubError as error:
        _give_up(error)
    typer.echo(f"{folder} is there. In it: pip install -e '.[test]' && pytest")


destinations_app = typer.Typer(
    help="Destinations: those there are, a try of one.", no_args_is_help=True
)
app.add_typer(destinations_app, name="destination")


@destinations_app.command("list")
def destination_list() -> None:
    """List the destinations, with where they lead and how they stand."""
    from hub.trying import list_destinations

    _run(list_destinations(_quiet_settings()))


@destinations_app.command("test")
def destination_test(
    slug: Annotated[str, typer.Argument(help="The destination.")],
    body: Annotated[str | None, typer.Option(help="JSON instead of the sample.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show the request.")] = False,
) -> None:
    """Send a destination a sample, and show request and answer in full."""
    from hub.trying import test_destination

    raise typer.Exit(_ran(test_destination(_quiet_settings(), slug, body, dry_run=dry_run)))


sources_app = typer.Typer(help="Sources: those there are, a try of one.", no_args_is_help=True)
app.add_typer(sources_app, name="source")


@sources_app.command("list")
def source_list() -> None:
    """List the sources, with the addresses to paste."""
    from hub.trying import list_sources

    _run(list_sources(_quiet_settings()))


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

    raise typer.Exit(_ran(test_source(_quiet_settings(), slug, case, body, url)))


@app.command()
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
        _run(run_listen(_quiet_settings(), source, forward, as_json=json))


tables_app = typer.Typer(
    help="Tables: what is in them, what is declared of them, files in and out.",
    no_args_is_help=True,
)
app.add_typer(tables_app, name="table")
Table = Annotated[str, typer.Argument(help="The table.")]
File = Annotated[Path, typer.Argument(help="A file, or - for standard input.")]
FileFormat = Annotated[
    str | None, typer.Option("--format", help="csv or jsonl; without it the file's ending says.")
]
Filter = Annotated[str | None, typer.Option("--filter", help='{"status": "open"}, as JSON.')]
Sort = Annotated[str | None, typer.Option("--sort", help='{"created_at": "desc"}, as JSON.')]


@tables_app.command("list")
def table_list() -> None:
    """List the tables."""
    from hub.transfer.command import list_tables

    _run(list_tables(_quiet_settings()))


@tables_app.command("show")
def table_show(
    table: Table,
    filter: Filter = None,  # noqa: A002 - the option's name
    sort: Sort = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 20,
    json: AsJson = False,
) -> None:
    """Show records."""
    from hub.transfer.command import Wanted, show

    _run(show(_quiet_settings(), Wanted(table, filter, sort, limit), as_json=json))


@tables_app.command("spec")
def table_spec(table: Table) -> None:
    """Show what is declared of a table, as declare takes it."""
    from hub.transfer.command import show_spec

    _run(show_spec(_quiet_settings(), table))


@tables_app.command("declare")
def table_declare(table: Table, file: File) -> None:
    """Declare a table's columns: {columns: {mail: {type: 'text', unique: true}}}."""
    from hub.transfer.command import declare

    _run(declare(_quiet_settings(), table, file))


@tables_app.command("import")
def table_import(table: Table, file: File, form: FileFormat = None) -> None:
    """Add the rows of a file: all of them, or none where one cannot be."""
    from hub.transfer.command import import_file

    _run(import_file(_quiet_settings(), table, file, form))


@tables_app.command("export")
def table_export(
    table: Table,
    out: Annotated[Path | None, typer.Option(help="The file; without it standard output.")] = None,
    form: FileFormat = None,
    filter: Filter = None,  # noqa: A002 - the option's name
    sort: Sort = None,
) -> None:
    """Write records as CSV or JSON lines."""
    from hub.transfer.command import Wanted, export

    _run(export(_quiet_settings(), Wanted(table, filter, sort), out, form))


@app.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; without any stacks/.")
    ] = None,
    json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
) -> None:
    """Check stacks: every problem at its place, with what was probably meant."""
    from hub.checking import check as run_check

    raise typer.Exit(run_check(paths or [Path("stacks")], as_json=json, strict=strict))


@app.command()
def run(
    target: Annotated[str, typer.Argument(help="FILE, FILE:TASK or FOLDER:STACK/TASK.")],
    input: Input = "{}",  # noqa: A002 - the option's name
    tables: Tables = None,
    auth: Auth = None,
    env: Env = None,
    secret: Secret = None,
    answers: Answers = None,
    map: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="URL=URL: with --send, where requests really go.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Really send what is to be sent.")] = False,
    show_tables: ShowTables = False,
    json: AsJson = False,
) -> None:
    """Run a task in a hub that is thrown away, and show every step."""
    _simulate(
        target=target,
        input=input,
        tables=tables,
        auth=auth,
        env=tuple(env or ()),
        secret=tuple(secret or ()),
        answers=answers,
        map=tuple(map or ()),
        send=send,
        show_tables=show_tables,
        json=json,
    )


@app.command()
def simulate(
    target: Annotated[str, typer.Argument(help="FILE, FILE:TASK, FOLDER or FOLDER:STACK/TASK.")],
    span: Annotated[str, typer.Option("--for", help="How long: 90s, 15m, 36h, 14d, 2w.")] = "30d",
    at: Annotated[str | None, typer.Option(help="When it begins; without it now.")] = None,
    timezone: Annotated[str, typer.Option(help="The hub's time zone.")] = "UTC",
    input: Input = "{}",  # noqa: A002 - the option's name
    tables: Tables = None,
    auth: Auth = None,
    env: Env = None,
    secret: Secret = None,
    answers: Answers = None,
    show_tables: ShowTables = False,
    json: AsJson = False,
) -> None:
    """The same under a clock that jumps: delays, schedules and tries of weeks in a second."""
    _simulate(
        target=target,
        span=span,
        at=at,
        timezone=timezone,
        input=input,
        tables=tables,
        auth=auth,
        env=tuple(env or ()),
        secret=tuple(secret or ()),
        answers=answers,
        show_tables=show_tables,
        json=json,
        is_simulation=True,
    )


def _simulate(**given: Any) -> None:
    from hub.simulate.command import Options
    from hub.simulate.command import run as run_simulation

    set_up_logs("error", "auto")
    proxy = _quiet_settings().outbound_proxy if given.get("send") else None
    given["proxy"] = None if proxy is None else proxy.get_secret_value()
    raise typer.Exit(_ran(run_simulation(Options(**given))))


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


def _quiet_settings() -> Settings:
    """The settings, for what prints its result by itself."""
    try:
        settings = load_settings()
    except HubError as error:
        _give_up(error)
    set_up_logs("error", "auto")
    return settings


def _run(work: Coroutine[Any, Any, None]) -> None:
    _ran(work)


def _ran(work: Coroutine[Any, Any, T]) -> T:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except HubError as error:
        _give_up(error)


def _give_up(error: HubError) -> NoReturn:
    sys.stderr.write(f"hub: {error.message}\n")
    raise SystemExit(2)


def main() -> None:
    """The entry point."""
    app()
