"""What an examination finds, and what it is made of."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hub.doctor.site import Part, Site
from hub.model.json import Json


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """The hub works, and something will cost somebody an evening."""
    PROBLEM = "problem"
    """The hub does not work, or can lose what it was given."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen: ``what`` it is, and what to ``do`` where it is not well."""

    grade: Grade
    code: str
    what: str
    do: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of trouble that a check can find."""

    code: str
    grade: Grade
    about: str
    """What it means, as the documentation says it."""
    do: str

    def found(self, what: str) -> Finding:
        """This trouble, as it was seen here."""
        return Finding(self.grade, self.code, what, self.do)


def warning(code: str, about: str, do: str) -> Trouble:
    """A trouble that the hub works with."""
    return Trouble(code, Grade.WARNING, about, do)


def problem(code: str, about: str, do: str) -> Trouble:
    """A trouble that has to be mended."""
    return Trouble(code, Grade.PROBLEM, about, do)


def fine(code: str, what: str) -> Finding:
    """Nothing is wrong; ``code`` is the name of the check."""
    return Finding(Grade.OK, code, what)


Look: TypeAlias = Callable[[Site], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Check:
    """One look at one thing. It is bounded in time, and made while what it ``needs`` answers."""

    name: str
    about: str
    look: Look
    troubles: tuple[Trouble, ...]
    needs: frozenset[Part] = frozenset()

    def as_json(self, finding: Finding) -> dict[str, Json]:
        """A finding of this check, for programs."""
        return {
            "status": finding.grade.value,
            "check": self.name,
            "code": finding.code,
            "what": finding.what,
            "do": finding.do,
        }
