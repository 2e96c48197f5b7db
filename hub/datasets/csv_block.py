"""A block of complete lines of CSV as rows, by the standard library's parser."""

import csv
import io
import sys
from itertools import chain

BREAKS = ("\n", "\r")
END = "end"
"""A line behind the last one: it becomes a row of its own unless a quote is open."""


def rows_of(block: str, delimiter: str | None) -> tuple[list[list[str]], list[int], list[int]]:
    """The rows of some lines and one that holds :data:`END`; after each but that, how many lines
    were read, and the place in the block. The places begin with that of the first row."""
    csv.field_size_limit(sys.maxsize)  # rows have their own bound
    file = io.StringIO(block if block.endswith(BREAKS) else block + "\n", newline="")
    reader = csv.reader(chain(file, (END,)), delimiter=delimiter or ",")
    rows: list[list[str]] = []
    counts: list[int] = []
    places = [0]
    for row in reader:
        rows.append(row)
        counts.append(reader.line_num)
        places.append(file.tell())
    counts.pop()
    places.pop()
    places[-1] = min(places[-1], len(block))
    return rows, counts, places


def breaks_in(text: str) -> int:
    """How many line breaks a text has."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")
