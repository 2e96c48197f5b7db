"""Adding the rows of a file to a table: all of it is looked at before anything is added."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, TypeAlias

from hub.errors import ConflictError, InvalidError
from hub.model.adding import new_doc
from hub.model.json import Json
from hub.model.record import Record
from hub.model.table import TableSpec
from hub.model.unique import not_unique, rivals
from hub.store.changes import ADD, Addition
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.transfer import BATCH, Format
from hub.transfer.rows import Row, row_error, rows_of

_Doc: TypeAlias = tuple[dict[str, Json], int]


@dataclass(frozen=True, slots=True)
class Import:
    """A file for a table. ``at`` is when, in microseconds since the epoch."""

    table: str
    spec: TableSpec
    file: BinaryIO
    form: Format
    at: int
    _seen: dict[str, set[Json]] = field(default_factory=dict)

    async def run(self, ledger: Ledger) -> int:
        """Add every row; gives how many there were.

        What an exported file has of ids and ``updated_at`` is left out: the hub gives new ones.

        Raises:
            InvalidError: ``row_invalid``, with the ``line``: nothing was added.
            ConflictError: ``not_unique``: so many rows were ``added`` before.
        """
        for rows in self._batches():
            await self._look(ledger, rows)
            await asyncio.sleep(0)
        added = 0
        for rows in self._batches():
            docs = [self._doc(row) for row in rows]
            addition = Addition(self.table, docs, self.at, self.spec)
            try:
                await ledger.write(ADD, addition)
            except ConflictError as error:  # another one was quicker since the look
                raise ConflictError(
                    f"From line {rows[0].line:,} on nothing was added: {error.message}",
                    code=error.code,
                    line=rows[0].line,
                    added=added,
                ) from error
            added += len(docs)
        return added

    def _batches(self) -> Iterator[Sequence[Row]]:
        rows = rows_of(self.file, self.form, self.spec)
        while batch := list(islice(rows, BATCH)):
            yield batch

    def _doc(self, row: Row) -> _Doc:
        fields = {name: value for name, value in row.fields.items() if name != "id"}
        try:
            return new_doc(fields, self.spec, self.at)
        except InvalidError as error:
            raise row_error(row.line, error.message) from None

    async def _look(self, ledger: Ledger, rows: Sequence[Row]) -> None:
        """Find what cannot be added, unique values that are there already too."""
        docs = [self._doc(row) for row in rows]
        for name in self.spec.unique:
            seen = self._seen.setdefault(name, set())
            for row, (doc, _) in zip(rows, docs, strict=True):
                value = doc.get(name)
                if value is not None and value in seen:
                    raise row_error(row.line, not_unique(name).message)
                seen.add(value)
        records = [Record(self.table, 0, doc, self.at, self.at) for doc, _ in docs]
        for name, query in rivals(self.spec, records):
            for rival in await ledger.read(find_records, query):
                value = rival.doc[name]
                line = next(
                    r.line for r, (d, _) in zip(rows, docs, strict=True) if d[name] == value
                )
                raise row_error(line, not_unique(name, rival.id).message)
