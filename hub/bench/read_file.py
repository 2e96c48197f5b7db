"""The reader of data sets by itself: a file in pieces, as a folder of files gives them.

Prints ``{"rows", "seconds"}`` as a JSON line. Its chunks are dropped as they come.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from hub.datasets.detect import format_of
from hub.datasets.opening import reader_for
from hub.datasets.reader import Reader
from hub.files.folder import Folder

_ROWS = 1_000


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; it takes the path of a file."""
    (path,) = sys.argv[1:] if arguments is None else arguments
    begun = time.perf_counter()
    rows = _read(Path(path))
    told = {"rows": rows, "seconds": time.perf_counter() - begun}
    sys.stdout.write(orjson.dumps(told).decode() + "\n")


def _read(path: Path) -> int:
    rows = 0
    with path.open("rb", buffering=0) as file:
        piece = file.read(Folder.piece_bytes)
        reader = reader_for(format_of(piece, "text/csv", path.name))
        while piece:
            reader.feed(piece)
            rows += _taken(reader)
            piece = file.read(Folder.piece_bytes)
    reader.end()
    return rows + _taken(reader)


def _taken(reader: Reader) -> int:
    rows = 0
    while (chunk := reader.take(_ROWS)) is not None:
        rows += len(chunk.values)
    return rows


if __name__ == "__main__":
    main()
