"""What a data set is taken for."""

import gzip

import pytest

from hub.datasets.detect import format_of, packing_of
from hub.errors import InvalidError

CASES: dict[str, tuple[bytes, str | None, str | None, str | None, str]] = {
    "by its first bytes": (b"PAR1....", "text/csv", "x.csv", None, "parquet"),
    "CSV by what it was sent as": (b"{", "text/csv; charset=utf-8", "x.json", None, "csv"),
    "CSV by its name": (b"{", "application/octet-stream", "/a/x.CSV.gz", None, "csv"),
    "tabs": (b"a\tb\n", None, "x.tsv", None, "csv"),
    "CSV by what it holds": (b"a,b\n", "text/plain", "export", None, "csv"),
    "UTF-16": ("\ufeffa,b\n".encode("utf-16-le"), None, None, None, "csv"),
    "an array": (b' [{"a":1}', "text/plain", None, None, "json"),
    "lines sent as JSON": (b'{"a":1}\n{"a":2}\n', "application/json", None, None, "jsonl"),
    "an array sent as lines": (b'[{"a":1}]', "application/x-ndjson", None, None, "json"),
    "lines by what they hold": (b'{"a":1}\n{"a":2', None, None, None, "jsonl"),
    "a broken first line": (b'{"a":1,}\n{"a":2}', None, None, None, "jsonl"),
    "an object over lines": (b'{\n "data": [', None, None, None, "json"),
    "a mark of UTF-8": (b'\xef\xbb\xbf[{"a":1}]', None, None, None, "json"),
    "an object with a path": (b'{"data":[]}', None, None, "data", "json"),
    "nothing": (b"", "application/json", None, None, "json"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_format_is_found(name: str) -> None:
    head, content_type, file, path, wanted = CASES[name]
    assert format_of(head, content_type, file, path) == wanted


def test_a_packing_is_found_by_the_first_bytes() -> None:
    assert packing_of(gzip.compress(b"a,b\n")) == "gzip"
    assert packing_of(b"a,b\n") is None


@pytest.mark.parametrize(
    ("head", "content_type", "code"),
    [
        (b"<!doctype html><p>", "text/csv", "dataset_is_page"),
        (b"Please log in", "text/html", "dataset_is_page"),
        (b"\x89PNG\0", None, "dataset_is_binary"),
    ],
)
def test_what_is_no_data_set_is_refused(head: bytes, content_type: str | None, code: str) -> None:
    with pytest.raises(InvalidError) as refused:
        format_of(head, content_type)
    assert refused.value.code == code
