"""What an analysis keeps of a value: short values as they are, of others a token and an id.

An id is 64 bits of a fixed hash. It depends on the value alone, so which values are "those with
the smallest ids" does not depend on their order, nor on the process.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

from hub.datasets.kinds import Number, number_of
from hub.model.json import Json

LONG: Final = 80
"""Texts beyond so many characters are kept as tokens."""
HEAD: Final = 60
"""So many characters of them can be shown."""
ALL: Final = (1 << 64) - 1
MIX: Final = 0x9E3779B97F4A7C15
MODULUS: Final = (1 << 61) - 1


class Token(NamedTuple):
    """What is kept of a long text, a boolean, a list or an object."""

    kind: str
    head: str
    size: int
    """Characters of a text, members of a list or an object."""
    id: int
    padded: bool = False
    """A text that begins or ends with a space."""
    number: Number | None = None
    """What a text with very many digits stands for."""


Key: TypeAlias = int | float | str | Token | None
"""A value as an analysis counts it; hashable, short, and booleans are not numbers."""


def text_id(text: str) -> int:
    """The id of a text. Its upper half is the CRC of the text, which is quick to look at."""
    raw = encoded(text)
    return crc32(raw) << 32 | _lower(raw)


def number_id(number: Number) -> int:
    """The id of a number. Python's hash of numbers is fixed, and the same for 1 and 1.0."""
    return hash(number) * MIX & ALL


def number_ids(numbers: Iterable[Number], below: int) -> list[int]:
    """The ids of numbers, those under ``below`` only."""
    return [each for number in map(hash, numbers) if (each := number * MIX & ALL) < below]


def small_ids(numbers: Iterable[int], below: int) -> list[int]:
    """The same for integers from 0 to ``MODULUS``, which are their own hashes."""
    return [each for number in numbers if (each := number * MIX & ALL) < below]


def text_ids(texts: Sequence[str], below: int) -> list[int]:
    """The ids of texts, those under ``below`` only."""
    try:
        raws = list(map(str.encode, texts))
        sums = map(crc32, raws)
        bound = below >> 32
        return [
            each << 32 | _lower(raw) for raw, each in zip(raws, sums, strict=True) if each < bound
        ]
    except UnicodeEncodeError:
        return [each for each in map(text_id, texts) if each < below]


def _lower(raw: bytes) -> int:
    """The lower half of an id: what is left of the bytes as one number, divided by a prime."""
    return int.from_bytes(raw) % MODULUS * MIX >> 29 & 0xFFFFFFFF


def encoded(text: str) -> bytes:
    """The text in UTF-8, also if half a surrogate pair is in it."""
    return text.encode("utf-8", "surrogatepass")


def key_of(value: Json) -> Key:
    """The value as it is counted."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= LONG else _long(value)
    if kind is float:
        return _float(value)
    if value is None or kind is int:
        return value  # type: ignore[no-any-return]
    return FLAGS[value] if kind is bool else _composed(value)


def _long(text: str) -> Token:
    padded = text != text.strip()
    return Token("text", text[:HEAD], len(text), text_id(text), padded, number_of(text))


def _float(value: float) -> Key:
    if value != value:  # not a number, which is how some writers say "missing"
        return None
    return value if abs(value) != float("inf") else str(value)


def _composed(value: Json) -> Token:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    kind = "list" if isinstance(value, list) else "object"
    return Token(kind, text[:HEAD], len(value), text_id(f"{kind} {text}"))


def _flag(value: bool) -> Token:
    text = "true" if value else "false"
    return Token("boolean", text, 1, text_id(f"boolean {text}"))


FLAGS: Final = {True: _flag(True), False: _flag(False)}
