"""Rows of a file, each as the fields of a record."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from hub.datasets.guard import unguarded
from hub.errors import InvalidError
from hub.model.filter import kind_of
from hub.model.json import Json, loads
from hub.model.table import ColumnType, TableSpec
from hub.transfer import Format

MAX_LINE_BYTES = 5 << 20
_DELIMITERS = (",", ";", "\t")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the line that it begins at; or what is wrong with it."""

    line: int
    fields: dict[str, Json]
    fault: str = ""


class FileFault(Exception):  # noqa: N818 - it becomes an InvalidError
    """From this line on the file cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def rows_of(file: BinaryIO, form: Format, spec: TableSpec) -> Iterator[Row]:
    """The rows of a file, from its beginning.

    CSV names the fields in its first line; its cells are text, unless the table's column is
    declared as something else, and an empty cell is no value.

    Raises:
        FileFault: nothing further can be read.
    """
    file.seek(0)
    return _csv(file, spec) if form == "csv" else _lines(file)


def _lines(file: BinaryIO) -> Iterator[Row]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise FileFault(number, f"A line has at most {MAX_LINE_BYTES:,} bytes.")
        raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        if not raw.strip():
            continue
        yield _of_json(number, raw)


def _of_json(line: int, raw: bytes) -> Row:
    try:
        value = loads(raw)
    except InvalidError as error:
        return Row(line, {}, error.message)
    if not isinstance(value, dict):
        return Row(line, {}, "Each line must be a JSON object of fields.")
    return Row(line, value)


def _csv(file: BinaryIO, spec: TableSpec) -> Iterator[Row]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    line = 1
    names: list[str] = []
    try:
        reader = _reader(text)
        for cells in reader:
            if max(map(len, cells), default=0) > MAX_LINE_BYTES:
                raise FileFault(line, f"This is no CSV: a cell is longer than {MAX_LINE_BYTES:,}.")
            if not names:
                names = _names(cells)
            elif any(cells):
                yield _of_cells(line, names, cells, spec)
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileFault(line, f"This is no CSV: {error}.") from None
    except UnicodeDecodeError:
        raise FileFault(line, "The file is not UTF-8 text: save it as UTF-8.") from None
    finally:
        text.detach()  # the file stays open for its owner
    if not names:
        raise FileFault(1, "The file is empty: its first line must name the fields.")


def _reader(text: io.TextIOWrapper) -> Any:
    """A reader for the delimiter of the first line: a spreadsheet chooses it by its country."""
    first = text.readline(MAX_LINE_BYTES)
    text.seek(0)
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    return csv.reader(text, delimiter=max(_DELIMITERS, key=first.count), strict=True)


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise FileFault(1, f"The field {twice[0]!r} is named twice.")
    if not all(names):
        raise FileFault(1, "The first line must name every field.")
    return names


def _of_cells(line: int, names: list[str], cells: list[str], spec: TableSpec) -> Row:
    if len(cells) > len(names):
        return Row(line, {}, f"There are {len(cells)} cells for {len(names)} fields.")
    fields: dict[str, Json] = {}
    for name, cell in zip(names, cells, strict=False):
        if cell == "":
            continue
        column = spec.columns.get(name)
        try:
            fields[name] = _READ.get(column.type, unguarded)(cell) if column else unguarded(cell)
        except (ValueError, InvalidError):
            wanted = "" if column is None else column.type
            return Row(line, {}, f"{name!r} must be of type {wanted}, not {cell[:60]!r}.")
    return Row(line, fields)


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
