"""What reading holds in memory, however much there is to read."""

import tracemalloc
from collections.abc import Iterator

import pytest

from hub.datasets.opening import reader_for
from hub.datasets.reading import Format
from tests.datasets.driving import drain

MIB = 1 << 20
TEXT = "x" * 9_990
"""Long texts: few rows, so that the test is quick under tracemalloc."""
FORMS: dict[Format, tuple[bytes, bytes, bytes]] = {
    "csv": (b"id,text\n", f'1,"{TEXT}\n"\n'.encode(), b""),
    "jsonl": (b"", f'{{"id":1,"text":"{TEXT}"}}\n'.encode(), b""),
    "json": (b"[", f'{{"id":1,"text":"{TEXT}"}},'.encode(), b"{}]"),
}


def stream(form: Format, size: int) -> Iterator[bytes]:
    """So many bytes of a data set, in pieces of 256 KiB that are cut anywhere."""
    head, row, tail = FORMS[form]
    yield head
    rows = row * (2 * MIB // len(row) + 1)
    sent = 0
    while sent < size:
        start = sent % len(row)
        yield rows[start : start + MIB // 4]
        sent += MIB // 4
    start = sent % len(row)
    yield row[start:] if start else b""
    yield tail


def peak(form: Format, parts: Iterator[bytes], size: int) -> tuple[int, int]:
    """The most bytes that were held, and how many rows there were."""
    tracemalloc.start()
    try:
        count = sum(len(chunk.values) for chunk in drain(reader_for(form), parts, size))
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", FORMS)
def test_two_hundred_megabytes_are_read_in_little_room(form: Format) -> None:
    held, count = peak(form, stream(form, 200 * MIB), 100)
    assert count > 200 * MIB // 10_100
    assert held < 12 * MIB


def endless(beginning: bytes, piece: bytes) -> Iterator[bytes]:
    """A hundred megabytes that never come to an end of a row."""
    yield beginning
    for _ in range(100 * MIB // len(piece)):
        yield piece


@pytest.mark.parametrize(
    ("form", "beginning", "piece"),
    [
        ("csv", b"a,b\n", b"x" * (MIB // 4)),
        ("csv", b'a,b\n"', b"x,y\n" * (MIB // 16)),
        ("jsonl", b'{"a":"', b"x" * (MIB // 4)),
        ("json", b'[{"a":"', b"x" * (MIB // 4)),
    ],
)
def test_a_row_without_end_is_refused_before_it_is_held(
    form: Format, beginning: bytes, piece: bytes
) -> None:
    fed = 0

    def counted() -> Iterator[bytes]:
        nonlocal fed
        for part in endless(beginning, piece):
            fed += len(part)
            yield part

    tracemalloc.start()
    try:
        with pytest.raises(Exception, match="longer than 16,777,216 bytes"):
            list(drain(reader_for(form), counted(), 100))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fed < 18 * MIB
    assert held < 100 * MIB
