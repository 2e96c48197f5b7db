"""Closures for every operator: from pieces to a bigger piece.

A ``try`` costs nothing until it is needed, so each closure puts its position on errors itself.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from hub.errors import ExpressionError
from hub.expr import compare, operators
from hub.expr.context import Context, charge, charge_deep
from hub.expr.kinds import truthy
from hub.expr.node import Closure, Node, Reads, combine, placed
from hub.expr.sizes import NESTED
from hub.expr.walk import item, member

Binary: TypeAlias = Callable[[Any, Any], Any]
Step: TypeAlias = tuple[str, int, Node]
"""An operator, its offset, and what stands right of it."""

ARITHMETIC: dict[str, Binary] = {
    "+": operators.add,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "%": operators.remainder,
}
COMPARISON: dict[str, Binary] = {
    "==": compare.equal,
    "!=": compare.unequal,
    "===": compare.identical,
    "!==": compare.different,
    "<": compare.less,
    "<=": compare.at_most,
    ">": compare.greater,
    ">=": compare.at_least,
}


def chain(first: Node, steps: Sequence[Step]) -> Node:
    """Operators of one rank, from left to right."""
    nodes = [first, *(node for _, _, node in steps)]
    if steps[0][0] in ARITHMETIC:
        run = _calculated(first.run, steps)
    else:
        run = _compared(first.run, steps)
    joins = any(sign == "+" for sign, _, _ in steps)
    fixed = all(node.fixed for node in nodes)
    more = [Reads(metered=True)] if joins and not fixed else []
    return combine(run, first.position, nodes, *more, weight=len(steps))


def _calculated(first: Closure, steps: Sequence[Step]) -> Closure:
    if len(steps) == 1:
        [(sign, at, right)] = steps
        return _single(ARITHMETIC[sign], first, right.run, at)
    return _left_to_right(first, [(ARITHMETIC[sign], at, node.run) for sign, at, node in steps])


def _compared(first: Closure, steps: Sequence[Step]) -> Closure:
    """All but the first comparison have true or false on their left side, which is no work."""
    [(sign, at, right), *rest] = steps
    run = _comparison(COMPARISON[sign], first, right.run, at)
    if not rest:
        return run
    return _left_to_right(run, [(COMPARISON[sign], at, node.run) for sign, at, node in rest])


def _comparison(compare: Binary, left: Closure, right: Closure, position: int) -> Closure:
    def run(context: Context) -> Any:
        one, other = left(context), right(context)
        kind = one.__class__
        try:
            if kind in NESTED and other.__class__ is kind:
                charge_deep(context, one, times=2)  # both sides are gone through
            return compare(one, other)
        except ExpressionError as error:
            placed(error, position)
            raise

    return run


def _single(apply: Binary, left: Closure, right: Closure, position: int) -> Closure:
    def run(context: Context) -> Any:
        try:
            value = apply(left(context), right(context))
            if value.__class__ is str:
                charge(context, value)
        except ExpressionError as error:
            placed(error, position)
            raise
        return value

    return run


def _left_to_right(first: Closure, steps: list[tuple[Binary, int, Closure]]) -> Closure:
    def run(context: Context) -> Any:
        value = first(context)
        position = 0
        try:
            for apply, position, right in steps:  # noqa: B007 - read when an error is placed
                value = apply(value, right(context))
                if value.__class__ is str:
                    charge(context, value)
        except ExpressionError as error:
            placed(error, position)
            raise
        return value

    return run


def either(nodes: Sequence[Node]) -> Node:
    """``||``: the first operand that counts as true, else the last."""
    *early, last = [node.run for node in nodes]

    def run(context: Context) -> Any:
        for operand in early:
            value = operand(context)
            if truthy(value):
                return value
        return last(context)

    return combine(run, nodes[0].position, nodes)


def both(nodes: Sequence[Node]) -> Node:
    """``&&``: the first operand that does not count as true, else the last."""
    *early, last = [node.run for node in nodes]

    def run(context: Context) -> Any:
        for operand in early:
            value = operand(context)
            if not truthy(value):
                return value
        return last(context)

    return combine(run, nodes[0].position, nodes)


def coalesce(nodes: Sequence[Node]) -> Node:
    """``??``: the first operand that is not ``null``."""
    runs = [node.run for node in nodes]

    def run(context: Context) -> Any:
        for operand in runs:
            value = operand(context)
            if value is not None:
                return value
        return None

    return combine(run, nodes[0].position, nodes)


def choice(nodes: Sequence[Node]) -> Node:
    """``a ? b : c ? d : e``: conditions and values in turn, then what is left."""
    runs = [node.run for node in nodes]
    cases, otherwise = list(zip(runs[:-1:2], runs[1::2], strict=True)), runs[-1]

    def run(context: Context) -> Any:
        for condition, value in cases:
            if truthy(condition(context)):
                return value(context)
        return otherwise(context)

    return combine(run, nodes[0].position, nodes)


def prefixed(signs: Sequence[str], operand: Node, position: int) -> Node:
    """``!`` and ``-`` before an operand, the nearest first."""
    inner = operand.run
    applied = [_not if sign == "!" else operators.negate for sign in reversed(signs)]

    def run(context: Context) -> Any:
        value = inner(context)
        try:
            for apply in applied:
                value = apply(value)
        except ExpressionError as error:
            placed(error, position)
            raise
        return value

    return combine(run, position, [operand], weight=len(signs))


def _not(value: Any) -> bool:
    return not truthy(value)


def array(nodes: Sequence[Node]) -> Node:
    """``[a, b]``"""
    runs = [node.run for node in nodes]
    return combine(lambda context: [run(context) for run in runs], _start(nodes), nodes, levels=2)


def mapping(pairs: Sequence[tuple[str, Node]]) -> Node:
    """``{k: v}``; of equal keys the last one counts."""
    runs = [(key, node.run) for key, node in pairs]
    nodes = [node for _, node in pairs]

    def run(context: Context) -> dict[str, Any]:
        return {key: value(context) for key, value in runs}

    return combine(run, _start(nodes), nodes, levels=2)


def _start(nodes: Sequence[Node]) -> int:
    return nodes[0].position if nodes else 0


def name(word: str, position: int) -> Node:
    """A root name of the scope."""
    reads = Reads(names=frozenset([word]))
    return combine(lambda context: context.lookup(word), position, [], reads)


def env(word: str, position: int) -> Node:
    """``env.NAME``"""

    def run(context: Context) -> Any:
        try:
            return context.env(word)
        except ExpressionError as error:
            placed(error, position)
            raise

    return combine(run, position, [], Reads(env=frozenset([word])))


def walk(root: Node, accessors: Sequence[str | Node]) -> Node:
    """``root.key[index]…``, however long."""
    keys = [accessor for accessor in accessors if isinstance(accessor, str)]
    if len(keys) < len(accessors):
        run = _any_path(root.run, [a if isinstance(a, str) else a.run for a in accessors])
    elif len(keys) == 1:
        run = _one_key(root.run, keys[0])
    else:
        run = _keys(root.run, keys)
    parts = [root, *(accessor for accessor in accessors if isinstance(accessor, Node))]
    return combine(run, root.position, parts, weight=len(accessors))


def _one_key(root: Closure, key: str) -> Closure:
    def run(context: Context) -> Any:
        value = root(context)
        return value.get(key) if value.__class__ is dict else member(value, key)

    return run


def _keys(root: Closure, keys: Sequence[str]) -> Closure:
    def run(context: Context) -> Any:
        value = root(context)
        for key in keys:
            value = value.get(key) if value.__class__ is dict else member(value, key)
        return value

    return run


def _any_path(root: Closure, accessors: Sequence[str | Closure]) -> Closure:
    def run(context: Context) -> Any:
        value = root(context)
        for accessor in accessors:
            if isinstance(accessor, str):
                value = member(value, accessor)
            else:
                value = item(value, accessor(context))
        return value

    return run
