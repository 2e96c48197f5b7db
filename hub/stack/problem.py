"""What is wrong with a document, and where: the shape in which people and editors see it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

_MAX_WORD = 100
_SHORT = 6
Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a document; ``line`` and ``column`` count from 1."""

    severity: Severity
    message: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str | None = None
    code: str | None = None
    """What kind of problem it is, for warnings: the word that names the doubt."""

    def as_json(self) -> dict[str, Any]:
        """The API's shape: every field, null where nothing is known; ``code`` if there is one."""
        shown = asdict(self)
        if self.code is None:
            del shown["code"]
        return shown


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a slip of; upper and lower case are alike."""
    if len(word) > _MAX_WORD:
        return None
    spelled = {each.lower(): each for each in known}
    alike = 0.6 if len(word) <= _SHORT else 0.7  # a slip changes more of a short word
    found = get_close_matches(word.lower(), spelled, n=1, cutoff=alike)
    return spelled[found[0]] if found else None
