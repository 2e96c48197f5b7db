"""Parquet, read in a child process."""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from hub.datasets.bounds import Bounds
from hub.datasets.chunk import Chunk
from hub.errors import InvalidError, LimitError
from hub.model.json import dumps, loads
from hub.parquet.reader import ParquetReader


def written(path: Path, columns: dict[str, Any], **how: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **how)
    return path


def drained(reader: ParquetReader, size: int) -> Iterator[Chunk]:
    with reader:
        while (chunk := reader.take(size)) is not None:
            yield chunk
        assert reader.done


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Ten thousand rows in groups of 1,700, which are no multiple of anything."""
    columns = {"n": list(range(10_000)), "text": [f"row {n}" for n in range(10_000)]}
    return written(tmp_path / "numbers.parquet", columns, row_group_size=1_700)


def test_all_rows_come_in_chunks(numbers: Path) -> None:
    chunks = list(drained(ParquetReader(numbers), 999))
    assert [(each.n, each.first_row) for each in chunks] == [(n, n * 999) for n in range(11)]
    assert [row for each in chunks for row in each.values] == [
        (n, f"row {n}") for n in range(10_000)
    ]
    assert {each.columns for each in chunks} == {("n", "text")}


@pytest.mark.parametrize("taken", [0, 1, 2, 7, 11])
def test_a_reading_goes_on_from_a_mark(numbers: Path, taken: int) -> None:
    whole = list(drained(ParquetReader(numbers), 999))
    with ParquetReader(numbers) as first:
        before = [first.take(999) for _ in range(taken)]
        mark = loads(dumps(first.mark()))
    after = list(drained(ParquetReader.resume(mark, numbers), 999))
    assert before + after == whole


def test_a_killed_child_is_an_error_that_says_so(numbers: Path) -> None:
    with ParquetReader(numbers) as reader:
        reader.take(10)
        assert reader._child is not None
        os.kill(reader._child.pid, signal.SIGKILL)
        with pytest.raises(InvalidError, match="its reader ended \\(-9\\)") as refused:
            list(drained(reader, 10))
    assert refused.value.code == "dataset_parquet_broken"


def test_values_are_json(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    columns = {
        "date": [date(2026, 11, 29)],
        "moment": pyarrow.array([moment], pyarrow.timestamp("ns", "UTC")),
        "decimal": [Decimal("1.50")],
        "bytes": [b"\x00\xff"],
        "nan": [float("nan")],
        "none": pyarrow.array([None], pyarrow.string()),
        "list": [[1, 2]],
        "object": [{"a": {"b": True}}],
    }
    path = written(tmp_path / "values.parquet", columns)
    (chunk,) = drained(ParquetReader(path), 10)
    assert chunk.records() == [
        {
            "date": "2026-11-29",
            "moment": "2026-11-29T12:00:00+00:00",
            "decimal": "1.50",
            "bytes": "AP8=",
            "nan": None,
            "none": None,
            "list": [1, 2],
            "object": {"a": {"b": True}},
        }
    ]


def test_a_chunk_is_smaller_where_its_rows_are_large(tmp_path: Path) -> None:
    path = written(tmp_path / "large.parquet", {"text": ["x" * 1000] * 64})
    chunks = list(drained(ParquetReader(path, Bounds(chunk_bytes=10_000)), 64))
    assert all(5 <= len(each.values) <= 9 for each in chunks[:-1])
    assert sum(len(each.values) for each in chunks) == 64


def test_a_row_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "long.parquet", {"text": ["x" * 1000]})
    bounds = Bounds(row_bytes=500, chunk_bytes=600)
    with pytest.raises(InvalidError, match="longer than 500 bytes"):
        list(drained(ParquetReader(path, bounds), 1))


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "wide.parquet", {f"c{n}": [n] for n in range(6)})
    with pytest.raises(InvalidError, match="has 6 columns; at most 5"):
        list(drained(ParquetReader(path, Bounds(columns=5)), 1))


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A dictionary of one text, repeated: small as a file, large as rows."""
    path = written(tmp_path / "bomb.parquet", {"text": ["x" * 100_000] * 3_000})
    assert path.stat().st_size < 1 << 20
    reader = ParquetReader(path, memory_bytes=200 << 20)
    with pytest.raises(LimitError, match="more than 209,715,200 bytes of memory") as refused:
        list(drained(reader, 3_000))
    assert refused.value.code == "dataset_parquet_memory"


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-9],
        lambda raw: b"PAR1" + raw[400:],
        lambda raw: raw[:-40] + b"\xff" * 32 + raw[-8:],
        lambda raw: raw[:-8] + b"\xff\xff\xff\x7fPAR1",
        lambda raw: b"",
    ],
)
def test_a_damaged_file_is_refused(numbers: Path, damage: Any) -> None:
    numbers.write_bytes(damage(numbers.read_bytes()))
    with pytest.raises(InvalidError) as refused:
        list(drained(ParquetReader(numbers), 999))
    assert refused.value.code == "dataset_parquet_broken"


def test_without_pyarrow_it_says_what_to_install(
    numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidError, match=r"install webhook-hub\[parquet\]") as refused:
        ParquetReader(numbers)
    assert refused.value.code == "dataset_parquet_missing"
