"""Runs, the lanes that they go in, and the schedules that begin them.

The noun is ``runs``, because ``hub run`` is what one does with a stack file.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import STACKS, AsJson, Limit, at_desk, do_one, show_list, show_one
from hub.printing import print_fields, print_json, print_things, write

if TYPE_CHECKING:
    from hub.web.desk import Desk

commands = typer.Typer()
_MOST_STEPS = 10_000

runs_app = typer.Typer(help="Runs: what ran, and how it went.", no_args_is_help=True)
commands.add_typer(runs_app, name="runs", rich_help_panel=STACKS)
Run = Annotated[str, typer.Argument(metavar="ID", help="The run.")]


@runs_app.command("list")
def runs_list(
    task: Annotated[str | None, typer.Option(help="Only this task's.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="queued, running, waiting, succeeded, failed or cancelled."),
    ] = None,
    event: Annotated[str | None, typer.Option(help="Only this event's.")] = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List runs, the newest first."""
    columns = "id task status lane attempt created_at failure=failure.message"
    show_list("/v1/runs", columns, limit, json, task=task, status=status, event_id=event)


@runs_app.command("show")
def runs_show(run: Run, json: AsJson = False) -> None:
    """Show a run with each of its steps."""

    async def asked(desk: "Desk") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        found = await desk.ask("GET", "/v1/runs/{id}", {"id": run})
        return found, await desk.listed("/v1/runs/{id}/steps", _MOST_STEPS, {"id": run})

    found, steps = at_desk(asked)
    if json:
        print_json({**found, "steps": steps})
        return
    print_fields(found, as_json=False)
    write()
    columns = "path function status ms=duration_ms output failure=failure.message"
    print_things(steps, columns.split(), as_json=False)


@runs_app.command("cancel")
def runs_cancel(run: Run, json: AsJson = False) -> None:
    """End a run where it stands."""
    do_one("POST", "/v1/runs/{id}/cancel", f"{run} is cancelled.", json, id=run)


@runs_app.command("retry")
def runs_retry(
    run: Run,
    beginning: Annotated[
        bool, typer.Option("--beginning", help="As a new run, from its beginning.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Have a run that has failed go on from its failed step."""
    body = {"from": "beginning" if beginning else "failed_step"}
    do_one("POST", "/v1/runs/{id}/retry", f"{run} is queued again.", json, body, id=run)


lanes_app = typer.Typer(help="Lanes: classes of runs with their limits.", no_args_is_help=True)
commands.add_typer(lanes_app, name="lane", rich_help_panel=STACKS)
Lane = Annotated[str, typer.Argument(help="high, normal or low.")]


@lanes_app.command("list")
def lane_list(json: AsJson = False) -> None:
    """List the lanes, and what waits in them."""
    columns = "name due waiting running max=max_concurrent oldest_due_age_s finished_per_minute "
    show_list("/v1/lanes", f"{columns} paused", 10, json)


@lanes_app.command("pause")
def lane_pause(name: Lane, json: AsJson = False) -> None:
    """Let none of its runs begin."""
    do_one("POST", "/v1/lanes/{name}/pause", f"Lane {name} is paused.", json, name=name)


@lanes_app.command("resume")
def lane_resume(name: Lane, json: AsJson = False) -> None:
    """Let its runs begin again."""
    do_one("POST", "/v1/lanes/{name}/resume", f"Lane {name} goes on.", json, name=name)


schedules_app = typer.Typer(help="Schedules: tasks started by the clock.", no_args_is_help=True)
commands.add_typer(schedules_app, name="schedule", rich_help_panel=STACKS)
Schedule = Annotated[str, typer.Argument(help="Its task, stack/task.")]
_SCHEDULE = "/v1/schedules/{name:path}"


@schedules_app.command("list")
def schedule_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the schedules, with the times at which they fire next."""
    columns = "name cron timezone paused next last_fired_at fires skipped"
    show_list("/v1/schedules", columns, limit, json)


@schedules_app.command("show")
def schedule_show(name: Schedule, json: AsJson = False) -> None:
    """Show a schedule, and when it fires next."""
    show_one(_SCHEDULE, json, name=name)


@schedules_app.command("pause")
def schedule_pause(name: Schedule, json: AsJson = False) -> None:
    """Have a schedule fire no more."""
    do_one("POST", f"{_SCHEDULE}/pause", f"{name} is paused.", json, name=name)


@schedules_app.command("resume")
def schedule_resume(name: Schedule, json: AsJson = False) -> None:
    """Have it fire again, from now on."""
    do_one("POST", f"{_SCHEDULE}/resume", f"{name} goes on.", json, name=name)


@schedules_app.command("run")
def schedule_run(name: Schedule, json: AsJson = False) -> None:
    """Start its task now."""
    do_one("POST", f"{_SCHEDULE}/run", f"{name} is started.", json, name=name)
