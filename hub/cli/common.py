"""What the commands share: options that several have, settings, and how a command ends."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop

from hub.errors import HubError
from hub.observe.log import set_up_logs
from hub.settings import Settings, load_settings

T = TypeVar("T")
RUN_IT, STACKS, COMES_IN, GOES_OUT = "Run it", "Stacks", "What comes in", "What goes out"
DATA, OPERATE = "Data", "Operate it"
"""The panels of ``hub --help``, in their order."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Destination = Annotated[str | None, typer.Option(help="Only this destination's.")]


def settings_of(**given: Any) -> Settings:
    try:
        settings = load_settings(**given)
    except HubError as error:
        give_up(error)
    set_up_logs(settings.log_level, settings.log_format)
    return settings


def quiet_settings() -> Settings:
    """The settings, for what prints its result by itself."""
    try:
        settings = load_settings()
    except HubError as error:
        give_up(error)
    set_up_logs("error", "auto")
    return settings


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    ran(work)


def ran(work: Coroutine[Any, Any, T]) -> T:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except HubError as error:
        give_up(error)


def give_up(error: HubError) -> NoReturn:
    sys.stderr.write(f"hub: {error.message}\n")
    raise SystemExit(2)
