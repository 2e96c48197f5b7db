"""Values as the texts of their fields, and texts as values."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from hub.dashboard.forms.field import Field, plain
from hub.errors import InvalidError
from hub.model.json import Json, loads

EXPRESSION: Final = "{{"
"""What an expression begins with."""
_NUMBER: Final = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?")
_PEM: Final = re.compile(r"-----BEGIN [^\n]*\n(?:[^\n]*\n)*?-----END [^\n]*")


def text_of(each: Field, value: Any) -> str:
    """A value as it stands in its field."""
    match each.kind, value:
        case "lines", [*items]:
            text = "\n".join(plain(item) for item in items)
            return text if items and lines_of(each, text) == value else _json(value)
        case "lines", str():
            return value if lines_of(each, value) == value else _json(value)
        case "pairs", Mapping():
            text = "\n".join(f"{name}: {item}" for name, item in value.items())
            return text if text and _same_pairs(text, value) else _json(value)
        case "json", str() if each.takes_text and value.startswith(EXPRESSION):
            return value
        case (("lines" | "pairs" | "json"), _):
            return _json(value)
    return plain(value)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _lines(text: str) -> list[str]:
    """Its lines; what stands in PEM is one, however many it has."""
    found: list[str] = []
    at = 0
    for block in _PEM.finditer(text):
        found += text[at : block.start()].split("\n")
        found.append(block.group())
        at = block.end()
    found += text[at:].split("\n")
    return [line.strip() for line in found if line.strip()]


def lines_of(each: Field, text: str) -> Json:
    """What the text of lines says; it may also be JSON."""
    if text.lstrip().startswith(("[", '"') if each.may_be_one else "["):
        try:
            return loads(text)
        except InvalidError:
            pass  # then it is a line
    lines = _lines(text)
    if each.is_of_numbers:
        return [number_of(line) for line in lines]
    return lines[0] if each.may_be_one and len(lines) == 1 else lines


def pairs_of(text: str) -> Json:
    """What the text of pairs says; it may also be JSON.

    Raises:
        InvalidError: it is neither.
    """
    if text.lstrip().startswith("{"):
        return loads(text)
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or name.strip() in found:
            raise InvalidError("Write each on a line of its own, once, as `name: value`.")
        found[name.strip()] = value.strip()
    return found


def _same_pairs(text: str, value: Any) -> bool:
    try:
        return bool(pairs_of(text) == value)
    except InvalidError:
        return False


def number_of(text: str) -> Json:
    """A number; what is none stays a text, and is refused by whoever gets it."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("-").isdecimal() else float(text)
