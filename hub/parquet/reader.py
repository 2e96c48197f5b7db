"""ParquetReader: chunks of a Parquet file, taken from a child process."""

import os
import select
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import orjson

from hub.datasets.bounds import BOUNDS, MIB, Bounds
from hub.datasets.chunk import Chunk
from hub.datasets.reading import Format
from hub.errors import InvalidError, LimitError
from hub.model.json import Json

MEMORY_BYTES = 1024 * MIB
ANSWER_S = 120.0
"""So long the child may take for one chunk."""
_ROOM = MIB
_PIECE = 256 << 10
_HEADER_BYTES = 8


class ParquetReader:
    """Reads a local file. Dates and times are ISO 8601 texts, decimals are texts, bytes are
    base64, NaN and infinities are None. Close it, or use it as a context manager.

    Chunks depend on the file and on the sizes that are asked for.
    """

    format: ClassVar[Format] = "parquet"

    def __init__(
        self, path: Path, bounds: Bounds = BOUNDS, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        """Prepare; the child starts with the first :meth:`take`.

        Raises:
            InvalidError: ``dataset_parquet_missing``: pyarrow is not installed.
        """
        if find_spec("pyarrow") is None:
            raise InvalidError(
                "Parquet needs pyarrow, which is not installed: install webhook-hub[parquet], or "
                "offer the data set as CSV or JSON lines.",
                code="dataset_parquet_missing",
            )
        self.path = path
        self.bounds = bounds
        self.memory_bytes = memory_bytes
        self.columns: tuple[str, ...] = ()
        self.done = False
        """Whether :meth:`take` has met the end."""
        self.rows = 0
        """So many were taken."""
        self._n = 0
        self._place = (0, 0)
        """The row group and the row in it at which the first row stands that was not taken."""
        self._child: subprocess.Popen[bytes] | None = None

    def take(self, most_rows: int) -> Chunk | None:
        """The next rows: ``most_rows``, or fewer where they are too large together or the last.

        Raises:
            InvalidError: ``dataset_parquet_broken``, ``dataset_row_too_long``,
                ``dataset_too_many_columns``.
            LimitError: ``dataset_parquet_memory``, ``dataset_parquet_slow``.
        """
        if self.done:
            return None
        answer = self._asked(most_rows)
        if "error" in answer:
            self.close()
            kind = LimitError if answer["error"] == "dataset_parquet_memory" else InvalidError
            raise kind(answer["message"], code=answer["error"])
        self.columns = tuple(answer["columns"])
        if not answer["rows"]:
            self.done = True
            self.close()
            return None
        chunk = Chunk(self._n, self.rows, self.columns, [tuple(row) for row in answer["rows"]])
        self._place = (answer["group"], answer["row"])
        self.rows += len(chunk.values)
        self._n += 1
        return chunk

    def mark(self) -> dict[str, Json]:
        """Where to go on: a small JSON object."""
        group, row = self._place
        return {"format": "parquet", "group": group, "row": row, "rows": self.rows, "n": self._n}

    @classmethod
    def resume(cls, mark: dict[str, Any], path: Path, bounds: Bounds = BOUNDS) -> Self:
        """A reader that goes on from a mark, in the same file."""
        reader = cls(path, bounds)
        reader._place = (mark["group"], mark["row"])
        reader.rows, reader._n = mark["rows"], mark["n"]
        return reader

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _started(self) -> subprocess.Popen[bytes]:
        group, row = self._place
        words = [self.path.resolve(), group, row, self.memory_bytes, self.bounds.row_bytes]
        more = [self.bounds.chunk_bytes, self.bounds.columns]
        return subprocess.Popen(  # noqa: S603 - this program, and numbers
            [sys.executable, "-m", "hub.parquet.child", *map(str, (*words, *more))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )

    def _asked(self, most_rows: int) -> dict[str, Any]:
        child = self._child = self._child or self._started()
        until = time.monotonic() + ANSWER_S
        try:
            assert child.stdin is not None  # noqa: S101 - it is a pipe
            child.stdin.write(f"{most_rows}\n".encode())
            child.stdin.flush()
            size = int.from_bytes(self._bytes(child, _HEADER_BYTES, until), "big")
            if size > self.bounds.chunk_bytes + self.bounds.row_bytes + _ROOM:
                raise EOFError
            found: dict[str, Any] = orjson.loads(self._bytes(child, size, until))
        except (OSError, EOFError, orjson.JSONDecodeError) as error:
            self.close()
            raise InvalidError(
                f"The Parquet file cannot be read: its reader ended ({child.returncode}). The "
                "file may be damaged; write it anew, or offer CSV or JSON lines.",
                code="dataset_parquet_broken",
            ) from error
        return found

    def _bytes(self, child: subprocess.Popen[bytes], size: int, until: float) -> bytes:
        """So many bytes of the child's answer."""
        assert child.stdout is not None  # noqa: S101 - it is a pipe
        parts = bytearray()
        waiting = select.poll()  # unlike select(), for files of any number
        waiting.register(child.stdout, select.POLLIN)
        while len(parts) < size:
            left = until - time.monotonic()
            if left <= 0 or not waiting.poll(left * 1000):
                self.close()
                raise LimitError(
                    f"Reading a chunk of the Parquet file takes longer than {ANSWER_S:.0f} s. "
                    "Take fewer rows at once, or write it with smaller row groups.",
                    code="dataset_parquet_slow",
                )
            piece = os.read(child.stdout.fileno(), min(_PIECE, size - len(parts)))
            if not piece:
                raise EOFError
            parts += piece
        return bytes(parts)
