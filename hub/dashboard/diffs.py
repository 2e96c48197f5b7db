"""What differs between two texts, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, TypeAlias

from hub.dashboard.render import plain
from hub.errors import TooLargeError

MOST_LINES: Final = 5_000
_AROUND, _WIDEST = 3, 2_000
Sign: TypeAlias = Literal["+", "-", " "]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its numbers in the two texts; ``is_far`` where lines before it are left out."""

    sign: Sign
    before: int | None
    after: int | None
    text: str
    is_far: bool = False


def lines_between(before: str, after: str) -> list[Line]:
    """The lines that differ, and some around them; none where the texts are the same.

    Raises:
        TooLargeError: ``text_too_long``.
    """
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES:
        raise TooLargeError(
            f"Texts of more than {MOST_LINES:,} lines are not compared here: read both versions, "
            "and compare them with a program of your own.",
            code="text_too_long",
        )
    return list(_lines(old, new))


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND):
        is_far = group[0][1] > 0
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                for n in range(i_end - i):
                    yield Line(" ", i + n + 1, j + n + 1, _shown(old[i + n]), is_far)
                    is_far = False
                continue
            for n in range(i, i_end):
                yield Line("-", n + 1, None, _shown(old[n]), is_far)
                is_far = False
            for n in range(j, j_end):
                yield Line("+", None, n + 1, _shown(new[n]), is_far)
                is_far = False


def _shown(line: str) -> str:
    return plain(line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…")
