"""From a function and its arguments to a piece."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context, charge
from hub.expr.functions.parameters import CHECKED_EARLY
from hub.expr.functions.registry import LAZY, Function
from hub.expr.kinds import fits, out_of_range
from hub.expr.lazy import lazy_of
from hub.expr.limits import MAX_LIST_ITEMS, over
from hub.expr.node import Closure, Node, combine, placed

_LEVELS = 4
"""The closures of a call: its guard, the call, its list of readers, a reader."""
_LAZY_LEVELS = 4
"""What stands between a call and its unevaluated argument."""
_WEIGHT = 8
"""A call is more work than an operator."""
_FOREIGN = (ArithmeticError, LookupError, TypeError, ValueError)


def call(function: Function, arguments: Sequence[Node], position: int) -> Node:
    """A call, with its number of arguments checked.

    Raises:
        ExpressionError: ``function_arguments`` for too few or too many, ``expression_type`` for
            a pattern that is none.
    """
    function.check_count(len(arguments))
    converters = [function.converter(place) for place in range(len(arguments))]
    for convert, argument in zip(converters, arguments, strict=True):
        if convert in CHECKED_EARLY and argument.fixed:
            _check(convert, argument)
    readers = [_reader(*each) for each in zip(converters, arguments, strict=True)]
    if function.wants_context:
        readers.insert(0, lambda context: context)
    run = _light(function.call, readers) if function.light else _metered(function.call, readers)
    guarded = _guarded(function.name, run, position)
    parts = [_outside(function, place, argument) for place, argument in enumerate(arguments)]
    levels = _LEVELS + _LAZY_LEVELS if function.binds else _LEVELS
    return combine(guarded, position, parts, function.reads, levels=levels, weight=_WEIGHT)


def _check(convert: Callable[[Any], Any], argument: Node) -> None:
    try:
        convert(argument.value)
    except ExpressionError as error:
        raise placed(error, argument.position) from None


def _reader(convert: Callable[[Any], Any] | None, argument: Node) -> Closure:
    run = argument.run
    if convert is None:
        return run
    if convert is LAZY:
        lazy = lazy_of(argument)
        return lambda _: lazy
    return lambda context: convert(run(context))


def _outside(function: Function, place: int, argument: Node) -> Node:
    """The argument as it looks from outside: names that the function binds are not read there."""
    names = argument.reads.names
    if function.converter(place) is not LAZY or names.isdisjoint(function.binds):
        return argument
    return replace(argument, reads=replace(argument.reads, names=names - function.binds))


def _light(call: Callable[..., Any], readers: Sequence[Closure]) -> Closure:
    if len(readers) == 1:
        [reader] = readers
        return lambda context: call(reader(context))
    return lambda context: call(*[reader(context) for reader in readers])


def _metered(call: Callable[..., Any], readers: Sequence[Closure]) -> Closure:
    def run(context: Context) -> Any:
        values = [reader(context) for reader in readers]
        charge(context, *values)
        result = call(*values)
        if isinstance(result, str):
            fits(len(result))
        elif isinstance(result, list) and len(result) > MAX_LIST_ITEMS:
            raise over("items of a list", MAX_LIST_ITEMS, "work on fewer at a time")
        charge(context, result)
        return result

    return run


def _guarded(name: str, inner: Closure, position: int) -> Closure:
    """Every error says which function and where; foreign ones are translated."""

    def run(context: Context) -> Any:
        try:
            return inner(context)
        except ExpressionError as error:
            error.details.setdefault("function", name)
            placed(error, position)
            raise
        except OverflowError as error:
            fault = out_of_range()
            fault.details["function"] = name
            raise placed(fault, position) from error
        except _FOREIGN as error:
            raise ExpressionError(
                f"{name}() cannot work with these values ({type(error).__name__}).",
                function=name,
                position=position,
            ) from error

    return run
