"""The outline of a task: its steps with those inside them, as people read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hub.stack.step import Step
from hub.stack.steps.control import escaped
from hub.stack.turn import AGAIN

T = TypeVar("T")

ROUND = "*"
"""Stands in a path for the round of a loop."""
_PLACES: Mapping[str, str] = {"function_stack": ROUND, "stacks": ""}


@dataclass(frozen=True, slots=True)
class Outlined:
    """A step; ``path`` is where it stands in a run, with ``*`` for the rounds of loops."""

    path: str
    function: str
    id: str | None
    description: str | None
    binds: str | None
    """The variable that gets its result."""


def outline(steps: Sequence[Step]) -> Iterator[Outlined]:
    """Every step, each followed by those inside it."""
    for path, step in steps_in(steps):
        yield Outlined(path, step.function, step.id, step.description, step.as_)


def steps_in(steps: Sequence[Step], prefix: str = "") -> Iterator[tuple[str, Step]]:
    """Every step with its path, each followed by those inside it."""
    for n, step in enumerate(steps):
        path = f"{prefix}{n}"
        yield path, step
        for place, inner in _inside(step):
            yield from steps_in(inner, f"{path}/{place}/")


def above(path: str) -> Iterator[str]:
    """The paths that a path begins with, the shortest first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def finder(outlined: Mapping[str, T]) -> Callable[[str], T | None]:
    """What finds a step as it is written, of those in an outline, by its path in a run.

    Rounds have no number in an outline, nor has what was tried again.
    """
    known = {place for each in outlined for place in (*above(each), each)}

    def find(path: str) -> T | None:
        found = ""
        for each in path.split("/"):
            here = f"{found}/{each.partition(AGAIN)[0]}".lstrip("/")
            found = here if here in known else f"{found}/{ROUND}"
        return outlined.get(found)

    return find


def _inside(step: Step) -> Iterator[tuple[str, Sequence[Step]]]:
    """The stacks that a step holds, and where each stands in paths."""
    for name in type(step).model_fields:
        place = _PLACES.get(name, name.removesuffix("_stack"))
        yield from _stacks(place, getattr(step, name))


def _stacks(place: str, value: Any) -> Iterator[tuple[str, Sequence[Step]]]:
    if isinstance(value, tuple) and value and all(isinstance(each, Step) for each in value):
        yield place, value
        return
    if isinstance(value, dict):
        named = value.items()
    elif isinstance(value, tuple):
        named = dict(enumerate(value)).items()
    else:
        return
    for name, inner in named:
        if isinstance(inner, tuple):
            yield from _stacks(f"{place}/{escaped(str(name))}".lstrip("/"), inner)
