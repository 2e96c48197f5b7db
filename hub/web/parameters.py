"""Parameters: what may stand in a path or behind its question mark, checked and described alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.errors import InvalidError
from hub.model.ids import Prefix, is_id, pattern_of
from hub.model.json import Json

_TEXT: Mapping[str, Json] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``schema`` is the JSON Schema of its value."""

    name: str
    about: str
    schema: Mapping[str, Json] = field(default_factory=lambda: _TEXT)
    words: tuple[str, ...] = ()
    """What it may say; none where it may say anything."""
    prefix: Prefix | None = None
    """Of which things it is an id."""
    required: bool = False

    def check(self, value: str) -> str:
        """The value, if it can be one of this parameter.

        Raises:
            InvalidError: ``query_invalid``.
        """
        if self.words and value not in self.words:
            raise InvalidError(
                f"{self.name!r} is one of {', '.join(self.words)}, not {value[:100]!r}.",
                code="query_invalid",
            )
        if self.prefix is not None and not is_id(self.prefix, value):
            raise InvalidError(
                f"{self.name!r} must be an id that begins with {self.prefix}_.",
                code="query_invalid",
            )
        return value

    def number(self, value: str | None) -> int:
        """A whole number within its bounds; its default, or 0, where it is not given.

        Raises:
            InvalidError: ``query_invalid``.
        """
        schema: Mapping[str, Any] = self.schema
        if value is None:
            return int(schema.get("default", 0))
        least, most = schema["minimum"], schema["maximum"]
        if value.isascii() and value.isdigit() and len(value) < 16 and least <= int(value) <= most:
            return int(value)
        raise InvalidError(
            f"{self.name!r} must be a whole number from {least} to {most}.", code="query_invalid"
        )


def text(name: str, about: str, **schema: Json) -> Parameter:
    """Some text."""
    return Parameter(name, about, {**_TEXT, **schema})


def word(name: str, about: str, words: tuple[str, ...]) -> Parameter:
    """One of some words."""
    return Parameter(name, about, {**_TEXT, "enum": [*words]}, words)


def moment(name: str, about: str) -> Parameter:
    """A date and a time."""
    return Parameter(name, about, {**_TEXT, "format": "date-time"})


def whole(name: str, about: str, least: int, most: int, **schema: Json) -> Parameter:
    """A whole number."""
    return Parameter(name, about, {"type": "integer", "minimum": least, "maximum": most, **schema})


def id_of(name: str, prefix: Prefix, about: str) -> Parameter:
    """The id of something."""
    return Parameter(name, about, {**_TEXT, "pattern": pattern_of(prefix)}, prefix=prefix)
