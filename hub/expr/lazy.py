"""Arguments that are handed over unevaluated, and what is bound while they are worked out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hub.expr.context import Context, Inner, metered
from hub.expr.node import Closure, Node

ITEM_NAMES = frozenset({"item", "$item", "$this", "$$", "index", "$index", "$parent"})
"""What an expression of an item can say; Xano's names for it are among them."""
RESULT_NAMES = frozenset({"result", "$result"})
"""What it can say where a result is carried from item to item."""


@dataclass(frozen=True, slots=True)
class Lazy:
    """An expression that a function works out when and as often as it likes."""

    run: Closure
    """To be called with a context that counts; the expression counts its own weight."""
    of_item: bool
    """It speaks of the item, or draws by chance: each item has a value of its own."""


def lazy_of(argument: Node) -> Lazy | None:
    """The argument, unevaluated; a ``null`` that is written out counts as not given."""
    if argument.fixed and argument.value is None:
        return None
    run, weight = argument.run, argument.weight

    def counted(context: Any) -> Any:
        context.spend(weight)
        return run(context)

    reads = argument.reads
    return Lazy(counted, reads.random or not reads.names.isdisjoint(ITEM_NAMES | RESULT_NAMES))


def each_value(context: Context, items: Sequence[Any], expression: Lazy) -> Iterator[Any]:
    """What the expression gives for each item in turn."""
    inner, run = _within(context, items), expression.run
    bound = inner.bound
    for place, item in enumerate(items):
        _bind(bound, item, place)
        yield run(inner)


def carried(context: Context, items: Sequence[Any], expression: Lazy, first: Any) -> Iterator[Any]:
    """What the expression gives for each item, with ``result`` what it gave for the last."""
    inner, run = _within(context, items), expression.run
    bound = inner.bound
    result = first
    for place, item in enumerate(items):
        _bind(bound, item, place)
        bound["result"] = bound["$result"] = result
        result = run(inner)
        yield result


def _within(context: Context, items: Sequence[Any]) -> Inner:
    inner = Inner(metered(context))
    inner.bound["$parent"] = items
    return inner


def _bind(bound: dict[str, Any], item: Any, place: int) -> None:
    bound["item"] = bound["$item"] = bound["$this"] = bound["$$"] = item
    bound["index"] = bound["$index"] = place
