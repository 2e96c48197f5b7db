"""From a stack's text to tasks that can run, with every problem of the text at its place."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from hub.errors import InvalidError
from hub.model.json import Json, dumps
from hub.model.table import TableSpec
from hub.model.time import US_PER_S
from hub.stack.documents import read_documents
from hub.stack.doubts import doubts_of
from hub.stack.input import InputSchema
from hub.stack.places import Place, escaped, keys_of, placed_steps, problem_at
from hub.stack.problem import Problem, nearest
from hub.stack.references import references_of
from hub.stack.shapes import (
    EndpointDocument,
    KeyAuth,
    LanesBody,
    PublicAuth,
    ScheduleBody,
    TablesDocument,
    TaskDocument,
    TaskFields,
)
from hub.stack.step import Step, canonical
from hub.stack.steps import CALL, STEPS
from hub.stack.steps.arrived import GetAllRawInput, VerifySignature
from hub.stack.task import Endpoint, Lane, Reference, Schedule, Stack, Task
from hub.stack.text import Document

_SCHEDULE, _LANES, _TABLES = "scheduled_task", "priority_queue_system", "tables"
_STACK = "function_stack"
_ADAPTERS: dict[type[BaseModel], TypeAdapter[Any]] = {
    shape: TypeAdapter(shape)
    for shape in (TaskDocument, EndpointDocument, ScheduleBody, LanesBody, TablesDocument)
}


def load_stack(name: str, text: str) -> Stack:
    """Load everything of a stack's text.

    Raises:
        InvalidError: ``document_broken`` or ``stack_invalid``, with all ``problems`` at once.
    """
    documents = read_documents(text)
    version = hashlib.sha256(dumps([each.value for each in documents])).hexdigest()[:16]
    loader = _Loader(name, version)
    for document in documents:
        loader.take(document)
    if loader.problems:
        problems = sorted(loader.problems, key=lambda each: (each.line or 0, each.column or 0))
        raise InvalidError(
            f"The stack {name!r} cannot be loaded: {problems[0].message}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            code="stack_invalid",
            problems=[problem.as_json() for problem in problems],
        )
    return loader.stack()


@dataclass(frozen=True, slots=True)
class _Found:
    """A part of a document that should be a task, an endpoint, a schedule or lanes."""

    shape: type[BaseModel]
    name: str
    value: dict[str, Any]
    place: Place
    pointer: str
    """Where ``value`` stands; of a bare list of steps, where that stands."""
    is_bare: bool = False

    @property
    def steps_at(self) -> str:
        """Where the list of steps stands."""
        return self.pointer if self.is_bare else f"{self.pointer}/{_STACK}"


class _Loader:
    """Gathers what the documents of one text hold, and what is wrong with them."""

    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = version
        self.problems: list[Problem] = []
        self.tasks: dict[str, Task] = {}
        self.endpoints: list[Endpoint] = []
        self.schedules: list[Schedule] = []
        self.lanes: dict[str, Lane] = {}
        self.tables: dict[str, TableSpec] = {}
        self.references: list[Reference] = []
        self.doubts: list[Problem] = []
        self.raw: frozenset[str] | None = None

    def stack(self) -> Stack:
        """What was loaded."""
        return Stack(
            self.name,
            self.version,
            self.tasks,
            tuple(replace(each, raw=self.raw) for each in self.endpoints),
            tuple(self.schedules),
            self.lanes,
            self.tables,
            tuple(self.references),
            tuple(self.doubts),
        )

    def take(self, document: Document) -> None:
        """Load one document."""
        value = document.value
        if not isinstance(value, dict):
            self._wrong(document, "", "A stack document must be an object.")
        elif not value:
            self._wrong(document, "", "There is no task in this document.")
        else:
            for found in self._found(self.name, value, document, "", 0):
                self._load(found)

    def _found(
        self, name: str, value: dict[str, Any], document: Document, pointer: str, level: int
    ) -> Iterator[_Found]:
        if any(isinstance(value.get(key), str) for key in EndpointDocument.PATHS):
            yield _Found(EndpointDocument, name, value, document, pointer)
        elif _STACK in value or any(isinstance(value.get(key), str) for key in TaskDocument.NAMES):
            yield _Found(TaskDocument, name, value, document, pointer)
        else:
            for key, inner in value.items():
                yield from self._of_key(key, inner, document, f"{pointer}/{escaped(key)}", level)

    def _of_key(
        self, key: str, inner: Json, document: Document, pointer: str, level: int
    ) -> Iterator[_Found]:
        if key == _SCHEDULE and isinstance(inner, dict):
            yield _Found(ScheduleBody, self.name, inner, document, pointer)
        elif key == _LANES and isinstance(inner, dict):
            yield _Found(LanesBody, key, inner, document, pointer)
        elif key == _TABLES and isinstance(inner, dict) and not _holds_something(inner):
            at = pointer.rpartition("/")[0]
            yield _Found(TablesDocument, key, {_TABLES: inner}, document, at)
        elif isinstance(inner, list):
            yield _Found(TaskDocument, key, {_STACK: inner}, document, pointer, is_bare=True)
        elif isinstance(inner, dict) and level == 0 and _holds_something(inner):
            yield from self._found(key, inner, document, pointer, level + 1)
        else:
            near = nearest(key, (_STACK, *TaskDocument.NAMES, *EndpointDocument.PATHS, _SCHEDULE))
            self._wrong(
                document,
                pointer,
                f"{key!r} is neither a list of steps nor an object with a function_stack.",
                near,
            )

    def _load(self, found: _Found) -> None:
        try:
            shape = _ADAPTERS[found.shape].validate_python(found.value)
        except ValidationError as error:
            self.problems.extend(_translated(found, each) for each in error.errors())
            return
        if isinstance(shape, LanesBody):
            self._load_lanes(shape)
        elif isinstance(shape, TablesDocument):
            self._load_tables(found, shape.tables)
        else:
            self._load_task(found, shape)

    def _load_task(self, found: _Found, shape: TaskFields) -> None:
        name = _name_of(found, shape)
        task = _task(self.name, self.version, name, shape)
        if name in self.tasks:
            self._wrong(found.place, found.pointer, f"There are two tasks named {name!r}.")
        self.tasks[name] = task
        self._load_tables(found, shape.tables)
        steps = list(placed_steps(shape.function_stack, found.value[_STACK], found.steps_at))
        self._note_raw(step for step, _, _ in steps)
        self.references += references_of(found.place, steps, shape, found.pointer, name)
        self.doubts += doubts_of(found.place, steps, task)
        if isinstance(shape, EndpointDocument):
            self._load_endpoint(found, shape, task)
        elif isinstance(shape, ScheduleBody):
            self.schedules.append(_schedule(shape, task))

    def _note_raw(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, (GetAllRawInput, VerifySignature)):
                fields = step.fields if isinstance(step, VerifySignature) else frozenset()
                self.raw = (self.raw or frozenset()) | fields

    def _load_endpoint(self, found: _Found, shape: EndpointDocument, task: Task) -> None:
        endpoint = _endpoint(shape, task)
        twins = [each for each in self.endpoints if each.meets(endpoint)]
        if twins:
            self._wrong(
                found.place,
                found.pointer,
                f"{endpoint.method} {endpoint.path} stands for {twins[0].task!r} already.",
            )
        self.endpoints.append(endpoint)

    def _load_tables(self, found: _Found, tables: dict[str, TableSpec]) -> None:
        for name, spec in tables.items():
            if self.tables.setdefault(name, spec) != spec:
                self._wrong(
                    found.place,
                    f"{found.pointer}/{_TABLES}/{name}",
                    f"The table {name!r} is declared twice, and not alike.",
                )

    def _load_lanes(self, shape: LanesBody) -> None:
        for name in ("high", "normal", "low"):
            body = getattr(shape, f"{name}_priority")
            if body is not None:
                self.lanes[name] = Lane(body.delay, body.max_concurrent, body.timeout)

    def _wrong(self, place: Place, pointer: str, message: str, near: str | None = None) -> None:
        self.problems.append(problem_at(place, pointer, message, near))


def _holds_something(inner: dict[str, Any]) -> bool:
    """Whether an object under a key may be a task, an endpoint or a schedule."""
    return bool(inner.keys() & {_STACK, _SCHEDULE, *EndpointDocument.PATHS}) or any(
        isinstance(inner.get(key), str) for key in TaskDocument.NAMES
    )


def _name_of(found: _Found, shape: TaskFields) -> str:
    """The task's own name, else its key's; an endpoint's is made of its path."""
    if isinstance(shape, ScheduleBody):
        return shape.name
    assert isinstance(shape, TaskDocument)  # noqa: S101 - what else a task is written as
    own = shape.task or shape.background_task or shape.name
    if own is None and isinstance(shape, EndpointDocument) and not found.pointer:
        return re.sub(r"[^A-Za-z0-9]+", "-", shape.path).strip("-") or found.name
    return own or found.name


