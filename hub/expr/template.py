"""Templates: ``{{ … }}`` in texts, and texts at any depth of a JSON value.

A text that is one expression and nothing else keeps the expression's type; with anything around
it, be it a space, the parts are joined as text.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hub.errors import ExpressionError
from hub.expr.compiled import Compiled
from hub.expr.context import Context, charge
from hub.expr.kinds import fits, text_of
from hub.expr.limits import (
    MAX_CACHED_CHARS,
    MAX_CACHED_EXPRESSIONS,
    MAX_VALUE_LEVELS,
    over,
)
from hub.expr.node import Reads, placed, union
from hub.expr.parse import parse
from hub.expr.scan import OPEN, pieces_of
from hub.model.json import Json

_JOINED = Reads(metered=True)


def compile_expression(text: str) -> Compiled:
    """Compile one expression, without braces around it.

    Raises:
        ExpressionError: it cannot be compiled; ``details["position"]`` says where.
    """
    return _expression(text, 0)


def compile_template(text: str) -> Compiled:
    """Compile a text that may hold expressions in double braces.

    Raises:
        ExpressionError: it cannot be compiled; ``details["position"]`` is inside the template.
    """
    if OPEN not in text:
        return _constant(text)
    return _cached_template(text) if len(text) <= MAX_CACHED_CHARS else _template(text)


def compile_value(value: Json) -> Compiled:
    """Compile the templates at any depth of a JSON value, those in keys too.

    A key becomes text; of keys that become equal the last one counts. A value without any
    template is a constant and given as it is, not copied.

    Raises:
        ExpressionError: also with ``details["pointer"]``, the JSON pointer of the template.
    """
    return _value(value, 0)


def _value(value: Json, level: int) -> Compiled:
    if isinstance(value, str):
        return compile_template(value)
    if not isinstance(value, list | dict):
        return _constant(value)
    if level == MAX_VALUE_LEVELS:
        raise placed(over("nested values", MAX_VALUE_LEVELS, "flatten the value"), 0)
    return _list(value, level) if isinstance(value, list) else _object(value, level)


def _list(items: list[Json], level: int) -> Compiled:
    parts: list[Compiled] = []
    for place, item in enumerate(items):
        try:
            parts.append(_value(item, level + 1))
        except ExpressionError as error:
            _below(place, error)
            raise
    if all(part.is_literal for part in parts):
        return _constant(items)

    def run(context: Context) -> list[Any]:
        values: list[Any] = []
        for place, part in enumerate(parts):
            try:
                values.append(part.evaluate(context))
            except ExpressionError as error:
                _below(place, error)
                raise
        return values

    return Compiled(run, union(part.reads for part in parts))


def _object(members: dict[str, Json], level: int) -> Compiled:
    parts: list[tuple[str, Compiled, Compiled]] = []
    for key, value in members.items():
        try:
            parts.append((key, compile_template(key), _value(value, level + 1)))
        except ExpressionError as error:
            _below(key, error)
            raise
    both = [part for _, *pair in parts for part in pair]
    if all(part.is_literal for part in both):
        return _constant(members)

    def run(context: Context) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, name, value in parts:
            try:
                values[text_of(name.evaluate(context))] = value.evaluate(context)
            except ExpressionError as error:
                _below(key, error)
                raise
        return values

    return Compiled(run, union(part.reads for part in both))


def _below(step: str | int, error: ExpressionError) -> ExpressionError:
    escaped = str(step).replace("~", "~0").replace("/", "~1")
    error.details["pointer"] = f"/{escaped}{error.details.get('pointer', '')}"
    return error


def _constant(value: Json) -> Compiled:
    return Compiled(lambda _: value, is_literal=True)


def _expression(text: str, offset: int) -> Compiled:
    try:
        node = parse(text)
    except ExpressionError as error:
        error.details["position"] = error.details.get("position", 0) + offset
        raise
    return Compiled(node.run, node.reads, offset)


@lru_cache(maxsize=MAX_CACHED_EXPRESSIONS)
def _cached_template(text: str) -> Compiled:
    return _template(text)


def _template(text: str) -> Compiled:
    pieces = pieces_of(text)
    if len(pieces) == 1:
        [(offset, expression, _)] = pieces
        return _expression(expression, offset)
    return _joined(pieces)


def _joined(pieces: Sequence[tuple[int, str, bool]]) -> Compiled:
    parts = [
        _expression(piece, offset) if is_expression else _constant(piece)
        for offset, piece, is_expression in pieces
    ]

    def run(context: Context) -> str:
        texts: list[str] = []
        room = 0
        for part in parts:
            text = text_of(part.evaluate(context))
            room += len(text)
            fits(room)
            texts.append(text)
        result = "".join(texts)
        charge(context, result)
        return result

    return Compiled(run, union([_JOINED, *(part.reads for part in parts)]))
