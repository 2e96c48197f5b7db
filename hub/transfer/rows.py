"""Rows of a file, each as the fields of a record."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from hub.errors import InvalidError
from hub.model.filter import kind_of
from hub.model.json import Json, loads
from hub.model.table import ColumnType, TableSpec
from hub.transfer import Format
from hub.transfer.guard import unguarded

MAX_LINE_BYTES = 5 << 20
_DELIMITERS = (",", ";", "\t")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the line that it begins at."""

    line: int
    fields: dict[str, Json]


def row_error(line: int, message: str) -> InvalidError:
    """What is wrong with a row."""
    return InvalidError(f"Line {line:,}: {message}", code="row_invalid", line=line)


def rows_of(file: BinaryIO, form: Format, spec: TableSpec) -> Iterator[Row]:
    """The rows of a file, from its beginning.

    CSV names the fields in its first line; its cells are text, unless the table's column is
    declared as something else, and an empty cell is no value.

    Raises:
        InvalidError: ``row_invalid``, with the ``line``.
    """
    file.seek(0)
    return _csv(file, spec) if form == "csv" else _lines(file)


def _lines(file: BinaryIO) -> Iterator[Row]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise row_error(number, f"A line has at most {MAX_LINE_BYTES:,} bytes.")
        raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        if not raw.strip():
            continue
        try:
            value = loads(raw)
        except InvalidError as error:
            raise row_error(number, error.message) from None
        if not isinstance(value, dict):
            raise row_error(number, "Each line must be a JSON object of fields.")
        yield Row(number, value)


def _csv(file: BinaryIO, spec: TableSpec) -> Iterator[Row]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        yield from _csv_rows(text, spec)
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"The file is not UTF-8 text (byte {error.start} of a part): save it as UTF-8.",
            code="text_broken",
        ) from None
    finally:
        text.detach()  # the file stays open for its owner


def _csv_rows(text: io.TextIOWrapper, spec: TableSpec) -> Iterator[Row]:
    first = text.readline(MAX_LINE_BYTES)
    delimiter = max(_DELIMITERS, key=first.count)
    text.seek(0)
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not names:
                names = _names(cells)
            elif any(cells):
                yield Row(line, _fields(names, cells, spec, line))
            line = reader.line_num + 1
    except csv.Error as error:
        raise row_error(line, f"This is no CSV: {error}.") from None
    if not names:
        raise row_error(1, "The file is empty: its first line must name the fields.")


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise row_error(1, f"The field {twice[0]!r} is named twice.")
    if not all(names):
        raise row_error(1, "The first line must name every field.")
    return names


def _fields(names: list[str], cells: list[str], spec: TableSpec, line: int) -> dict[str, Json]:
    if len(cells) > len(names):
        raise row_error(line, f"There are {len(cells)} cells for {len(names)} fields.")
    fields: dict[str, Json] = {}
    for name, cell in zip(names, cells, strict=False):
        if cell == "":
            continue
        column = spec.columns.get(name)
        try:
            fields[name] = _READ.get(column.type, unguarded)(cell) if column else unguarded(cell)
        except (ValueError, InvalidError):
            wanted = "" if column is None else column.type
            raise row_error(
                line, f"{name!r} must be of type {wanted}, not {cell[:60]!r}."
            ) from None
    return fields


def _number(cell: str) -> Json:
    value = loads(cell.strip())
    if kind_of(value) == "number":
        return value
    raise ValueError(cell)


def _boolean(cell: str) -> bool:
    word = _WORDS.get(cell.strip().lower())
    if word is None:
        raise ValueError(cell)
    return word


_READ: dict[ColumnType, Callable[[str], Any]] = {
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "list": loads,
    "object": loads,
}
