"""What an expression can see while it is evaluated."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.errors import ExpressionError
from hub.expr.limits import CHARS_PER_STEP, MAX_EVALUATION_STEPS, over


class Context(Protocol):
    """The scope of a step. Values are JSON values and are never changed by an expression."""

    def lookup(self, name: str) -> Any:
        """The value of a root name; ``None`` when there is none."""
        ...

    def env(self, name: str) -> Any:
        """The value of ``env.NAME``.

        Raises:
            ExpressionError: ``env_unknown`` when there is none of that name.
        """
        ...

    def now_us(self) -> int:
        """Microseconds since the epoch, constant within a step."""
        ...

    def random(self) -> random.Random:
        """Seeded by run, path and call index, so that a resumed run draws the same."""
        ...


@dataclass(frozen=True)
class DictContext:
    """A context made of plain values."""

    names: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What ``env.NAME`` gives."""
    at_us: int = 0
    seed: int = 0
    _source: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the one source of chance that all calls draw from."""
        source = random.Random(self.seed)  # noqa: S311 - repeatable on purpose, guards no secret
        object.__setattr__(self, "_source", source)

    def lookup(self, name: str) -> Any:
        """The value of a root name; ``None`` when there is none."""
        return self.names.get(name)

    def env(self, name: str) -> Any:
        """The value of ``env.NAME``."""
        if name not in self.variables:
            raise ExpressionError(
                f"There is no variable env.{name}: set it, or correct the name.",
                code="env_unknown",
                name=name,
            )
        return self.variables[name]

    def now_us(self) -> int:
        """The instant that was given."""
        return self.at_us

    def random(self) -> random.Random:
        """Each call goes on where the last one stopped."""
        return self._source


class Meter:
    """A context that also counts the work of one evaluation."""

    __slots__ = ("_left", "env", "lookup", "now_us", "random")

    def __init__(self, context: Context) -> None:
        self.lookup = context.lookup
        self.env = context.env
        self.now_us = context.now_us
        self.random = context.random
        self._left = MAX_EVALUATION_STEPS

    def spend(self, steps: int) -> None:
        """Count steps, and stop the evaluation when there were too many."""
        self._left -= steps
        if self._left < 0:
            raise over("evaluation steps", MAX_EVALUATION_STEPS, "work on fewer items at a time")


def charge(context: Context, *values: Any) -> None:
    """Count values that were read or made; free where nothing is metered."""
    if isinstance(context, Meter):
        context.spend(sum(map(_steps, values)))


def _steps(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // CHARS_PER_STEP
    return len(value) if isinstance(value, list | dict) else 1
