"""The table of functions, filled by a decorator that reads the parameters' annotations.

::

    @function("truncate")
    def truncate(text: Text, chars: Whole, end: Text = "...") -> str:
        \"""The first characters of a text; with ``end`` it is never longer than ``chars``.

        truncate('Webhooks', 6) → 'Web...'
        \"""

An ``Annotated`` type carries what converts the argument (``parameters.py``); ``Any`` takes it as
it is; ``Context`` as the first parameter gets the scope; ``Lazy`` gets the argument's closure
unevaluated, to be run with a context as often as the function likes. Every line ``call → value``
of the docstring is documentation and a test.
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from hub.errors import ExpressionError
from hub.expr.context import Context

Converter: TypeAlias = Callable[[Any], Any]
Implementation = TypeVar("Implementation", bound=Callable[..., Any])


def LAZY(value: Any) -> Any:  # noqa: N802 - a mark that stands in annotations, like a constant
    """Marks an argument that is handed over unevaluated; never called."""
    return value


Lazy: TypeAlias = Annotated[Callable[[Context], Any], LAZY]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language."""

    name: str
    call: Callable[..., Any]
    converters: tuple[Converter | None, ...]
    required: int
    rest: bool
    """The last converter is for any number of further arguments."""
    wants_context: bool
    clock: bool
    random: bool
    light: bool
    """Its work does not grow with its arguments, so it is not metered."""

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.call) or "").partition("\n")[0]

    @property
    def examples(self) -> list[tuple[str, str]]:
        """Pairs of expressions with the same value, from its docstring."""
        lines = (line.partition(" → ") for line in (inspect.getdoc(self.call) or "").splitlines())
        return [(left.strip(), right.strip()) for left, arrow, right in lines if arrow]

    def converter(self, place: int) -> Converter | None:
        """What converts the argument at this place."""
        return self.converters[min(place, len(self.converters) - 1)]

    def check_count(self, count: int) -> None:
        """Refuse too few or too many arguments."""
        most = len(self.converters)
        if count >= self.required and (self.rest or count <= most):
            return
        wanted = f"{self.required}" if self.rest or most == self.required else ""
        wanted = wanted or f"{self.required} to {most}"
        raise ExpressionError(
            f"{self.name}() takes {wanted}{' or more' if self.rest else ''} "
            f"argument{'' if wanted == '1' else 's'}, not {count}.",
            code="function_arguments",
            function=self.name,
        )


FUNCTIONS: dict[str, Function] = {}


def function(
    *names: str, clock: bool = False, random: bool = False, light: bool = False
) -> Callable[[Implementation], Implementation]:
    """Register a function under its name and aliases."""

    def register(call: Implementation) -> Implementation:
        for name in names:
            if name in FUNCTIONS:
                raise ValueError(f"two functions are named {name}")
            FUNCTIONS[name] = _entry(name, call, clock, random, light)
        return call

    return register


def find(name: str) -> Function:
    """The function of this name.

    Raises:
        ExpressionError: ``function_unknown``, with the nearest name as a hint.
    """
    found = FUNCTIONS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        hint = f" Did you mean {near[0]}()?" if near else ""
        raise ExpressionError(
            f"There is no function {name}().{hint}", code="function_unknown", function=name
        )
    return found


def _entry(name: str, call: Callable[..., Any], clock: bool, random: bool, light: bool) -> Function:
    parameters = list(inspect.signature(call).parameters.values())
    wants_context = bool(parameters) and parameters[0].annotation is Context
    parameters = parameters[wants_context:]
    return Function(
        name=name,
        call=call,
        converters=tuple(_converter(parameter.annotation) for parameter in parameters),
        required=sum(_is_required(parameter) for parameter in parameters),
        rest=any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters),
        wants_context=wants_context,
        clock=clock,
        random=random,
        light=light,
    )


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL


def _converter(annotation: Any) -> Converter | None:
    marks = getattr(annotation, "__metadata__", ())
    return marks[0] if marks else None