def _task(stack: str, version: str, name: str, shape: TaskFields) -> Task:
    names = {name for step in shape.function_stack for name in step.names()}
    if shape.concurrency_key is not None:
        names |= shape.concurrency_key.names
    timeout_s = shape.timeout_s or (None if shape.timeout is None else shape.timeout / 1000)
    return Task(
        stack=stack,
        name=name,
        version=version,
        steps=shape.function_stack,
        names=frozenset(names),
        source=shape.source,
        description=shape.description,
        input=None if shape.input is None else InputSchema.of(shape.input),
        on_error=shape.on_error,
        max_steps=shape.max_steps,
        timeout_us=None if timeout_s is None else int(timeout_s * US_PER_S),
        retry=shape.retry,
        lane=shape.lane,
        concurrency_key=shape.concurrency_key,
        completion_webhook=shape.completion_webhook,
        queueable=shape.queueable,
    )


def _endpoint(shape: EndpointDocument, task: Task) -> Endpoint:
    auth = shape.auth
    if auth == "key":
        auth = KeyAuth()
    elif auth == "public":
        auth = PublicAuth(mode="public")
    cors = shape.cors
    origins = ("*",) if cors is True else (cors,) if isinstance(cors, str) else cors or ()
    return Endpoint(shape.method, shape.path, task.full_name, auth, tuple(origins), shape.wait_s)


