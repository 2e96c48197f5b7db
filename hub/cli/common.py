"""What the commands share: panels, options that several have, settings, and how a command ends.

Exit codes: 0, all is well; 1, what was looked for was found (a problem, a failure, a refusal);
2, it could not be done, and standard error says why: a sentence, or with ``--json`` a problem.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from typer.core import TyperCommand

from hub.errors import HubError
from hub.model.json import Json
from hub.observe.log import set_up_logs
from hub.printing import print_fields, print_json, print_things, write
from hub.settings import Settings, load_settings

if TYPE_CHECKING:
    from hub.store.errand import Errand
    from hub.web.desk import Desk

T = TypeVar("T")
_context: ContextVar[typer.Context] = ContextVar("command")
RUN_IT, TRY_IT, COMES_IN, GOES_OUT = "Run it", "Try it", "What comes in", "What goes out"
STACKS, DATA, OPERATE = "Stacks", "Data", "Operate it"
"""The panels of ``hub --help``, in their order."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Destination = Annotated[str | None, typer.Option(help="Only this destination's.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
Since = Annotated[
    str | None, typer.Option(help="Only from this time on, such as 2026-11-23T20:15:00Z.")
]


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


def at_desk(work: Callable[["Desk"], Awaitable[T]]) -> T:
    """Do something by the API's operations, in this process."""
    from hub.commands.asking import open_desk

    async def done() -> T:
        async with open_desk(quiet_settings()) as desk:
            return await work(desk)

    return ran(done())


def show_list(path: str, columns: str, limit: int, as_json: bool, **filters: Any) -> None:
    """Print a list of the API: ``columns`` are names of fields, ``head=path.to.field`` too."""
    found = at_desk(lambda desk: desk.listed(path, limit, **filters))
    print_things(found, columns.split(), as_json=as_json)


def show_one(path: str, as_json: bool, **parts: str) -> None:
    """Print one thing of the API."""
    print_fields(at_desk(lambda desk: desk.ask("GET", path, parts)), as_json=as_json)


def do_one(
    method: str, path: str, said: str, as_json: bool, body: Json = None, **parts: str
) -> None:
    """Change one thing by the API, and say so, or print its answer."""
    told = at_desk(lambda desk: desk.ask(method, path, parts, body=body))
    tell(said, {"done": said} if told is None else told, as_json)


def tell(text: str, told: Mapping[str, Json], as_json: bool) -> None:
    """Print what was done: a sentence for people, or what programs want to know."""
    if as_json:
        print_json(told)
    else:
        write(text)


def give_up(error: HubError) -> NoReturn:
    """Say why it could not be done; a problem in JSON where JSON was asked for."""
    context = _context.get(None)
    if context is not None and context.params.get("json") is True:
        from hub.web.problems import as_problem

        sys.stderr.buffer.write(as_problem(error) + b"\n")
    else:
        sys.stderr.write(f"hub: {error.message}\n")
    raise SystemExit(2)
