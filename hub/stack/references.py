"""The names of tasks and functions that a stack uses, each with its place."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from hub.expr import DictContext
from hub.stack.places import Place
from hub.stack.plugin import FUNCTIONS
from hub.stack.problem import Problem, Severity, nearest
from hub.stack.step import Step
from hub.stack.steps import STEPS
from hub.stack.steps.tasks import BackgroundTask, Call, RunTask
from hub.stack.task import Reference

_NOTHING = DictContext()

if TYPE_CHECKING:
    from hub.stack.shapes import TaskFields


def unknown(reference: Reference, tasks: Iterable[str], severity: Severity) -> Problem:
    """The problem that nothing has the name that a stack uses; ``tasks`` are those there are."""
    if reference.kind == "function":
        message = f"There is no function and no task {reference.name!r}."
        tasks = [*STEPS, *FUNCTIONS, *tasks]
    else:
        message = f"There is no task {reference.name!r}."
    near = nearest(reference.name, tasks)
    return Problem(
        severity,
        message,
        f"Did you mean {near!r}?" if near else None,
        reference.line,
        reference.column,
        reference.pointer,
        f"unknown-{reference.kind}",
    )


def references_of(
    place: Place,
    steps: Iterable[tuple[Step, dict[str, Any], str]],
    shape: "TaskFields",
    pointer: str,
    caller: str,
) -> Iterator[Reference]:
    """The names that a task uses, where they are written and no expression makes them."""

    def reference(
        kind: Literal["function", "task"], name: str, at: str, *, inline: bool
    ) -> Reference:
        return Reference(kind, name, caller, inline, *place.position_of(at), at)

    if shape.on_error is not None:
        yield reference("task", shape.on_error, f"{pointer}/on_error", inline=False)
    for step, _, at in steps:
        if isinstance(step, Call):
            if step.function not in FUNCTIONS:
                yield reference("function", step.function, f"{at}/function", inline=True)
        elif isinstance(step, (BackgroundTask, RunTask)) and step.task.is_literal:
            name = step.task.evaluate(_NOTHING)
            if isinstance(name, str):
                yield reference("task", name, f"{at}/task", inline=isinstance(step, RunTask))
