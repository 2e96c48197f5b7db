"""Unpacking, piece by piece and bounded: a small packed file may become a very large one."""

import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from hub.datasets.bounds import BOUNDS, MIB, Bounds
from hub.errors import InvalidError, TooLargeError

PIECE_BYTES = MIB
_GZIP = 31
"""zlib's name for the format with gzip's header and check sum."""


class Unpacker(ABC):
    """Packed bytes go in, pieces of at most 1 MiB come out."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.bounds = bounds
        self.packed = 0
        """So many bytes went in."""
        self.unpacked = 0
        """And so many came out."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack the next bytes. Take all pieces before more is fed.

        Raises:
            InvalidError: ``dataset_packing_broken``.
            TooLargeError: ``dataset_unpacked_too_large``, ``dataset_ratio_too_high``.
        """
        self.packed += len(data)
        for piece in self._pieces(data):
            self.unpacked += len(piece)
            self._check()
            if piece:
                yield piece

    @abstractmethod
    def end(self) -> None:
        """Say that no more comes.

        Raises:
            InvalidError: ``dataset_packing_broken``: there should be more.
        """

    @abstractmethod
    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes are unpacked."""

    def _check(self) -> None:
        most, ratio = self.bounds.unpacked_bytes, self.bounds.ratio
        if self.unpacked > most:
            raise TooLargeError(
                f"The data set has more than {most:,} bytes when it is unpacked.",
                code="dataset_unpacked_too_large",
            )
        if self.unpacked > self.bounds.ratio_from and self.unpacked > ratio * self.packed:
            raise TooLargeError(
                f"The data set grows more than {ratio} times when it is unpacked. Pack it with "
                "less repetition, or offer it unpacked.",
                code="dataset_ratio_too_high",
            )

    def _broken(self, what: str) -> InvalidError:
        return InvalidError(
            f"The packed data set cannot be unpacked: {what}, by byte {self.packed:,}. "
            "It may be cut off or damaged.",
            code="dataset_packing_broken",
            offset=self.packed,
        )


class Plain(Unpacker):
    """What is not packed."""

    def end(self) -> None:
        """Nothing is open."""

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        yield data

    def _check(self) -> None:
        """What comes in is what goes out."""


class Gzip(Unpacker):
    """One or more members, with zeros behind them at most."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        super().__init__(bounds)
        self._stream: Any = zlib.decompressobj(_GZIP)

    def end(self) -> None:
        if self._stream is not None:
            raise self._broken("gzip ends within a member")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream is None:
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._stream = zlib.decompressobj(_GZIP)
            stream = self._stream
            try:
                yield from inflated(stream, data)
            except zlib.error as error:
                raise self._broken(f"gzip says {error}") from error
            data = stream.unused_data
            if stream.eof:
                self._stream = None


def inflated(stream: Any, data: bytes) -> Iterator[bytes]:
    """What a stream of zlib makes of some bytes, in pieces."""
    while True:
        piece = stream.decompress(data, PIECE_BYTES)
        yield piece
        data = stream.unconsumed_tail
        if stream.eof or (not data and len(piece) < PIECE_BYTES):
            return


class Zstd(Unpacker):
    """One or more frames."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        super().__init__(bounds)
        self._zstd = _zstd_module()
        self._stream: Any = self._zstd.ZstdDecompressor()
        self._is_between = False

    def end(self) -> None:
        if not self._is_between:
            raise self._broken("zstd ends within a frame")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            stream = self._stream
            self._is_between = False
            try:
                yield stream.decompress(data, PIECE_BYTES)
                while not stream.eof and not stream.needs_input:
                    yield stream.decompress(b"", PIECE_BYTES)
            except self._zstd.ZstdError as error:
                raise self._broken(f"zstd says {error}") from error
            data = stream.unused_data if stream.eof else b""
            if stream.eof:
                self._stream, self._is_between = self._zstd.ZstdDecompressor(), True


def _zstd_module() -> Any:
    """The standard library's module, or its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
