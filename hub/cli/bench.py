"""Measuring."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import OPERATE

commands = typer.Typer()


@commands.command(rich_help_panel=OPERATE)
def bench(
    cases: Annotated[list[str] | None, typer.Argument(help="Which ones; all if none.")] = None,
    ledger: Annotated[str, typer.Option(help="sqlite, postgresql or both.")] = "both",
    seconds: Annotated[float, typer.Option(help="How long each measurement lasts.")] = 5.0,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show what costs most; the hub is slower by it.")
    ] = False,
) -> None:
    """Measure this hub against the targets.

    Side by side with a bare echo, in one run.
    """
    from hub.bench.command import run as run_bench

    ledgers = ["sqlite", "postgresql"] if ledger == "both" else [ledger]
    raise typer.Exit(run_bench(cases or [], ledgers, seconds, json, profile))
