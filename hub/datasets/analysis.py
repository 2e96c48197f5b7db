"""Analysis: what a data set holds, learnt chunk by chunk in bounded room."""

import json
import zlib
from collections.abc import Callable
from typing import Final

from hub.datasets.chunk import Chunk
from hub.datasets.column import Column
from hub.datasets.report import report_of
from hub.datasets.sample import Sample
from hub.errors import InvalidError
from hub.model.json import Json

VALUES_KEPT: Final = 10_000
"""So many different values of a column are counted exactly, and not more than its part of
``VALUES_KEPT_OF_ALL``."""
VALUES_KEPT_OF_ALL: Final = 200_000
ROWS_KEPT: Final = 10_000
"""So many rows are kept for quantiles, and not more than have ``CELLS_KEPT`` cells together."""
CELLS_KEPT: Final = 500_000
_FEW_VALUES: Final = 20
_FEW_ROWS: Final = 50
_BLOCK: Final = 4096
_HEAD: Final = b"analysis 1\n"


class Analysis:
    """Adds chunks up. What it knows depends on the rows alone.

    Not on how they are cut into chunks, nor on where it was saved and taken up again.
    """

    def __init__(self) -> None:
        """No row yet."""
        self.rows = 0
        self.columns: dict[str, Column] = {}
        """In the order of their first appearance."""
        self.sample = Sample()
        self._layout: tuple[str, ...] = ()
        self._present: list[Column] = []
        self._place: Callable[[tuple[Json, ...]], tuple[Json, ...]] | None = None

    def add(self, chunk: Chunk) -> None:
        """Add the next rows.

        Raises:
            ValueError: Two of the chunk's columns have one name.
        """
        if chunk.columns != self._layout:
            self._meet(chunk.columns)
        for start in range(0, len(chunk.values), _BLOCK):
            whole = len(chunk.values) <= _BLOCK
            self._add(chunk.values if whole else chunk.values[start : start + _BLOCK])

    def _add(self, values: list[tuple[Json, ...]]) -> None:
        most = self._values_kept
        for column, cells in zip(self._present, zip(*values, strict=True), strict=True):
            column.add(cells)
            column.keep(most)
        self.sample.add(self.rows, values, self._place, self._rows_kept)
        self.rows += len(values)

    def _meet(self, names: tuple[str, ...]) -> None:
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name: name each column once")
        known = len(self.columns)
        for name in names:
            self.columns.setdefault(name, Column())
        if len(self.columns) > known:
            for column in self.columns.values():
                column.keep(self._values_kept)
            self.sample.keep(self._rows_kept)
        self._layout = names
        self._present = [self.columns[name] for name in names]
        order = list(self.columns)
        self._place = None if tuple(order[: len(names)]) == names else _placed(names, order)

    @property
    def _values_kept(self) -> int:
        share = VALUES_KEPT_OF_ALL // max(1, len(self.columns))
        return max(_FEW_VALUES, min(VALUES_KEPT, share))

    @property
    def _rows_kept(self) -> int:
        return max(_FEW_ROWS, min(ROWS_KEPT, CELLS_KEPT // max(1, len(self.columns))))

    def state(self) -> bytes:
        """All that is known, for ``from_state``; compressed."""
        columns = [[name, column.state()] for name, column in self.columns.items()]
        state = [self.rows, columns, self.sample.state()]
        return _HEAD + zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 1)

    @classmethod
    def from_state(cls, state: bytes) -> "Analysis":
        """The analysis that gave this state.

        Raises:
            InvalidError: ``analysis_state_unknown``, if another version of the hub wrote it.
        """
        if not state.startswith(_HEAD):
            raise InvalidError(
                "This analysis was begun by another version of the hub: start it anew.",
                code="analysis_state_unknown",
            )
        self = cls()
        self.rows, columns, sample = json.loads(zlib.decompress(state[len(_HEAD) :]))
        self.columns = {name: Column.from_state(each) for name, each in columns}
        self.sample = Sample.from_state(sample)
        return self

    def report(self, problems: Json = None) -> dict[str, Json]:
        """What there is to say, as JSON; ``problems`` as a reader's ``as_json`` gives them."""
        return report_of(self.rows, self.columns, self.sample, problems)


def _placed(
    names: tuple[str, ...], order: list[str]
) -> Callable[[tuple[Json, ...]], tuple[Json, ...]]:
    """Puts a row's values where their columns are among all."""
    at = {name: place for place, name in enumerate(names)}
    places = [at.get(name, len(names)) for name in order]

    def place(row: tuple[Json, ...]) -> tuple[Json, ...]:
        padded = (*row, None)
        return tuple([padded[each] for each in places])

    return place