def _schedule(shape: ScheduleBody, task: Task) -> Schedule:
    return Schedule(
        shape.name,
        shape.schedule,
        task.full_name,
        shape.timezone,
        shape.overlap,
        shape.catch_up,
        shape.clock,
    )


def _translated(found: _Found, error: ErrorDetails) -> Problem:
    pointer, _ = _walk(found.value, error["loc"])
    if found.is_bare:
        pointer = pointer.removeprefix(f"/{_STACK}")
    kind = error["type"]
    if kind == "union_tag_not_found":
        return _at(found, pointer, "A step must be an object with a 'function'.")
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return _at(found, pointer, f"{key!r} is not known here.", _nearest_key(found, error, key))
    if kind == "missing":
        return _at(found, pointer, f"{error['loc'][-1]!r} is missing.")
    if kind == "expression":
        return _expression(found, pointer, error["ctx"])
    if kind == "literal_error":
        near = nearest(str(error["input"]), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return _at(
            found, pointer, f"{error['loc'][-1]!r} must be {error['ctx']['expected']}.", near
        )
    if kind in _KINDS:
        return _at(found, pointer, f"{error['loc'][-1]!r} must be {_KINDS[kind]}.")
    return _at(found, pointer, error["msg"].removeprefix("Value error, "))


_KINDS = {"string_type": "text", "tuple_type": "a list of steps"}


def _expression(found: _Found, pointer: str, fault: dict[str, Any]) -> Problem:
    """The problem of an expression, which may stand inside the field's value."""
    message = str(fault["message"])
    if "position" in fault:
        message += f" (At character {fault['position'] + 1} of the text.)"
    return _at(found, pointer + fault.get("pointer", ""), message)


def _walk(value: Json, loc: tuple[int | str, ...]) -> tuple[str, Json]:
    """The pointer of an error's place; parts that only name a kind of step are passed over."""
    pointer = ""
    kind = None
    for part in loc:
        if part == kind or not _holds(value, part):
            kind = None
            continue
        in_list = isinstance(value, list)
        value = value[part]
        kind = _tag_of(value) if in_list else None
        pointer += f"/{escaped(part)}"
    return pointer, value


def _holds(value: Json, part: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _nearest_key(found: _Found, error: ErrorDetails, key: str) -> str | None:
    _, holder = _walk(found.value, error["loc"][:-1])
    function = holder.get("function") if isinstance(holder, dict) else None
    model = STEPS.get(canonical(function)) if isinstance(function, str) else found.shape
    if model is None:
        return None
    return nearest(
        key, sorted({each for name in model.model_fields for each in keys_of(model, name)})
    )


def _at(found: _Found, pointer: str, message: str, near: str | None = None) -> Problem:
    return problem_at(found.place, found.pointer + pointer, message, near)


def _tag_of(value: Json) -> str | None:
    """What pydantic calls the kind of a step in the path of an error."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, str):
        return None
    return canonical(function) if canonical(function) in STEPS else CALL
