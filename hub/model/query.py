"""Query: which records of a table, and in which order."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hub.model.json import Json

Direction: TypeAlias = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Query:
    """Records that match. Without ``limit`` all of them; without ``sort`` by ``id``."""

    table: str
    equal: tuple[tuple[str, Json], ...] = ()
    """Dotted paths and the values that they must have."""
    sort: tuple[tuple[str, Direction], ...] = ()
    limit: int | None = None
    offset: int = 0
    after: int = 0
    """Only records with a greater id."""
