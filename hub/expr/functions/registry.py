"""The table of functions, filled by a decorator that reads the parameters' annotations.

::

    @function("truncate", "ellipsis")
    def truncate(text: Text, characters: Whole, end: Text = "...") -> str:
        \"""The first characters of a text; with ``end`` it is never longer than ``characters``.

        truncate('Webhooks', 6) → 'Web...'
        \"""

The first name is the function's own, the others are aliases. An ``Annotated`` type carries what
converts the argument (``parameters.py``); ``Any`` takes it as it is; ``Context`` as the first
parameter gets the scope; ``Each`` gets the argument unevaluated. Every line ``call → value`` of
the docstring is documentation and a test.
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.lazy import ITEM_NAMES
from hub.expr.node import Reads

Converter: TypeAlias = Callable[[Any], Any]
Implementation = TypeVar("Implementation", bound=Callable[..., Any])


def LAZY(value: Any) -> Any:  # noqa: N802 - a mark that stands in annotations, like a constant
    """Marks an argument that is handed over unevaluated; never called."""
    return value


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language, under one of its names."""

    name: str
    canonical: str
    """Its own name, where ``name`` is an alias."""
    call: Callable[..., Any] = field(repr=False)
    converters: tuple[Converter | None, ...]
    required: int
    rest: bool
    """The last converter is for any number of further arguments."""
    wants_context: bool
    light: bool
    """Its work does not grow with its arguments, so it is not metered."""
    reads: Reads
    """What it looks at by itself."""
    binds: frozenset[str]
    """The names that its unevaluated arguments may say of the item."""

    @property
    def family(self) -> str:
        """The module that it stands in."""
        return self.call.__module__.rpartition(".")[2]

    @property
    def aliases(self) -> list[str]:
        """Its other names."""
        alike = (each.name for each in FUNCTIONS.values() if each.canonical == self.canonical)
        return [name for name in alike if name != self.canonical]

    @property
    def signature(self) -> str:
        """Its own name and its parameters, as the documentation shows them."""
        given = list(inspect.signature(self.call).parameters.values())[self.wants_context :]
        return f"{self.canonical}({', '.join(map(_shown, given))})"

    @property
    def about(self) -> str:
        """Its docstring without the examples."""
        lines = (inspect.getdoc(self.call) or "").splitlines()
        return "\n".join(line for line in lines if _ARROW not in line).strip()

    @property
    def summary(self) -> str:
        """What it does, in one sentence or two: the first paragraph of its docstring."""
        return " ".join(self.about.partition("\n\n")[0].split())

    @property
    def examples(self) -> list[tuple[str, str]]:
        """Pairs of expressions with the same value, from its docstring."""
        lines = (line.partition(_ARROW) for line in (inspect.getdoc(self.call) or "").splitlines())
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
_ARROW = " → "


def function(
    *names: str,
    clock: bool = False,
    random: bool = False,
    zone: bool = False,
    lanes: bool = False,
    light: bool = False,
    binds: frozenset[str] = frozenset(),
) -> Callable[[Implementation], Implementation]:
    """Register a function under its name and aliases, with what it looks at by itself."""
    reads = Reads(clock=clock, random=random, zone=zone, lanes=lanes, metered=not light)

    def register(call: Implementation) -> Implementation:
        for name in names:
            if name in FUNCTIONS:
                raise ValueError(f"two functions are named {name}")
            FUNCTIONS[name] = _entry(name, names[0], call, reads, binds)
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


def _entry(
    name: str, canonical: str, call: Callable[..., Any], reads: Reads, binds: frozenset[str]
) -> Function:
    parameters = list(inspect.signature(call).parameters.values())
    wants_context = bool(parameters) and parameters[0].annotation is Context
    parameters = parameters[wants_context:]
    converters = tuple(_converter(parameter.annotation) for parameter in parameters)
    return Function(
        name=name,
        canonical=canonical,
        call=call,
        converters=converters,
        required=sum(_is_required(parameter) for parameter in parameters),
        rest=any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters),
        wants_context=wants_context,
        light=not reads.metered,
        reads=reads,
        binds=binds | ITEM_NAMES if LAZY in converters else binds,
    )


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL


def _converter(annotation: Any) -> Converter | None:
    marks = getattr(annotation, "__metadata__", ())
    return marks[0] if marks else None


def _shown(parameter: inspect.Parameter) -> str:
    name = parameter.name.rstrip("_")
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"...{name}"
    if parameter.default is parameter.empty:
        return name
    return f"{name}?" if parameter.default is None else f"{name} = {parameter.default!r}"
