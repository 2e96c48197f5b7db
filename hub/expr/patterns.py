"""Regular expressions in linear time (RE2): no look-around, no back-references.

Patterns are those of Python and JavaScript otherwise. ``/…/gi`` with flags after the last slash is
the same pattern with flags: ``i`` for any case, ``m`` for ``^`` and ``$`` at each line, ``s`` for
``.`` at line ends; ``g`` and ``u`` change nothing.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast

import re2

from hub.errors import ExpressionError
from hub.expr.limits import MAX_PATTERN_CHARS, MAX_PATTERN_S, MAX_PATTERN_WORK, over

Match: TypeAlias = Any
"""``group(n)``, ``groups()``, ``start()``, ``end()``, as the standard library's."""

_MOST_MEMORY_BYTES = 1024 * 1024
_CACHED_PATTERNS = 64
_LITERAL = re.compile(r"/(.*)/([a-zA-Z]*)", re.DOTALL)
_FLAGS = frozenset("gimsuU")
_INLINE_FLAGS = "imsU"


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = _MOST_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    compiled: Any
    size: int
    """Instructions of its program: so much work is a byte of text at the worst."""

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return int(self.compiled.groups)

    @property
    def group_numbers(self) -> Mapping[str, int]:
        """The numbers of the groups that have names."""
        return cast("Mapping[str, int]", self.compiled.groupindex)

    def search(self, text: str) -> Match | None:
        """The first match."""
        self._check(text)
        return self.compiled.search(text)

    def search_all(self, text: str) -> Iterator[Match]:
        """All matches, none inside another."""
        self._check(text)
        end_s = time.thread_time() + MAX_PATTERN_S
        for match in self.compiled.finditer(text):
            if time.thread_time() > end_s:
                raise over("seconds of one search", MAX_PATTERN_S, "use a simpler pattern")
            yield match

    def _check(self, text: str) -> None:
        if len(text) * self.size > MAX_PATTERN_WORK:
            raise over(
                "characters times the size of the pattern",
                MAX_PATTERN_WORK,
                "shorten the text, or repeat less in the pattern",
            )


@lru_cache(maxsize=_CACHED_PATTERNS)
def pattern_of(text: str) -> Pattern:
    """The pattern of a text, with or without slashes and flags around it.

    Raises:
        ExpressionError: ``expression_type`` for what is no pattern, ``expression_limit``.
    """
    literal = _LITERAL.fullmatch(text)
    if literal and literal[2] and _FLAGS.issuperset(literal[2]):
        return _compiled(literal[1], literal[2])
    return _compiled(text, "")


@lru_cache(maxsize=_CACHED_PATTERNS)
def literal_of(text: str) -> Pattern:
    """The pattern of a text that has slashes around it, as Xano writes them.

    Raises:
        ExpressionError: as ``pattern_of``, and where the slashes are missing.
    """
    literal = _LITERAL.fullmatch(text)
    if not literal or not _FLAGS.issuperset(literal[2]):
        raise ExpressionError(
            "The pattern comes first here and stands between slashes: '/^a+$/i'.",
            code="expression_type",
        )
    return _compiled(literal[1], literal[2])


def _compiled(text: str, flags: str) -> Pattern:
    if len(text) > MAX_PATTERN_CHARS:
        raise over("characters of a pattern", MAX_PATTERN_CHARS, "shorten it")
    inline = "".join(flag for flag in _INLINE_FLAGS if flag in flags)
    try:
        compiled = re2.compile(f"(?{inline}){text}" if inline else text, _OPTIONS)
    except re2.error as error:
        raise ExpressionError(
            f"This pattern cannot be used: {_reason(error)}. Look-around and back-references are "
            "not known here.",
            code="expression_type",
        ) from error
    return Pattern(compiled, compiled.programsize)


def _reason(error: Exception) -> str:
    """What RE2 says, without the part of the pattern that it quotes."""
    said = error.args[0] if error.args else b""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text.partition(":")[0]
