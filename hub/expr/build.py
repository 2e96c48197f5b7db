"""From the parser's rules to pieces, bottom up, so that no tree is ever walked by recursion."""

import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias, cast

from lark import Token, Transformer

from hub.errors import ExpressionError
from hub.expr import closures
from hub.expr.calls import call
from hub.expr.functions import find
from hub.expr.kinds import NUMBERS, Number, bounded, decimal_of, out_of_range, text_of
from hub.expr.limits import MAX_NUMBER_CHARS, over
from hub.expr.node import Node, constant, placed

Parts: TypeAlias = list[Any]
"""What the rules below gave, and tokens."""

_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f",
    "\\": "\\", "'": "'", '"': '"', "/": "/", "`": "`",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Arguments(list[Node]):
    """The arguments of a call."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A step of a path that is known beforehand."""

    text: str
    position: int


class Builder(Transformer[Token, Any]):
    """One method for each rule of ``grammar.lark``."""

    def true(self, parts: Parts) -> Node:
        return constant(True, _start_of(parts[0]))

    def false(self, parts: Parts) -> Node:
        return constant(False, _start_of(parts[0]))

    def null(self, parts: Parts) -> Node:
        return constant(None, _start_of(parts[0]))

    def number(self, parts: Parts) -> Node:
        [token] = parts
        return constant(_number(token), token.start_pos)

    def text(self, parts: Parts) -> Node:
        [token] = parts
        return constant(_text(token), token.start_pos)

    def items(self, parts: Parts) -> _Arguments:
        return _Arguments(parts)

    def array(self, parts: Parts) -> Node:
        return closures.array(parts[0] if parts else [])

    def pair(self, parts: Parts) -> tuple[str, Node]:
        key, node = parts
        return _key(key), node

    def object(self, parts: Parts) -> Node:
        return closures.mapping(parts)

    def member(self, parts: Parts) -> _Key:
        [key] = parts
        return _Key(str(key), key.start_pos)

    def index(self, parts: Parts) -> _Key | Node:
        [node] = parts
        if node.fixed and isinstance(node.value, str):
            return _Key(node.value, node.position)
        return cast("Node", node)

    def call(self, parts: Parts) -> _Arguments:
        return cast("_Arguments", parts[0]) if parts else _Arguments()

    def path(self, parts: Parts) -> Node:
        root, *accessors = parts
        if isinstance(root, Token):
            root, accessors = _rooted(root, accessors)
        if any(isinstance(accessor, _Arguments) for accessor in accessors):
            raise _no_method(accessors, root.position)
        if accessors and root.fixed and root.value.__class__ in NUMBERS:
            raise ExpressionError(
                "A number has nothing inside: put text like '1.2.3' in quotes.",
                code="expression_syntax",
                position=root.position,
            )
        plain = [one.text if isinstance(one, _Key) else one for one in accessors]
        return closures.walk(root, plain) if plain else root

    def prefixed(self, parts: Parts) -> Node:
        *signs, operand = parts
        return closures.prefixed(signs, operand, signs[0].start_pos)

    def product(self, parts: Parts) -> Node:
        first, *rest = parts
        steps = [
            (str(sign), sign.start_pos, node)
            for sign, node in zip(rest[::2], rest[1::2], strict=True)
        ]
        return closures.chain(first, steps)

    sum = order = equality = product

    def both(self, parts: Parts) -> Node:
        return closures.both(parts)

    def either(self, parts: Parts) -> Node:
        return closures.either(parts)

    def coalesce(self, parts: Parts) -> Node:
        return closures.coalesce(parts)

    def choice(self, parts: Parts) -> Node:
        return closures.choice(parts)

    def filter(self, parts: Parts) -> tuple[Token, _Arguments]:
        name, *arguments = parts
        return name, _Arguments(arguments)

    def bare_filter(self, parts: Parts) -> tuple[Token, _Arguments]:
        name, *arguments = parts
        return name, arguments[0] if arguments else _Arguments()

    def piped(self, parts: Parts) -> Node:
        value: Node = parts[0]
        for name, arguments in parts[1:]:
            value = _call(name, [value, *arguments])
        return value


def _rooted(word: Token, accessors: Parts) -> tuple[Node, Parts]:
    """The piece that a path begins with, and what is left of the path."""
    first = accessors[0] if accessors else None
    position = _start_of(word)
    if isinstance(first, _Arguments):
        return _call(word, first), accessors[1:]
    if word != "env":
        return closures.name(str(word), position), accessors
    if isinstance(first, _Key):
        return closures.env(first.text, position), accessors[1:]
    raise ExpressionError(
        "env is read by a fixed name only: write env.NAME or env['NAME'].",
        code="env_computed",
        position=position,
    )


def _call(word: Token, arguments: list[Node]) -> Node:
    position = _start_of(word)
    try:
        return call(find(str(word)), arguments, position)
    except ExpressionError as error:
        placed(error, position)
        raise


def _no_method(accessors: Parts, position: int) -> ExpressionError:
    name = "name"
    for before, after in pairwise(accessors):
        if isinstance(before, _Key) and isinstance(after, _Arguments):
            name, position = before.text, before.position
            break
    return ExpressionError(
        f"Values have no methods: write `value | {name}` or {name}(value).",
        code="expression_syntax",
        position=position,
    )


def _key(token: Token) -> str:
    if token.type == "STRING":
        return _text(token)
    return text_of(_number(token)) if token.type == "NUMBER" else str(token)


def _number(token: Token) -> Number:
    position = _start_of(token)
    if len(token) > MAX_NUMBER_CHARS:
        raise placed(over("digits of a number", MAX_NUMBER_CHARS, "shorten it"), position)
    number = decimal_of(token)
    if number is None:
        raise placed(out_of_range(), position)
    try:
        return bounded(number)
    except ExpressionError as error:
        placed(error, position)
        raise


def _text(token: Token) -> str:
    inside = str(token)[1:-1]
    if "\\" in inside:
        inside = _ESCAPE.sub(_unescape, inside)
    if not _SURROGATE.search(inside):
        return inside
    try:
        return inside.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _bad_escape(token) from None


def _unescape(match: re.Match[str]) -> str:
    """Unknown escapes keep their backslash: date formats and patterns are full of them."""
    code = match[1]
    if len(code) == 1:
        return _ESCAPED.get(code, match[0])
    point = int(code[1:].strip("{}"), 16)
    return chr(point) if point <= sys.maxunicode else "\ud800"


def _bad_escape(token: Token) -> ExpressionError:
    return ExpressionError(
        "This text holds an escape that is no character: use whole \\u pairs.",
        code="expression_syntax",
        position=_start_of(token),
    )


def _start_of(token: Token) -> int:
    return token.start_pos or 0
