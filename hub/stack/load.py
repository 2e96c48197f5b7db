"""From a stack's text to tasks that can run, with every problem of the text at its place."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from hub.errors import InvalidError
from hub.model.json import Json, dumps
from hub.stack.documents import read_documents
from hub.stack.problem import Problem, nearest
from hub.stack.step import Step
from hub.stack.steps import STEPS, AnyStep
from hub.stack.text import Document

_NAME_KEYS = ("task", "background_task", "name")
_LATER_SHAPES = ("api_endpoint", "endpoint", "scheduled_task", "priority_queue_system")
# fmt: off
_LATER_KEYS = frozenset({
    *_LATER_SHAPES, "auth", "completion_webhook", "concurrency_key", "cors", "input", "lane",
    "max_steps", "method", "on_error", "priority", "queue", "queueable", "retry", "tables",
    "timeout", "wait_s",
})
# fmt: on


class TaskDocument(BaseModel):
    """A task as it stands in a document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str | None = None
    background_task: str | None = None
    name: str | None = None
    description: str | None = None
    source: str | None = Field(None, description="Runs for each event of this source.")
    function_stack: tuple[AnyStep, ...]


_TASK: TypeAdapter[TaskDocument] = TypeAdapter(TaskDocument)


@dataclass(frozen=True, slots=True)
class Task:
    """A task that can run."""

    stack: str
    name: str
    version: str
    steps: tuple[Step, ...]
    names: frozenset[str]
    """Every root name that its expressions read."""
    source: str | None = None
    description: str | None = None

    @property
    def full_name(self) -> str:
        """``stack/task``."""
        return f"{self.stack}/{self.name}"


@dataclass(frozen=True, slots=True)
class Stack:
    """A loaded version of a stack."""

    name: str
    version: str
    tasks: dict[str, Task]


@dataclass(frozen=True, slots=True)
class _Found:
    """A document that should be a task, with its place in the text."""

    name: str
    value: dict[str, Any]
    document: Document
    pointer: str


def load_stack(name: str, text: str) -> Stack:
    """Load every task of a stack's text.

    Raises:
        InvalidError: ``document_broken`` or ``stack_invalid``, with all ``problems`` at once.
    """
    documents = read_documents(text)
    version = hashlib.sha256(dumps([each.value for each in documents])).hexdigest()[:16]
    problems: list[Problem] = []
    tasks: dict[str, Task] = {}
    for document in documents:
        for found in _tasks_in(name, document, problems):
            task = _load_task(name, version, found, problems)
            if task is None:
                continue
            if task.name in tasks:
                problems.append(_at(found, "", f"There are two tasks named {task.name!r}."))
            tasks[task.name] = task
    if problems:
        problems.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
        raise InvalidError(
            f"The stack {name!r} cannot be loaded: {problems[0].message}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            code="stack_invalid",
            problems=[problem.as_json() for problem in problems],
        )
    return Stack(name, version, tasks)


def _tasks_in(stack: str, document: Document, problems: list[Problem]) -> Iterator[_Found]:
    value = document.value
    if not isinstance(value, dict):
        problems.append(_problem(document, "", "A stack document must be an object."))
    elif not value:
        problems.append(_problem(document, "", "There is no task in this document."))
    elif "function_stack" in value or any(isinstance(value.get(k), str) for k in _NAME_KEYS):
        yield _Found(stack, value, document, "")
    else:
        for key, inner in value.items():
            pointer = "/" + key.replace("~", "~0").replace("/", "~1")
            if key in _LATER_SHAPES:
                problems.append(_problem(document, pointer, _later(key)))
            elif isinstance(inner, list):
                yield _Found(key, {"function_stack": inner}, document, pointer)
            elif isinstance(inner, dict) and "function_stack" in inner:
                yield _Found(key, inner, document, pointer)
            else:
                problems.append(
                    _problem(
                        document,
                        pointer,
                        f"{key!r} is neither a list of steps nor an object with a function_stack.",
                        nearest(key, ("function_stack", *_NAME_KEYS)),
                    )
                )


def _later(key: str) -> str:
    return f"{key!r} is not known to this version of the hub."


def _load_task(stack: str, version: str, found: _Found, problems: list[Problem]) -> Task | None:
    try:
        document = _TASK.validate_python(found.value)
    except ValidationError as error:
        problems.extend(_translated(found, each) for each in error.errors())
        return None
    name = document.task or document.background_task or document.name or found.name
    steps = document.function_stack
    names = frozenset(name for step in steps for name in step.names())
    return Task(stack, name, version, steps, names, document.source, document.description)


def _translated(found: _Found, error: ErrorDetails) -> Problem:
    pointer, value = _walk(found.value, error["loc"])
    if isinstance(found.value.get("function_stack"), list) and found.pointer and not _wraps(found):
        pointer = pointer.removeprefix("/function_stack")
    kind = error["type"]
    if kind == "union_tag_invalid":
        name = value["function"]
        hint = nearest(name, STEPS)
        return _at(found, f"{pointer}/function", f"There is no function {name!r}.", hint)
    if kind == "union_tag_not_found":
        return _at(found, pointer, "A step must be an object with a 'function'.")
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        if len(error["loc"]) == 1 and key in _LATER_KEYS:
            return _at(found, pointer, _later(key))
        return _at(found, pointer, f"{key!r} is not known here.", _nearest_key(found, error, key))
    if kind == "missing":
        return _at(found, pointer, f"{error['loc'][-1]!r} is missing.")
    if kind == "expression":
        return _expression(found, pointer, error["ctx"])
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


def _wraps(found: _Found) -> bool:
    """Whether the task stands in the text as an object, not as a bare list of steps."""
    return f"{found.pointer}/function_stack" in found.document.positions


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
        kind = value.get("function") if in_list and isinstance(value, dict) else None
        pointer += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return pointer, value


def _holds(value: Json, part: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _nearest_key(found: _Found, error: ErrorDetails, key: str) -> str | None:
    _, holder = _walk(found.value, error["loc"][:-1])
    step = STEPS.get(str(holder.get("function"))) if isinstance(holder, dict) else None
    fields = (step or TaskDocument).model_fields
    names = {field.alias or name for name, field in fields.items()}
    for field in fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            names.update(str(choice) for choice in field.validation_alias.choices)
    return nearest(key, sorted(names))


def _at(found: _Found, pointer: str, message: str, hint: str | None = None) -> Problem:
    return _problem(found.document, found.pointer + pointer, message, hint)


def _problem(document: Document, pointer: str, message: str, hint: str | None = None) -> Problem:
    line, column = document.position_of(pointer)
    return Problem("error", message, hint and f"Did you mean {hint!r}?", line, column, pointer)
