"""Records as CSV, and CSV as records."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hub.datasets.csv_reader import CsvReader
from hub.datasets.guard import guarded, unguarded
from hub.datasets.reading import Reading
from hub.model.json import Json, dumps_text

_ROWS = 500
"""So many rows are written and read at once."""


def records_to_csv(
    records: Iterable[Mapping[str, Json]],
    columns: Sequence[str] | None = None,
    *,
    is_guarded: bool = True,
) -> Iterator[bytes]:
    """Records as UTF-8 CSV with a header row, in parts.

    Without ``columns`` it has those of the first record. Text stands as it is, None as nothing,
    all else as JSON. Texts that a spreadsheet would take for formulas get an apostrophe in front,
    unless ``is_guarded`` is false.
    """
    rows = iter(records)
    part: list[list[str]] = []
    if columns is None:
        first = next(rows, None)
        columns = [] if first is None else list(first)
        part = [] if first is None else [_cells(first, columns, is_guarded=is_guarded)]
    yield csv_of([list(columns)])
    for record in rows:
        part.append(_cells(record, columns, is_guarded=is_guarded))
        if len(part) >= _ROWS:
            yield csv_of(part)
            part = []
    if part:
        yield csv_of(part)


def csv_to_records(
    parts: Iterable[bytes], reading: Reading | None = None, *, is_guarded: bool = True
) -> Iterator[dict[str, Json]]:
    """The records of CSV: its fields are texts. With ``is_guarded`` the apostrophes that
    :func:`records_to_csv` puts in front of formulas are taken away.

    Raises:
        InvalidError, TooLargeError: ``dataset_…``, see :meth:`Reader.take`.
    """
    reader = CsvReader(reading)
    for part in parts:
        reader.feed(part)
        yield from _taken(reader, is_guarded=is_guarded)
    reader.end()
    yield from _taken(reader, is_guarded=is_guarded)


def cell_of(value: Json, *, is_guarded: bool = True) -> str:
    """A value as it stands in a field of CSV."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return dumps_text(value)
    return guarded(value) if is_guarded else value


def csv_of(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows of fields as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cells(record: Mapping[str, Json], columns: Sequence[str], *, is_guarded: bool) -> list[str]:
    return [cell_of(record.get(name), is_guarded=is_guarded) for name in columns]


def _taken(reader: CsvReader, *, is_guarded: bool) -> Iterator[dict[str, Json]]:
    while (chunk := reader.take(_ROWS)) is not None:
        for record in chunk.records():
            if is_guarded:
                yield {name: cell and unguarded(cell) for name, cell in record.items()}
            else:
                yield record
