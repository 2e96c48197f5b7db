"""What holds for the text of documents in either notation: limits, places and refusals."""

import re
from dataclasses import dataclass
from math import isinf

from hub.errors import InvalidError
from hub.model.json import Json
from hub.stack.problem import Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
MAX_DIGITS = 4_000
MAX_POINTERS = 64 << 20
"""Characters of all pointers of a text: long keys around many values would fill the memory."""

LINE_END = re.compile(r"\r\n|\r|\n")
Saying = tuple[str, str | None]
"""A message and its hint."""

NO_DOCUMENT: Saying = ("There is no document in this text.", None)
TOO_DEEP: Saying = (f"This is nested deeper than {MAX_DEPTH} levels.", None)
POINTERS_TOO_LONG: Saying = (
    f"The paths to all values are longer than {MAX_POINTERS >> 20} MiB together.",
    "Use shorter keys, fewer levels or several files.",
)
HAS_NUL: Saying = ("A text cannot hold the character NUL.", None)


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and where each part of it stands: JSON pointer to line and column, from 1.

    A member of an object stands where its key begins.
    """

    value: Json
    positions: dict[str, tuple[int, int]]

    def position_of(self, pointer: str) -> tuple[int, int]:
        """The place of a pointer, or of the nearest part around it that is in the text."""
        while pointer not in self.positions:
            pointer = pointer.rpartition("/")[0]
        return self.positions[pointer]


def member(pointer: str, key: str) -> str:
    """The pointer of a member of the object at ``pointer``."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def refuse_too_long(text: str) -> None:
    """See that the text is one that will be read.

    Raises:
        InvalidError: ``document_broken`` for more than 1 MiB.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_long()


def too_long() -> InvalidError:
    """The refusal of a text of more than 1 MiB."""
    message = f"The text is longer than {MAX_BYTES >> 20} MiB ({MAX_BYTES:,} bytes)."
    return broken(Problem("error", message, "Split it into several files."))


def whole_number(word: str, base: int) -> int:
    """The exact number; ``word`` has the form of one, and a prefix that fits the base.

    Raises:
        ValueError: with what to say of a number that is too long.
    """
    if len(word.lstrip("+-")) <= MAX_DIGITS:
        value = int(word, base)
        if base == 10 or abs(value) < 10**MAX_DIGITS:
            return value
    raise ValueError(f"A number can have {MAX_DIGITS:,} digits at most.")


def fraction(word: str) -> float:
    """The nearest number; ``word`` has the form of a decimal fraction or power.

    Raises:
        ValueError: with what to say of a number that is too long or too large.
    """
    if len(word.lstrip("+-")) > MAX_DIGITS:
        raise ValueError(f"A number can have {MAX_DIGITS:,} digits at most.")
    value = float(word)
    if isinf(value):
        raise ValueError("This number is too large.")
    return value


def half_character(written: str) -> Saying:
    """Of a lone surrogate."""
    message = f"{printable(written)} is half a character (a lone surrogate)."
    return message, "Write both halves, or the character itself."


def stands_twice(key: str, first_line: int, second_line: int) -> Saying:
    """Of a key that an object has already."""
    lines = f"in line {first_line} and in line {second_line}"
    return f"The key '{printable(key)}' stands twice: {lines}.", "Remove one of them, or rename it."


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    ends = [match.end() for match in LINE_END.finditer(text, 0, offset)]
    return len(ends) + 1, offset - (ends[-1] if ends else 0) + 1


def printable(text: str) -> str:
    """Text that any message can carry: short, and nothing in it that cannot be seen."""
    short = text if len(text) <= 40 else text[:40] + "…"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in short)


def broken(problem: Problem) -> InvalidError:
    """The refusal of a text for its first problem."""
    where = f"Line {problem.line}, column {problem.column}: " if problem.line else ""
    return InvalidError(
        where + problem.message, code="document_broken", problems=[problem.as_json()]
    )
