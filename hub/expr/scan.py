"""Finding where expressions begin and end in a text, before any parser sees them."""

import re

from hub.errors import ExpressionError
from hub.expr.limits import MAX_EXPRESSION_CHARS, MAX_NESTING_LEVELS, over
from hub.expr.node import placed

OPEN, CLOSE = "{{", "}}"
_PIECE = re.compile(
    r"""'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[(){}\[\]'"]|[^(){}\[\]'"]++""",
    re.DOTALL,
)


def pieces_of(text: str) -> list[tuple[int, str, bool]]:
    """A template's parts in order: offset, text, and whether it is an expression."""
    pieces: list[tuple[int, str, bool]] = []
    place = 0
    while (found := text.find(OPEN, place)) >= 0:
        if found > place:
            pieces.append((place, text[place:found], False))
        start = found + len(OPEN)
        end = _end_of_expression(text, start)
        pieces.append((start, text[start:end], True))
        place = end + len(CLOSE)
    if place < len(text):
        pieces.append((place, text[place:], False))
    return pieces


def check_shape(text: str) -> None:
    """Refuse what is too long or nested too deep, and texts without a closing quote."""
    if len(text) > MAX_EXPRESSION_CHARS:
        raise _too_long(0)
    depth = 0
    for match in _PIECE.finditer(text):
        depth = _step(depth, match)


def _end_of_expression(text: str, start: int) -> int:
    depth = braces = 0
    for match in _PIECE.finditer(text, start):
        piece, at = match[0], match.start()
        if piece == "}" and braces == 0 and text.startswith(CLOSE, at):
            return at
        if at - start > MAX_EXPRESSION_CHARS:
            raise _too_long(start)
        depth = _step(depth, match)
        braces += (piece == "{") - (piece == "}" and braces > 0)
    raise ExpressionError(
        "`{{` has no `}}`: close the expression, or write {{ '{{' }} for the two braces as text.",
        code="expression_syntax",
        position=start - len(OPEN),
    )


def _step(depth: int, match: re.Match[str]) -> int:
    piece = match[0]
    if piece in ("'", '"'):
        raise ExpressionError(
            f"The text that begins here has no closing {piece}.",
            code="expression_syntax",
            position=match.start(),
        )
    if piece in ("(", "[", "{"):
        if depth == MAX_NESTING_LEVELS:
            error = over("nested brackets", MAX_NESTING_LEVELS, "split the expression")
            raise placed(error, match.start())
        return depth + 1
    return depth - (piece in (")", "]", "}"))


def _too_long(position: int) -> ExpressionError:
    error = over("characters in an expression", MAX_EXPRESSION_CHARS, "split it")
    return placed(error, position)
