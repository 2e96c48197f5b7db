"""Stacks: checked, tried, simulated, brought to one form, applied, looked at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import (
    STACKS,
    TRY_IT,
    AsJson,
    Limit,
    at_desk,
    do_one,
    give_up,
    program_ran,
    quiet_settings,
    ran,
    run_to_end,
    settings_of,
    show_list,
    show_one,
    tell,
)
from hub.errors import HubError
from hub.observe.log import set_up_logs
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.applying import Applied, Way

commands = typer.Typer()
CHANGES = 3
"""What a dry run ends with where something would change."""
stacks_app = typer.Typer(help="Stacks: documents with tasks.", no_args_is_help=True)
commands.add_typer(stacks_app, name="stack", rich_help_panel=STACKS)
Name = Annotated[str, typer.Argument(help="The stack.")]
_ONE = "/v1/stacks/{name}"
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
    """Check stack files: every problem at its place.

    With what was probably meant; exits with 1 where there are errors.
    """
    from hub.commands.checking import check as run_check

    try:
        code = run_check(paths or [Path("stacks")], as_json=json, strict=strict)
    except HubError as error:
        give_up(error)
    raise typer.Exit(code)


@commands.command(rich_help_panel=TRY_IT)
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
    """Run a task of a file in a hub that is thrown away."""
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


@commands.command(rich_help_panel=TRY_IT)
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
    """The same under a clock that jumps: weeks in a second.

    Delays, schedules and tries happen as they would, one after the other.
    """
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
    raise typer.Exit(program_ran(run_simulation(Options(**given))))


@commands.command(rich_help_panel=STACKS)
def fmt(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Stack files and folders of them; stacks if none.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only name the files that would change; exit with 1.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Give stack files their canonical form.

    Exits with 2 if one cannot be read.
    """
    from hub.commands.formatting import format_files

    raise typer.Exit(format_files(paths or [Path("stacks")], check=check, as_json=json))


@commands.command(rich_help_panel=STACKS)
def apply(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; without any stacks/.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what a file gave and none gives now.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would change, and change nothing; exit with 3 if any would.",
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Have stacks and settings be as files say.

    Settings are all else that is set by name; exits with 1 if one is refused.
    """
    from hub.applying import Way

    settings = quiet_settings() if dry_run else settings_of()
    way = Way(prune=prune, dry_run=dry_run)
    raise typer.Exit(ran(_apply(settings, paths or [Path("stacks")], way, json)))


async def _apply(settings: Settings, paths: list[Path], way: "Way", as_json: bool) -> int:
    from hub.applying import apply_files
    from hub.bootstrap import current_ledger, load_connectors, load_functions
    from hub.settings import process_environment, variables
    from hub.store.catalog import Catalog
    from hub.web.api.named import Around

    load_functions()
    async with current_ledger(settings) as ledger:
        catalog = Catalog(ledger, variables())
        around = Around(load_connectors(), catalog, given=process_environment())
        applied = await apply_files(ledger, paths, around, way)
    told: dict[str, Any] = {
        "new": applied.new,
        "unchanged": applied.same,
        "removed": applied.removed,
        "refused": [str(each) for each in applied.refused],
    }
    said = ", ".join(f"{len(each)} {word}" for word, each in told.items()) + "."
    if way.dry_run and as_json:
        told["changes"] = [
            {"how": each.how, "name": each.name, "lines": list(each.lines)}
            for each in applied.changes
        ]
    elif way.dry_run:
        _show(applied)
    tell(said, told, as_json)
    if applied.refused:
        return 1
    return CHANGES if way.dry_run and applied.changes else 0


def _show(applied: "Applied") -> None:
    """What would change, field by field."""
    for each in applied.changes:
        typer.echo(f"{each.how} {each.name}")
        for line in each.lines:
            typer.echo(f"    {line}")


@commands.command(rich_help_panel=STACKS)
def export(
    out: Annotated[Path | None, typer.Option(help="The folder; without it they are shown.")] = None,
    json: AsJson = False,
) -> None:
    """Write all that is set as files that apply takes.

    Without the secrets.
    """
    from hub.commands.exporting import export as run_export

    run_to_end(run_export(quiet_settings(), out, as_json=json))


@stacks_app.command("list")
def stack_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the stacks, with their tasks and how many problems they have."""
    show_list("/v1/stacks", "name version tasks problems paused managed_by", limit, json)


@stacks_app.command("show")
def stack_show(
    name: Name,
    text: Annotated[bool, typer.Option("--text", help="Only its text, as it was given.")] = False,
    json: AsJson = False,
) -> None:
    """Show a stack: its tasks, endpoints, schedules, problems, and its text."""
    if text and not json:
        found = at_desk(lambda desk: desk.ask("GET", _ONE, {"name": name}))
        typer.echo(found["text"], nl=not found["text"].endswith("\n"))
    else:
        show_one(_ONE, json, name=name)


@stacks_app.command("pause")
def stack_pause(name: Name, json: AsJson = False) -> None:
    """Let none of its runs begin, nor go on."""
    do_one("POST", f"{_ONE}/pause", f"{name} is paused.", json, name=name)


@stacks_app.command("resume")
def stack_resume(name: Name, json: AsJson = False) -> None:
    """Let its runs begin again."""
    do_one("POST", f"{_ONE}/resume", f"{name} goes on.", json, name=name)


@stacks_app.command("remove")
def stack_remove(name: Name, json: AsJson = False) -> None:
    """Remove a stack; runs that are queued end all the same."""
    do_one("DELETE", _ONE, f"{name} is removed.", json, name=name)
