"""Where JSON values end in bytes that may be cut anywhere. Nothing is checked beyond that: what
was found is parsed afterwards."""

import re
from collections.abc import Callable, Sequence

import orjson

from hub.errors import InvalidError
from hub.model.json import MAX_DEPTH, Json, loads

_QUOTE = ord('"')
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,:{}\[\]\"]++")
_FLAT = rb'(?:[^{}\[\]"]++|"(?:[^"\\]++|\\.)*+")'
_TO_BRACKET = re.compile(
    rb"(?:" + _FLAT + rb"|\{" + _FLAT + rb"*+\}|\[" + _FLAT + rb"*+\])*+", re.DOTALL
)
"""Up to the next bracket that holds others, or closes one that does."""


def alike(
    raw: bytes, at: int, braces: int, most: int, parse: Callable[[bytes], Json]
) -> tuple[list[Json], list[int]]:
    """Elements from a place on that close so many braces as the one before did, and for each the
    place behind the comma that follows it.

    This is by trying: where bytes from a brace to a brace are JSON, they are the element. It
    stops at what is different, too long or cut short, and leaves that to :func:`value_end`.
    """
    values: list[Json] = []
    ends: list[int] = []
    while braces:
        end = at
        for _ in range(braces):
            end = raw.find(b"}", end) + 1
            if not end:
                return values, ends
        if raw[end : end + 1] != b"," or end - at >= most:
            return values, ends
        if end - at > 2 * MAX_DEPTH and raw.count(b"[", at, end) + braces > MAX_DEPTH:
            return values, ends
        try:
            values.append(parse(raw[at:end]))
        except (orjson.JSONDecodeError, InvalidError):
            return values, ends
        at = end + 1
        ends.append(at)
    return values, ends


def skip_space(raw: bytes, at: int) -> int:
    """The place of the next byte that is no white space."""
    found = _SPACE.match(raw, at)
    return found.end() if found else at


def value_end(raw: bytes, at: int, offset: int = 0) -> int | None:
    """The place behind the value that begins at ``at``; None where it is cut short or where
    there is none. ``offset`` is that of the bytes, for an error.

    Raises:
        InvalidError: ``dataset_json_broken``: it is nested too deeply.
    """
    first = raw[at : at + 1]
    if first in (b"{", b"["):
        return _end_of_brackets(raw, at, offset)
    if first == b'"':
        found = _STRING.match(raw, at)
        return found.end() if found else None
    found = _SCALAR.match(raw, at)
    return found.end() if found and found.end() < len(raw) else None


def _end_of_brackets(raw: bytes, start: int, offset: int) -> int | None:
    at, depth = start + 1, 1
    while depth:
        found = _TO_BRACKET.match(raw, at)
        at = found.end() if found else at
        if at >= len(raw) or raw[at] == _QUOTE:
            return None
        depth += 1 if raw[at] in b"{[" else -1
        if depth > MAX_DEPTH:
            raise broken(offset + start, f"a value is nested deeper than {MAX_DEPTH} levels")
        at += 1
    return at


def array_start(raw: bytes, path: Sequence[str]) -> int | None:
    """The place behind the bracket that opens the array at a path; None where the bytes are cut
    short before it.

    Raises:
        InvalidError: ``dataset_path_unknown``, ``dataset_json_broken``.
    """
    at = skip_space(raw, 0)
    for name in path:
        found = _member(raw, at, name)
        if found is None:
            return None
        at = found
    if raw[at : at + 1] in (b"[", b""):
        return at + 1 if at < len(raw) else None
    if raw[at : at + 1] == b"{":
        raise _no_array(path)
    raise broken(at, "an array of objects should begin here")


def _member(raw: bytes, at: int, name: str) -> int | None:
    """Where the value of an object's member begins."""
    if raw[at : at + 1] not in (b"{", b""):
        raise broken(at, f"an object with the member {name!r} should begin here")
    at = skip_space(raw, at + 1)
    while True:
        if raw[at : at + 1] == b"}":
            raise InvalidError(
                f"The JSON has no {name!r} where path looks for it.", code="dataset_path_unknown"
            )
        found = _STRING.match(raw, at)
        if found is None:
            if raw[at : at + 1] in (b'"', b""):
                return None
            raise broken(at, "a member's name should begin here")
        colon = skip_space(raw, found.end())
        if raw[colon : colon + 1] not in (b":", b""):
            raise broken(colon, "a colon should follow a member's name")
        value = skip_space(raw, colon + 1)
        if value < len(raw) and loads(found.group()) == name:
            return value
        end = value_end(raw, value)
        if end is None:
            return None
        at = skip_space(raw, end)
        if raw[at : at + 1] == b",":
            at = skip_space(raw, at + 1)


def _no_array(path: Sequence[str]) -> InvalidError:
    where = f"at {'.'.join(path)!r} is an object" if path else "is one object"
    return InvalidError(
        f"What the data set holds {where}, not an array of rows. Set path to where the array "
        "stands, as in 'data.items'.",
        code="dataset_path_unknown",
    )


def broken(offset: int, what: str) -> InvalidError:
    """The error for what is no JSON, with the byte."""
    return InvalidError(
        f"The JSON breaks at byte {offset:,}: {what}.", code="dataset_json_broken", offset=offset
    )
