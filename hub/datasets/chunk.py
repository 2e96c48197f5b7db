"""Chunk: rows of a data set that are worked through together."""

from dataclasses import dataclass

from hub.model.json import Json


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, in the order of the data set."""

    n: int
    """Its number, from 0."""
    first_row: int
    """Number of its first row, from 0."""
    columns: tuple[str, ...]
    values: list[tuple[Json, ...]]
    """One tuple for each row, in the order of ``columns``. What is missing is None; an empty
    field of CSV is the empty text."""

    def records(self) -> list[dict[str, Json]]:
        """The rows as objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]
