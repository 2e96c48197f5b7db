"""Record: a JSON object with a number, in a table."""

import re
from dataclasses import dataclass
from typing import Any

from hub.errors import InvalidError
from hub.model.json import MAX_DEPTH, Json, depth_of, dumps_text
from hub.model.time import to_iso

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
RESERVED_FIELDS = ("id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the ledger holds it. Times are epoch microseconds; ``rev`` counts changes."""

    table: str
    id: int
    doc: dict[str, Any]
    created_at: int
    updated_at: int
    rev: int = 1

    def as_fields(self) -> dict[str, Json]:
        """The record as a stack sees it: id and times beside its own fields."""
        return {
            "id": self.id,
            "created_at": to_iso(self.created_at),
            "updated_at": to_iso(self.updated_at),
            **self.doc,
        }

    def as_shown(self) -> dict[str, Json]:
        """The record as the API and messages show it: its own fields apart."""
        return {
            "id": self.id,
            "created_at": to_iso(self.created_at),
            "updated_at": to_iso(self.updated_at),
            "fields": self.doc,
        }


def check_table(name: object) -> str:
    """The name, if a table can have it.

    Raises:
        InvalidError: ``table_invalid``.
    """
    if isinstance(name, str) and _TABLE.fullmatch(name):
        return name
    raise InvalidError(
        f"{name!r} is no table name: letters, digits and underscores, at most 63, "
        "and no digit in front.",
        code="table_invalid",
    )


def check_text(doc: dict[str, Any]) -> str:
    """The document as JSON text that both databases hold alike.

    Raises:
        InvalidError: ``json_unfit`` for NUL characters and lone surrogates, ``json_too_deep`` for
            what could not be read again.
    """
    text = dumps_text(doc)
    if text.count("{") + text.count("[") > MAX_DEPTH and depth_of(text.encode()) > MAX_DEPTH:
        raise InvalidError(f"JSON nested deeper than {MAX_DEPTH} levels.", code="json_too_deep")
    if "\\u0000" in text and _has_nul(doc):
        raise InvalidError(
            "Text with a NUL character cannot be kept in a record: remove it first.",
            code="json_unfit",
        )
    return text


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _has_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_has_nul(each) for each in value)
