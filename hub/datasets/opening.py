"""From names to the classes that do the work."""

from typing import Any

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.csv_reader import CsvReader
from hub.datasets.detect import Packing
from hub.datasets.json_reader import JsonReader
from hub.datasets.jsonl_reader import JsonLinesReader
from hub.datasets.reader import Reader
from hub.datasets.reading import Format, Reading
from hub.datasets.unpack import Gzip, Plain, Unpacker, Zstd
from hub.datasets.unzip import Zip

_READERS: dict[Format, type[Reader]] = {
    reader.format: reader for reader in (CsvReader, JsonLinesReader, JsonReader)
}
_UNPACKERS: dict[Packing | None, type[Unpacker]] = {
    None: Plain,
    "gzip": Gzip,
    "zstd": Zstd,
    "zip": Zip,
}


def reader_for(form: Format, reading: Reading | None = None, bounds: Bounds = BOUNDS) -> Reader:
    """A reader for a format that is read as it comes in: all but Parquet, see ``hub/parquet``."""
    return _READERS[form](reading, bounds)


def resumed(mark: dict[str, Any], bounds: Bounds = BOUNDS) -> Reader:
    """A reader that goes on from what :meth:`Reader.mark` gave."""
    return _READERS[mark["format"]].resume(mark, bounds)


def unpacker_for(packing: Packing | None, bounds: Bounds = BOUNDS) -> Unpacker:
    """What unpacks a packing; None is what is not packed."""
    return _UNPACKERS[packing](bounds)
