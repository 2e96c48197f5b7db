"""The program that reads Parquet for the hub: numbers of rows come in, chunks go out as JSON, each
behind its length. It gives up the memory that it may not have before it looks at the file."""

import base64
import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

from hub.datasets.dialect import names_of
from hub.errors import HubError, InvalidError

_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What the hub wants to be read."""

    path: str
    group: int
    row: int
    memory_bytes: int
    row_bytes: int
    chunk_bytes: int
    columns: int


class Source:
    """The file, from a place on."""

    def __init__(self, order: Order) -> None:
        import pyarrow  # it is large, and an extra
        import pyarrow.parquet

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        self.arrow: Any = pyarrow
        self.order = order
        self.file = pyarrow.parquet.ParquetFile(order.path, memory_map=False, pre_buffer=False)
        self.names = names_of(list(self.file.schema_arrow.names), order.columns)
        self.sizes = [
            self.file.metadata.row_group(each).num_rows
            for each in range(self.file.metadata.num_row_groups)
        ]
        self.group, self.row = order.group, order.row
        self.rows = self._all()
        self.held: list[tuple[Any, ...]] = []

    def answer(self, most: int) -> bytes:
        """The next rows, and the place behind them."""
        while len(self.held) < most and (more := next(self.rows, None)) is not None:
            self.held += more
        count = min(most, len(self.held))
        while len(rows := self._json(count)) > self.order.chunk_bytes and count > 1:
            count //= 2
        if count == 1 and len(rows) > self.order.row_bytes:
            raise InvalidError(
                f"A row is longer than {self.order.row_bytes:,} bytes.",
                code="dataset_row_too_long",
            )
        del self.held[:count]
        self._go_on(count)
        place = {"columns": self.names, "group": self.group, "row": self.row}
        return orjson.dumps(place)[:-1] + b',"rows":' + rows + b"}"

    def _json(self, count: int) -> bytes:
        return orjson.dumps(self.held[:count], default=_plain)

    def _go_on(self, count: int) -> None:
        self.row += count
        while self.group < len(self.sizes) and self.row >= self.sizes[self.group]:
            self.row -= self.sizes[self.group]
            self.group += 1

    def _all(self) -> Iterator[list[tuple[Any, ...]]]:
        groups = range(self.order.group, len(self.sizes))
        skip = self.order.row
        for batch in self.file.iter_batches(
            batch_size=_BATCH, row_groups=list(groups), use_threads=False
        ):
            part = batch.slice(skip)
            skip = max(0, skip - batch.num_rows)
            lists = [self._coarse(column).to_pylist() for column in part.columns]
            yield list(zip(*lists, strict=True)) if lists else [()] * part.num_rows

    def _coarse(self, column: Any) -> Any:
        """Moments by microseconds: Python has no finer ones."""
        kind = column.type
        if self.arrow.types.is_timestamp(kind) and kind.unit == "ns":
            return column.cast(self.arrow.timestamp("us", kind.tz), safe=False)
        return column


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def main() -> None:
    """Answer until nobody asks."""
    path, *numbers = sys.argv[1:]
    order = Order(path, *map(int, numbers))
    resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source: Source | None = None
    for line in sys.stdin:
        try:
            source = source or Source(order)
            answer = source.answer(int(line))
        except Exception as error:  # noqa: BLE001 - whatever pyarrow finds
            answer = orjson.dumps(_told(error, order))
        sys.stdout.buffer.write(len(answer).to_bytes(8, "big") + answer)
        sys.stdout.buffer.flush()


def _told(error: Exception, order: Order) -> dict[str, str]:
    if isinstance(error, HubError):
        return {"error": error.code, "message": error.message}
    if isinstance(error, MemoryError):
        return {
            "error": "dataset_parquet_memory",
            "message": f"Reading the Parquet file takes more than {order.memory_bytes:,} bytes "
            "of memory. Write it with smaller row groups.",
        }
    return {
        "error": "dataset_parquet_broken",
        "message": f"The Parquet file cannot be read: {str(error)[:300]}",
    }


if __name__ == "__main__":
    main()
