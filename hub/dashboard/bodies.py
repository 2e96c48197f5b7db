"""Bodies as text: whole where they are small, else piece by piece."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from hub.dashboard.render import SHOWN_BYTES, plain, pretty
from hub.model.json import dumps_text


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text. ``after`` is where the next one begins, None at the end."""

    text: str
    after: int | None
    length: int
    """Of the whole, in characters."""


def piece_of(text: str, start: int = 0) -> Piece:
    """The part of a text from ``start``."""
    end = max(0, start) + SHOWN_BYTES
    return Piece(plain(text[max(0, start) : end]), end if end < len(text) else None, len(text))


def text_of(body: Any, encoding: str | None) -> str:
    """A body as people read it, as the API gives it: JSON on many lines, bytes as a dump."""
    if encoding == "base64":
        return dump_of(str(body))
    if encoding == "text":
        return str(body)
    return pretty(body)


def dump_of(encoded: str) -> str:
    """Bytes as a table: offset, hexadecimal, and what can be printed of them."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return encoded
    lines = []
    for at in range(0, len(raw), 16):
        row = raw[at : at + 16]
        seen = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in row)
        lines.append(f"{at:08x}  {row.hex(' '):<47}  {seen}")
    return "\n".join(lines)


def raw_text_of(body: Any, encoding: str | None) -> str | None:
    """What was sent, as text; None where it is none."""
    if encoding == "base64":
        return None
    return str(body) if encoding == "text" else dumps_text(body)
