"""The names that expressions see: one flat set of variables per run, shared by nested stacks."""

import random
from collections.abc import Collection, Mapping
from typing import Any

from hub.errors import LimitError, StepError
from hub.model.json import Json
from hub.stack.memory import MAX_BYTES, size_of
from hub.stack.ports import World

RESERVED = frozenset(
    ["auth", "env", "error", "event", "input", "loop_index", "loop_item", "request", "run"]
)


class Scope:
    """Names and their values; the context that compiled expressions are evaluated in.

    Reserved names win over variables, variables (and tables) over the input's own fields.
    """

    __slots__ = (
        "_draws",
        "_now",
        "_outer",
        "_seed",
        "_shift_us",
        "_sizes",
        "_used",
        "_values",
        "_world",
        "fields",
        "reserved",
        "variables",
    )

    def __init__(
        self,
        given: Mapping[str, Any],
        reserved: Mapping[str, Any],
        world: World,
        shift_us: int = 0,
    ) -> None:
        self.fields = given
        self.reserved: dict[str, Any] = {**dict.fromkeys(RESERVED), **reserved, "input": given}
        self.variables: dict[str, Any] = {}
        self._outer: frozenset[str] = frozenset()
        self._sizes: dict[str, int] = {}
        self._used = 0
        self._world = world
        self._shift_us = shift_us
        self._now: int | None = None
        self._values: dict[str, Any] = {}
        self._seed = ""
        self._draws = 0

    def branch(self, giving: Collection[str] = ()) -> "Scope":
        """The names as a branch sees them: a copy, in which those of before are not assigned.

        But for those that the branch is given anew.
        """
        other = Scope(self.fields, self.reserved, self._world, self._shift_us)
        other.variables = dict(self.variables)
        other._outer = frozenset(self.variables).difference(giving)
        other._used = self._used
        return other

    @property
    def own(self) -> dict[str, Any]:
        """The variables that a branch has made."""
        return {name: v for name, v in self.variables.items() if name not in self._outer}

    def lookup(self, name: str) -> Any:
        """The value of a name, None if there is none."""
        if name in self.reserved:
            return self.reserved[name]
        if name in self.variables:
            return self.variables[name]
        return self.fields.get(name)

    def assign(self, name: str, value: Any) -> None:
        """Bind a variable.

        Raises:
            StepError: ``name_reserved``, ``name_outer``.
            LimitError: ``limit_memory``.
        """
        if name in RESERVED or name in self._outer:
            self.check(name)
        size = size_of(value)
        self._used += size - self._sizes.get(name, 0)
        if self._used > MAX_BYTES:
            raise LimitError(
                f"The variables of the run take more than {MAX_BYTES >> 20} MiB: work on less at "
                "once (limit, after), and keep only what is needed.",
                code="limit_memory",
            )
        self._sizes[name] = size
        self.variables[name] = value

    def check(self, name: str) -> None:
        """Refuse a name that no value can be bound to here.

        Raises:
            StepError: ``name_reserved``, ``name_outer``.
        """
        check_name(name)
        if name in self._outer:
            raise StepError(
                f"{name!r} is a variable outside this branch, and branches run side by side: "
                "give the result another name (as), and use what the branches give.",
                code="name_outer",
            )

    def env(self, name: str) -> Any:
        """The value of ``env.name``, constant within a step; ExpressionError if it is not set."""
        if name not in self._values:
            self._values[name] = self._world.variable(name)
        return self._values[name]

    def now_us(self) -> int:
        """What ``now()`` gives, constant within a step; in a schedule's run it begins when due."""
        if self._now is None:
            self._now = self._world.now_us() - self._shift_us
        return self._now

    def real_us(self) -> int:
        """The world's clock at the same moment, for what is kept."""
        return self.now_us() + self._shift_us

    def random(self) -> random.Random:
        """Randomness that is the same when the step is computed again."""
        self._draws += 1
        return random.Random(f"{self._seed}:{self._draws}")  # noqa: S311 - replayed, never a secret

    @property
    def zone(self) -> str:
        """The hub's time zone."""
        return self._world.zone

    def lane_delay_s(self, name: str) -> float | None:
        """The delay of a lane, None if there is none of that name."""
        return self._world.lane_delay_s(name)

    def begin_step(self, seed: str) -> None:
        """A new step: its clock and ``env`` are read when it first asks."""
        self._seed = seed
        self._draws = 0
        self._now = None
        if self._values:
            self._values = {}

    def observed(self) -> Json:
        """What the step has read of the world so far, for its journal entry."""
        return {"now": self._now, "env": dict(self._values)}

    def recall(self, observed: Json) -> None:
        """The step is computed again: it reads what it read the first time."""
        self._now = observed["now"]
        self._values = dict(observed["env"])


def check_name(name: str) -> None:
    """Raise StepError ``name_reserved`` where no variable can have that name."""
    if name in RESERVED:
        raise StepError(
            f"{name!r} is a name of the hub's own: choose another one for the variable.",
            code="name_reserved",
        )
