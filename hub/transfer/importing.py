"""Adding the rows of a file to a table: all of it is looked at before anything is added."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
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
from hub.transfer.rows import FileFault, Row, rows_of

MAX_PROBLEMS = 20
_Doc: TypeAlias = tuple[dict[str, Json], int]


@dataclass(frozen=True, slots=True)
class Import:
    """A file for a table. ``at`` is when, in microseconds since the epoch."""

    table: str
    spec: TableSpec
    file: BinaryIO
    form: Format
    at: int
    told: Callable[[str, int], None] = lambda what, done: None
    """Hears how many bytes are ``checked``, then ``added``."""
    _seen: dict[str, set[Json]] = field(default_factory=dict)
    _faults: list[tuple[int, str]] = field(default_factory=list)
    """What is wrong, by lines."""

    async def run(self, ledger: Ledger) -> int:
        """Add every row; gives how many there were.

        What an exported file has of ids and ``updated_at`` is left out: the hub gives new ones.

        Raises:
            InvalidError: ``rows_invalid``, with ``problems`` by lines: nothing was added.
            ConflictError: ``not_unique``: so many rows were ``added`` before.
        """
        await self._check(ledger)
        return await self._add(ledger)

    async def _add(self, ledger: Ledger) -> int:
        added = 0
        for rows in self._batches():
            docs = [self._doc(row) for row in rows]  # they were all looked at
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
            self.told("added", self.file.tell())
        return added

    async def _check(self, ledger: Ledger) -> None:
        try:
            for rows in self._batches():
                await self._look(ledger, rows)
                self.told("checked", self.file.tell())
                await asyncio.sleep(0)
                if len(self._faults) > MAX_PROBLEMS:
                    break
        except FileFault as fault:
            self._faults.append((fault.line, str(fault)))
        if self._faults:
            (line, message), *others = faults = sorted(self._faults)
            more = f" (and {len(others):,} more)" if others else ""
            raise InvalidError(
                f"Nothing was added. Line {line:,}: {message}{more}",
                code="rows_invalid",
                problems=[{"line": n, "message": text} for n, text in faults[:MAX_PROBLEMS]],
            )

    def _batches(self) -> Iterator[Sequence[Row]]:
        rows = rows_of(self.file, self.form, self.spec)
        while batch := list(islice(rows, BATCH)):
            yield batch

    def _doc(self, row: Row) -> _Doc:
        fields = {name: value for name, value in row.fields.items() if name != "id"}
        return new_doc(fields, self.spec, self.at)

    async def _look(self, ledger: Ledger, rows: Sequence[Row]) -> None:
        """Find what cannot be added, unique values that are there already too."""
        docs = [(row.line, doc) for row in rows if (doc := self._sound(row)) is not None]
        fresh = [(line, doc) for line, doc in docs if not self._repeats(line, doc)]
        records = [Record(self.table, 0, doc, self.at, self.at) for _, doc in fresh]
        for name, query in rivals(self.spec, records):
            for rival in await ledger.read(find_records, query):
                line = next(line for line, doc in fresh if doc.get(name) == rival.doc[name])
                self._faults.append((line, not_unique(name, rival.id).message))

    def _repeats(self, line: int, doc: dict[str, Json]) -> bool:
        """Whether a unique value stood in the file before."""
        before = len(self._faults)
        for name in self.spec.unique:
            seen, value = self._seen.setdefault(name, set()), doc.get(name)
            if value is not None and value in seen:
                self._faults.append((line, f"{name!r} is unique, and stood in the file before."))
            seen.add(value)
        return len(self._faults) > before

    def _sound(self, row: Row) -> dict[str, Json] | None:
        """A row's document, or None where something is wrong with it."""
        if not row.fault:
            try:
                return self._doc(row)[0]
            except InvalidError as error:
                self._faults.append((row.line, error.message))
        else:
            self._faults.append((row.line, row.fault))
        return None
