"""What the commands share: options that several have, settings, and how a command ends."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from typer.core import TyperCommand

from hub.errors import HubError
from hub.observe.log import set_up_logs
from hub.settings import Settings, load_settings

if TYPE_CHECKING:
    from hub.store.errand import Errand

T = TypeVar("T")
_context: ContextVar[typer.Context] = ContextVar("command")
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


class Command(TyperCommand):
    """A command that knows how it was typed, for the audit."""

    def invoke(self, ctx: Any) -> Any:
        with _typed(ctx):
            return super().invoke(ctx)


@contextmanager
def _typed(context: typer.Context) -> Iterator[None]:
    before = _context.set(context)
    try:
        yield
    finally:
        _context.reset(before)


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    ran(work)


def ran(work: Coroutine[Any, Any, T]) -> T:
    """Run what somebody wants done: whatever it writes is in the audit, as done by them."""
    from hub.store.errand import running

    with running(_errand(_context.get())):
        return program_ran(work)


def program_ran(work: Coroutine[Any, Any, T]) -> T:
    """Run what does the hub's own work, or keeps nothing."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except HubError as error:
        give_up(error)


def _errand(context: typer.Context) -> "Errand":
    """The command as it was typed: ``hub table import``, about the table that it names."""
    from hub.store.errand import Actor, Errand

    words = context.command_path.split()[1:]
    names = [each.name for each in context.command.params if each.param_type_name == "argument"]
    about = [context.params.get(name or "") for name in names]
    return Errand(
        None,
        Actor("command line"),
        operation=" ".join(["hub", *words]),
        kind=words[0],
        name=next((each for each in about if isinstance(each, str)), ""),
    )


def give_up(error: HubError) -> NoReturn:
    sys.stderr.write(f"hub: {error.message}\n")
    raise SystemExit(2)
