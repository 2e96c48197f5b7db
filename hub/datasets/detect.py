"""What a data set is: by its first bytes, else by what it was sent as, else by its name, else by
what it holds."""

from typing import Literal, TypeAlias

import orjson

from hub.datasets.dialect import check_head, page_error
from hub.datasets.reading import Format

Packing: TypeAlias = Literal["gzip", "zstd", "zip"]

_PACKED: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_PARQUET = b"PAR1"
_TYPES: dict[str, Format] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "text/json": "json",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-jsonlines": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_PACKED_ENDINGS = (".gz", ".gzip", ".zst", ".zstd", ".zip")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def packing_of(head: bytes) -> Packing | None:
    """How a data set is packed, by its first four bytes."""
    return next((packing for sign, packing in _PACKED if head.startswith(sign)), None)


def format_of(
    head: bytes, content_type: str | None = None, name: str | None = None, path: str | None = None
) -> Format:
    """The format of a data set, of which some KiB at the beginning are given, unpacked.

    ``name`` is that of the file, or the path of its address. ``path`` is that of a
    :class:`Reading`: JSON with rows at a path is one document.

    Raises:
        InvalidError: ``dataset_is_page``, ``dataset_is_binary``.
    """
    if head.startswith(_PARQUET):
        return "parquet"
    if not head.startswith(_WIDE_MARKS):
        check_head(head.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace"))
    kind = (content_type or "").partition(";")[0].strip().lower()
    told = _TYPES.get(kind) or _by_name(name or "")
    if told is None and kind == "text/html":
        raise page_error()
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if told in ("csv", "parquet") or text[:1] not in (b"{", b"["):
        return told or "csv"
    return "json" if path or text.startswith(b"[") else _by_first_line(text)


def _by_name(name: str) -> Format | None:
    name = name.lower()
    for ending in _PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return next((each for ending, each in _ENDINGS.items() if name.endswith(ending)), None)


def _by_first_line(text: bytes) -> Format:
    """JSON lines if the first line is an object, or ends as one would."""
    line, _, _ = text.partition(b"\n")
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return "jsonl" if line.rstrip().endswith(b"}") else "json"
    return "jsonl"
