"""What is wrong with a document, and where: the shape in which people and editors see it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal

_MAX_WORD = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a document; ``line`` and ``column`` count from 1."""

    severity: Literal["error", "warning"]
    message: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The API's shape: every field, null where nothing is known."""
        return asdict(self)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a slip of; upper and lower case are alike."""
    if len(word) > _MAX_WORD:
        return None
    spelled = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), spelled, n=1)
    return spelled[found[0]] if found else None
