"""Bytes as text, piece by piece, with the place of what is no text."""

from itertools import accumulate, pairwise
from typing import Any

from hub.datasets.reading import Encoding
from hub.errors import InvalidError
from hub.model.json import Json

_CODEC = {"windows-1252": "cp1252"}
_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_CUT_SHORT = ("unexpected end of data", "truncated data")


class Text:
    """A decoder. A byte order mark names the encoding; without one it is UTF-8, or Windows-1252
    where the first byte that is not ASCII does not fit UTF-8."""

    def __init__(self, encoding: Encoding | None = None) -> None:
        self.encoding: Encoding = encoding or "utf-8"
        self.is_settled = encoding is not None
        """Whether the encoding is certain: set, marked, or proved by other than ASCII."""
        self.offset = 0
        """The byte at which ``_rest`` begins."""
        self._rest = b""

    def skip_mark(self, head: bytes) -> bytes:
        """The beginning of the data without its byte order mark, which counts as read."""
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                self.encoding, self.is_settled = encoding, True
                self.offset += len(mark)
                return head[len(mark) :]
        return head

    def decode(self, data: bytes, *, is_last: bool = False) -> tuple[str, InvalidError | None]:
        """The next text, and what is wrong with the bytes behind it."""
        raw = self._rest + data if self._rest else data
        try:
            text = raw.decode(_CODEC.get(self.encoding, self.encoding))
        except UnicodeDecodeError as error:
            return self._stopped(raw, error, is_last=is_last)
        if not self.is_settled and not raw.isascii():
            self.is_settled = True
        self._rest = b""
        self.offset += len(raw)
        return text, None

    def offsets(self, text: str, places: list[int], start: int) -> list[int]:
        """The offset of each place in a text that begins at the offset ``start``. Places
        ascend."""
        if text.isascii() or self.encoding == "windows-1252":
            unit = 2 if self.encoding.startswith("utf-16") else 1
            return [start + unit * place for place in places]
        first = len(text[: places[0]].encode(self.encoding))
        sizes = (len(text[a:b].encode(self.encoding)) for a, b in pairwise(places))
        return list(accumulate(sizes, initial=start + first))

    def state(self) -> dict[str, Json]:
        """For a mark."""
        return {"encoding": self.encoding, "is_settled": self.is_settled}

    def restore(self, state: dict[str, Any], offset: int) -> None:
        """Go on at an offset, with what :meth:`state` gave."""
        self.encoding, self.is_settled = state["encoding"], state["is_settled"]
        self.offset = offset

    def _stopped(
        self, raw: bytes, error: UnicodeDecodeError, *, is_last: bool
    ) -> tuple[str, InvalidError | None]:
        sound, rest = raw[: error.start], raw[error.start :]
        if error.reason in _CUT_SHORT and not is_last:
            self.is_settled = self.is_settled or not sound.isascii()
            self._rest = rest
            self.offset += len(sound)
            return sound.decode(self.encoding), None
        if not self.is_settled and sound.isascii():
            self.encoding, self.is_settled, self._rest = "windows-1252", True, b""
            return self.decode(raw, is_last=is_last)
        at = self.offset + len(sound)
        text = sound.decode(_CODEC.get(self.encoding, self.encoding))
        return text, InvalidError(
            f"Byte {at:,} (0x{raw[error.start]:02x}) is not {self.encoding}. Set encoding to what "
            "the data set is written in, as in 'windows-1252', or have it written as UTF-8.",
            code="dataset_encoding",
            offset=at,
            encoding=self.encoding,
        )
