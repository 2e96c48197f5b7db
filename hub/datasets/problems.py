"""What was wrong with single rows, though the data set as a whole can be read."""

from dataclasses import dataclass, field
from typing import Any

from hub.model.json import Json

KEPT = 20
"""So many problems are told in full; all are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be used as it stands. ``line`` counts from 1."""

    line: int
    message: str

    def as_json(self) -> dict[str, Json]:
        """The problem as an object."""
        return {"line": self.line, "message": self.message}


@dataclass(slots=True)
class Problems:
    """The first problems, and how many there were."""

    count: int = 0
    first: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(problem)

    def join(self, others: "Problems") -> None:
        """Count others too."""
        self.count += others.count
        self.first = (self.first + others.first)[:KEPT]

    def as_json(self) -> dict[str, Json]:
        """``{"count": …, "first": [{"line", "message"}, …]}``"""
        return {"count": self.count, "first": [each.as_json() for each in self.first]}

    @classmethod
    def of_json(cls, value: Any) -> "Problems":
        """The problems that :meth:`as_json` gave."""
        return cls(value["count"], [Problem(**each) for each in value["first"]])
