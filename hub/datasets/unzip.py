"""Zip as it comes in, for archives of a single file. Its directory stands at the end, so that
what is there is told only by what comes first."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from hub.datasets.bounds import BOUNDS, Bounds
from hub.datasets.unpack import Unpacker, inflated
from hub.errors import InvalidError

_HEADER = struct.Struct("<4sHHHHHIIIHH")
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZE_FOLLOWS = 1, 8
_CHECK_SUM_AT = 16
_DESCRIPTOR_BYTES = 24
"""What may stand between the file and the directory, at most."""
_LARGE = 0xFFFFFFFF


class Zip(Unpacker):
    """The first file of an archive, which must be the only one."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        super().__init__(bounds)
        self._held = b""
        self._stream: Any = None
        self._left: int | None = None
        """Of a stored file: how many bytes are to come."""
        self._is_behind = False
        self._sum = 0

    def end(self) -> None:
        if not self._is_behind:
            raise self._broken("zip ends within its file")
        at = self._held.find(_CENTRAL)
        if not 0 <= at <= _DESCRIPTOR_BYTES or len(self._held) < at + _CHECK_SUM_AT + 4:
            raise self._broken("zip has no directory")
        (wanted,) = struct.unpack_from("<I", self._held, at + _CHECK_SUM_AT)
        if wanted != self._sum:
            raise self._broken("the check sum of the file in zip is wrong")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None and self._left is None:
            self._held += data
            data = self._begun()
        if self._is_behind:
            self._look_behind(data)
        elif data:
            for piece in self._file(data):
                self._sum = zlib.crc32(piece, self._sum)
                yield piece

    def _file(self, data: bytes) -> Iterator[bytes]:
        if self._left is not None:
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            yield piece
            is_over = self._left == 0
        else:
            try:
                yield from inflated(self._stream, data)
            except zlib.error as error:
                raise self._broken(f"zip says {error}") from error
            data, is_over = self._stream.unused_data, self._stream.eof
        if is_over:
            self._is_behind = True
            self._look_behind(data)

    def _look_behind(self, data: bytes) -> None:
        room = _DESCRIPTOR_BYTES + _CHECK_SUM_AT + 4
        self._held = (self._held + data[:room])[:room]
        if 0 <= self._held.find(_LOCAL) <= _DESCRIPTOR_BYTES:
            raise _unfit("it holds more than one file, or a folder")

    def _begun(self) -> bytes:
        """Read the file's header; gives what is behind it, nothing where it is cut short."""
        if not (self._held.startswith(_LOCAL) or _LOCAL.startswith(self._held)):
            raise _unfit("it is empty, or one of several parts")
        if len(self._held) < _HEADER.size:
            return b""
        _, _, flags, method, _, _, _, size, _, name, extra = _HEADER.unpack_from(self._held)
        start = _HEADER.size + name + extra
        if len(self._held) < start:
            return b""
        if self._held[_HEADER.size : _HEADER.size + name].endswith(b"/"):
            raise _unfit("it holds more than one file, or a folder")
        if flags & _ENCRYPTED:
            raise _unfit("it is encrypted")
        if method == _DEFLATED:
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        elif method == _STORED and not flags & _SIZE_FOLLOWS and size != _LARGE:
            self._left = size
            self._is_behind = size == 0
        else:
            raise _unfit("it is packed in a way that cannot be unpacked as it comes in")
        data, self._held = self._held[start:], b""
        return data


def _unfit(why: str) -> InvalidError:
    return InvalidError(
        f"The zip archive cannot be read: {why}. Offer the file itself, or packed by gzip.",
        code="dataset_zip_unfit",
    )
