"""A piece of an expression: a closure, and what is known of it before it runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from hub.errors import ExpressionError
from hub.expr.context import Context, DictContext
from hub.expr.limits import MAX_CLOSURE_LEVELS, over

Closure: TypeAlias = Callable[[Context], Any]

_EMPTY = DictContext()


@dataclass(frozen=True, slots=True)
class Reads:
    """What an evaluation looks at beside the text of the expression."""

    names: frozenset[str] = frozenset()
    env: frozenset[str] = frozenset()
    clock: bool = False
    random: bool = False
    zone: bool = False
    """The hub's time zone."""
    lanes: bool = False
    """What the hub's lanes are set to."""
    metered: bool = False
    """It can do much work in one evaluation, so its steps are counted."""


NOTHING = Reads()


def union(reads: Iterable[Reads]) -> Reads:
    """All of them together."""
    several = {id(one): one for one in reads if one is not NOTHING}.values()
    if not several:
        return NOTHING
    return Reads(
        names=frozenset().union(*(one.names for one in several)),
        env=frozenset().union(*(one.env for one in several)),
        clock=any(one.clock for one in several),
        random=any(one.random for one in several),
        zone=any(one.zone for one in several),
        lanes=any(one.lanes for one in several),
        metered=any(one.metered for one in several),
    )


@dataclass(frozen=True, slots=True)
class Node:
    """A compiled piece. ``position`` is its offset inside the expression."""

    run: Closure
    position: int
    reads: Reads = NOTHING
    levels: int = 1
    """How many calls lie inside each other when it runs."""
    weight: int = 1
    """How many steps it counts for where it runs once for each item."""
    fixed: bool = False
    """Its value is known: ``run`` looks at nothing and does no work."""
    value: Any = None
    """That value."""


def constant(value: Any, position: int, levels: int = 1) -> Node:
    """A piece that is always the same value; that value is shared, not copied."""
    return Node(lambda _: value, position, levels=levels, fixed=True, value=value)


def combine(
    run: Closure,
    position: int,
    parts: Iterable[Node],
    *more: Reads,
    levels: int = 1,
    weight: int = 1,
) -> Node:
    """A piece made of others; one made of constants is worked out here and now.

    ``levels`` and ``weight`` are what ``run`` itself adds to those of its parts.
    """
    nodes = list(parts)
    levels += max((node.levels for node in nodes), default=0)
    if levels > MAX_CLOSURE_LEVELS:
        error = over("levels of operators and calls", MAX_CLOSURE_LEVELS, "split the expression")
        raise placed(error, position)
    reads = union([*(node.reads for node in nodes), *more])
    if not more and all(node.fixed for node in nodes):
        try:
            return constant(run(_EMPTY), position, levels)
        except ExpressionError:
            pass  # it may stand where it is never reached: `false && 1 / 0`
    return Node(run, position, reads, levels, weight + sum(node.weight for node in nodes))


def placed(error: ExpressionError, position: int) -> ExpressionError:
    """The same error, with a position if it has none yet."""
    error.details.setdefault("position", position)
    return error
