"""From the text of one expression to a piece, and the parser's faults in plain words."""

from functools import cache, lru_cache
from typing import cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken

from hub.errors import ExpressionError
from hub.expr.build import Builder
from hub.expr.limits import MAX_CACHED_EXPRESSIONS
from hub.expr.node import Node
from hub.expr.scan import check_shape

_HINTS = {
    "=": "Compare with ==.",
    "&": "And is &&.",
    "|": "A pipe goes to a function by its name: value | trim.",
    ":": "Among commas a filter takes its arguments in parentheses: value | round(2).",
    "}": "A closing brace has no opening one.",
    ")": "A closing bracket has no opening one, or something is missing before it.",
    "]": "A closing bracket has no opening one, or something is missing before it.",
}


@lru_cache(maxsize=MAX_CACHED_EXPRESSIONS)
def parse(text: str) -> Node:
    """Compile one expression, without braces around it.

    Raises:
        ExpressionError: ``expression_syntax``, ``expression_limit``, ``function_unknown``,
            ``function_arguments`` or ``env_computed``, with the position inside the text.
    """
    check_shape(text)
    try:
        return cast("Node", _parser().parse(text))
    except UnexpectedInput as error:
        raise _fault(text, error) from None


@cache
def _parser() -> Lark:
    return Lark.open_from_package(
        "hub.expr",
        "grammar.lark",
        parser="lalr",
        lexer="contextual",
        transformer=Builder(),
        maybe_placeholders=False,
    )


def _fault(text: str, error: UnexpectedInput) -> ExpressionError:
    if not text.strip():
        return _syntax("The expression is empty: put a value between the braces.", len(text))
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return _syntax("The expression ends too early: something is missing.", len(text))
    position = error.pos_in_stream or 0
    token = error.token if isinstance(error, UnexpectedToken) else text[position]
    shown = str(token) if not isinstance(token, Token) or token.type != "STRING" else "This text"
    hint = _HINTS.get(shown[:1], "Is an operator or a comma missing before it?")
    return _syntax(f"`{shown}` does not fit here. {hint}", position)


def _syntax(message: str, position: int) -> ExpressionError:
    return ExpressionError(message, code="expression_syntax", position=position)
