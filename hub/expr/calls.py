"""From a function and its arguments to a piece."""

from collections.abc import Callable, Sequence
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context, charge
from hub.expr.functions.registry import LAZY, Function
from hub.expr.kinds import fits, out_of_range
from hub.expr.limits import MAX_LIST_ITEMS, over
from hub.expr.node import Closure, Node, Reads, combine, placed

_LEVELS = 4
"""The closures of a call: its guard, the call, its list of readers, a reader."""
_FOREIGN = (ArithmeticError, LookupError, TypeError, ValueError)


def call(function: Function, arguments: Sequence[Node], position: int) -> Node:
    """A call, with its number of arguments checked.

    Raises:
        ExpressionError: ``function_arguments`` for too few or too many.
    """
    function.check_count(len(arguments))
    readers = [
        _reader(function.converter(place), argument.run) for place, argument in enumerate(arguments)
    ]
    if function.wants_context:
        readers.insert(0, lambda context: context)
    run = _light(function.call, readers) if function.light else _metered(function.call, readers)
    reads = Reads(clock=function.clock, random=function.random, metered=not function.light)
    guarded = _guarded(function.name, run, position)
    return combine(guarded, position, arguments, reads, levels=_LEVELS)


def _reader(convert: Callable[[Any], Any] | None, argument: Closure) -> Closure:
    if convert is None:
        return argument
    if convert is LAZY:
        return lambda _: argument
    return lambda context: convert(argument(context))


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
