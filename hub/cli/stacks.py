"""Stacks: checked, tried, simulated, brought to one form, applied."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.common import STACKS, AsJson, quiet_settings, ran, settings_of
from hub.observe.log import set_up_logs
from hub.settings import Settings

commands = typer.Typer()
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
ShowTables = Annotated[bool, typer.Option("--show-tables", help="Print the records at the end.")]


@commands.command(rich_help_panel=STACKS)
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


@commands.command(rich_help_panel=STACKS)
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


@commands.command(rich_help_panel=STACKS)
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
    proxy = quiet_settings().outbound_proxy if given.get("send") else None
    given["proxy"] = None if proxy is None else proxy.get_secret_value()
    raise typer.Exit(ran(run_simulation(Options(**given))))


@commands.command(rich_help_panel=STACKS)
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


@commands.command(rich_help_panel=STACKS)
def apply(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; without any stacks/.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what a file gave and none gives now.")
    ] = False,
) -> None:
    """Have stacks, sources, destinations, subscriptions and the rest be as files say."""
    raise typer.Exit(ran(_apply(settings_of(), paths or [Path("stacks")], prune)))


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
