"""Data sets for the tests of analyses."""

import json
from collections.abc import Iterable, Sequence

from hub.datasets.analysis import Analysis
from hub.datasets.chunk import Chunk
from hub.model.json import Json

Row = tuple[Json, ...]


def cut(columns: Sequence[str], rows: Sequence[Row], sizes: Iterable[int]) -> list[Chunk]:
    """The rows in chunks of these sizes; the last one has what is left."""
    chunks: list[Chunk] = []
    at = 0
    for size in (*sizes, len(rows)):
        part = list(rows[at : at + size])
        chunks.append(Chunk(len(chunks), at, tuple(columns), part))
        at += len(part)
    return chunks


def analysed(chunks: Iterable[Chunk], saved: Iterable[int] = ()) -> Analysis:
    """Their analysis, saved and taken up again after the chunks with the numbers ``saved``."""
    points = set(saved)
    analysis = Analysis()
    for chunk in chunks:
        analysis.add(chunk)
        if chunk.n in points:
            analysis = Analysis.from_state(analysis.state())
    return analysis


def report_on(columns: Sequence[str], rows: Sequence[Row]) -> Json:
    """What an analysis reports of the rows, as it comes out of JSON."""
    return json.loads(json.dumps(analysed(cut(columns, rows, ())).report()))


def field_on(values: Iterable[Json]) -> Json:
    """What it reports of one column with these values."""
    return report_on(["a"], [(value,) for value in values])["fields"][0]
