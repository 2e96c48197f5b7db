"""What the beginning of CSV tells: its delimiter, and the names of its columns."""

import csv
import io
from collections import Counter

from hub.errors import InvalidError, TooLargeError

DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 50
_PAGES = ("<!doctype html", "<html", "<head", "<body")


def delimiter_of(head: str) -> str:
    """The delimiter by which the first rows have the same number of fields, the most there are."""
    return max(DELIMITERS, key=lambda each: _agreement(head, each))


def _agreement(head: str, delimiter: str) -> tuple[float, int]:
    """How well the first rows agree on a number of fields beyond one, and the number."""
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    widths = [len(row) for row, _ in zip(rows, range(_LOOKED_AT), strict=False) if row]
    if len(widths) > 1:
        widths.pop()  # it may be cut short
    counted = Counter(width for width in widths if width > 1)
    if not counted:
        return 0.0, 0
    width, count = max(counted.items(), key=lambda each: (each[1], each[0]))
    return count / len(widths), width


def check_head(head: str) -> None:
    """Refuse what is no CSV.

    Raises:
        InvalidError: ``dataset_is_page``, ``dataset_is_binary``.
    """
    if head.lstrip()[:20].lower().startswith(_PAGES):
        raise page_error()
    if "\0" in head:
        raise InvalidError(
            "This is no text: it has a zero byte near its beginning. CSV and JSON can be read, "
            "packed by gzip, zstd or zip too, and Parquet.",
            code="dataset_is_binary",
        )


def page_error() -> InvalidError:
    """The error for a web page in place of a data set."""
    return InvalidError(
        "This is a web page, not a data set: take the address from which the file itself is "
        "downloaded, and see whether it needs a login.",
        code="dataset_is_page",
    )


def names_of(cells: list[str], most: int) -> tuple[str, ...]:
    """A name for each column: its own, or its place where it has none; no two are the same.

    Raises:
        TooLargeError: ``dataset_too_many_columns``.
    """
    check_width(len(cells), most)
    taken = {cell.strip() for cell in cells}
    seen: set[str] = set()
    return tuple(_name(cell.strip(), place, seen, taken) for place, cell in enumerate(cells, 1))


def check_width(width: int, most: int) -> None:
    """Refuse too many columns.

    Raises:
        TooLargeError: ``dataset_too_many_columns``.
    """
    if width > most:
        raise TooLargeError(
            f"The data set has {width:,} columns; at most {most:,} can be read.",
            code="dataset_too_many_columns",
            columns=width,
        )


def _name(cell: str, place: int, seen: set[str], taken: set[str]) -> str:
    name = wanted = cell or f"column_{place}"
    count = 1
    while name in seen or (name != cell and name in taken):
        count += 1
        name = f"{wanted}_{count}"
    seen.add(name)
    return name
