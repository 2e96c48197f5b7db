"""``hub run`` and ``hub simulate``: a stack in a hub that is thrown away."""

import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.bootstrap import load_connectors, load_functions
from hub.errors import HubError, InvalidError
from hub.model.json import Json, dumps_text, loads
from hub.model.time import US_PER_S, from_iso
from hub.outbound.client import Client, Sender
from hub.outbound.guard import AddressPolicy
from hub.simulate.answers import MappedSender, StubSender, parse_answers
from hub.simulate.report import as_json, for_people
from hub.simulate.simulation import Clock, Wanted, simulation
from hub.stack.json5 import parse_documents
from hub.stack.load import load_stack
from hub.stackfiles import stack_files

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class Options:
    """What a person asked for, as it was typed."""

    target: str
    """``FILE``, ``FILE:TASK``, ``FOLDER`` or ``FOLDER:STACK/TASK``."""
    input: str = "{}"
    tables: str | None = None
    auth: str | None = None
    env: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    map: tuple[str, ...] = ()
    answers: str | None = None
    span: str = "0s"
    at: str | None = None
    timezone: str = "UTC"
    send: bool = False
    proxy: str | None = field(default=None, repr=False)
    """What is really sent goes through it."""
    json: bool = False
    show_tables: bool = False
    is_simulation: bool = False


async def run(options: Options) -> int:
    """Run it and print what happened; 1 where a run failed.

    Raises:
        HubError: something of the options cannot be used, and what to change.
    """
    load_functions()
    wanted = _wanted(options)
    clock = Clock(wanted.begin_us)
    async with AsyncExitStack() as stack:
        sender = await _sender(options, clock, stack)
        made = await stack.enter_async_context(simulation(wanted, sender, load_connectors(), clock))
        await made.run()
        if options.json:
            sys.stdout.write(dumps_text(await as_json(made)) + "\n")
        else:
            sys.stdout.write(await for_people(made, tables=options.show_tables))
        failed = any(
            each.kind == "run" and each.what["status"] == "failed" for each in made.notes.happenings
        )
    return 1 if failed else 0


def _wanted(options: Options) -> Wanted:
    texts, task = _target(options.target, is_simulation=options.is_simulation)
    begin_us = None
    if options.is_simulation:
        begin_us = Clock(None).now_us() if options.at is None else _moment(options.at)
    return Wanted(
        stacks=texts,
        task=task,
        input=_object(options.input, "--input"),
        context={} if options.auth is None else {"auth": _value(options.auth, "--auth")},
        tables={} if options.tables is None else _object(options.tables, "--tables"),
        variables=_pairs(options.env, "--env"),
        secrets=_pairs(options.secret, "--secret"),
        span_us=span_us(options.span),
        begin_us=begin_us,
        timezone=options.timezone,
    )


def _target(text: str, *, is_simulation: bool) -> tuple[dict[str, str], str | None]:
    """The stacks' texts, and the task that is meant."""
    name, _, task = text.partition(":")
    path = Path(name)
    if not path.exists():
        raise InvalidError(f"There is no file or folder {name!r}.", code="file_missing")
    files = stack_files([path])
    texts = {file.stem: _read(file) for file in files}
    if task:
        return texts, task if "/" in task or len(texts) > 1 else f"{files[0].stem}/{task}"
    if len(files) != 1:
        if is_simulation:
            return texts, None
        raise InvalidError(
            f"{name!r} holds {len(files)} stacks: say which task, as {name}:stack/task.",
            code="task_missing",
        )
    stack = load_stack(files[0].stem, texts[files[0].stem])
    tasks = list(stack.tasks.values())
    if is_simulation and stack.schedules and len(tasks) == len(stack.schedules):
        return texts, None  # what is scheduled starts by itself
    return texts, tasks[0].full_name


async def _sender(options: Options, clock: Clock, stack: AsyncExitStack) -> Sender:
    mapped = _mapped(options.map)
    if not options.send:
        table = {} if options.answers is None else _object(options.answers, "--answers")
        return StubSender(parse_answers(table), clock.pass_time)
    policy = AddressPolicy(allow=(), own_ports=frozenset())
    return MappedSender(
        await stack.enter_async_context(Client(policy, proxy=options.proxy)), mapped
    )


def _mapped(pairs: tuple[str, ...]) -> dict[str, str]:
    return _pairs(pairs, "--map", sign="=http")


def _pairs(given: tuple[str, ...], option: str, sign: str = "=") -> dict[str, str]:
    pairs = {}
    for each in given:
        name, found, value = each.partition(sign)
        if not found or not name:
            raise InvalidError(f"{option} takes NAME=VALUE, not {each!r}.", code="option_invalid")
        pairs[name] = sign[1:] + value
    return pairs


def span_us(text: str) -> int:
    """A span such as ``90s``, ``15m``, ``36h``, ``14d`` or ``2w``, in microseconds.

    Raises:
        InvalidError: ``option_invalid``.
    """
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS_S and number.replace(".", "", 1).isdigit():
        return int(float(number) * _UNITS_S[unit] * US_PER_S)
    raise InvalidError(
        f"{text!r} is no span: write a number and s, m, h, d or w, such as 14d.",
        code="option_invalid",
    )


def _moment(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError:
        raise InvalidError(
            f"{text!r} is no date: write it as 2026-01-31T12:00:00Z.", code="option_invalid"
        ) from None


def _object(text: str, option: str) -> dict[str, Any]:
    value = _value(text, option)
    if not isinstance(value, dict):
        raise InvalidError(f"{option} must be a JSON object.", code="option_invalid")
    return value


def _value(text: str, option: str) -> Json:
    """JSON, JSON5, or the file that ``@NAME`` names."""
    if text.startswith("@"):
        text = _read(Path(text[1:]))
    try:
        if text.lstrip()[:1] in ("{", "["):
            return parse_documents(text)[0].value
        return loads(text)
    except HubError as error:
        raise InvalidError(f"{option}: {error.message}", code="option_invalid") from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"{path} cannot be read: {error}.", code="file_unreadable") from error
