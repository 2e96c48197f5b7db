"""What an expression can see while it is evaluated."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from hub.errors import ExpressionError
from hub.expr.limits import MAX_EVALUATION_STEPS, over
from hub.expr.sizes import deep_steps_of, steps_of

Lookup: TypeAlias = Callable[[str], Any]

LANES = ("high", "normal", "low")


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

    @property
    def zone(self) -> str:
        """The IANA name of the hub's time zone."""
        ...

    def lane_delay_s(self, name: str) -> float | None:
        """What a lane's ``delay`` is set to; ``None`` when there is no lane of that name."""
        ...


@dataclass(frozen=True)
class DictContext:
    """A context made of plain values."""

    names: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What ``env.NAME`` gives."""
    at_us: int = 0
    seed: int = 0
    zone: str = "UTC"
    lanes: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    """The delay of each lane, in seconds."""
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

    def lane_delay_s(self, name: str) -> float | None:
        """The delay that was given."""
        return self.lanes.get(name)


class Meter:
    """A context that also counts the work of one evaluation."""

    __slots__ = ("_around", "_left", "env", "lookup", "now_us", "random")

    lookup: Lookup

    def __init__(self, context: Context) -> None:
        self._around = context
        self.lookup = context.lookup
        self.env = context.env
        self.now_us = context.now_us
        self.random = context.random
        self._left = MAX_EVALUATION_STEPS

    @property
    def zone(self) -> str:
        """The hub's time zone."""
        return self._around.zone

    def lane_delay_s(self, name: str) -> float | None:
        """The delay of a lane."""
        return self._around.lane_delay_s(name)

    @property
    def left(self) -> int:
        """Steps that may still be spent."""
        return self._left

    def spend(self, steps: int) -> None:
        """Count steps, and stop the evaluation when there were too many."""
        self._left -= steps
        if self._left < 0:
            raise over("evaluation steps", MAX_EVALUATION_STEPS, "work on fewer items at a time")


class Inner(Meter):
    """The scope around, with names of its own on top: what an expression of an item sees."""

    __slots__ = ("_meter", "bound")

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self._meter = meter
        self.bound: dict[str, Any] = {}
        self.lookup = _bound_first(self.bound, meter.lookup)

    @property
    def left(self) -> int:
        """Steps that may still be spent, by all expressions together."""
        return self._meter.left

    def spend(self, steps: int) -> None:
        """Count steps where all others count theirs."""
        self._meter.spend(steps)


def _bound_first(bound: Mapping[str, Any], lookup: Lookup) -> Lookup:
    return lambda name: bound[name] if name in bound else lookup(name)


def metered(context: Context) -> Meter:
    """The context itself where it counts, else one that does."""
    return context if isinstance(context, Meter) else Meter(context)


def charge(context: Context, *values: Any) -> None:
    """Count values that were read or made; free where nothing is metered."""
    if isinstance(context, Meter):
        context.spend(sum(map(steps_of, values)))


def charge_deep(context: Context, value: Any, times: int = 1) -> None:
    """Count a value with all that it holds, as often as it is gone through."""
    if isinstance(context, Meter):
        context.spend(deep_steps_of(value, context.left) * times)
