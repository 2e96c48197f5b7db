"""The parts of a form: fields, their choices, and what stands in them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from hub.model.json import Json

Kind: TypeAlias = Literal[
    "text", "number", "check", "truth", "choice", "lines", "pairs", "json", "group", "union"
]
Doc: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A place of a document, and how it is filled in."""

    kind: Kind
    name: str
    """What it is called in the form."""
    pointer: str
    """Where it stands in the document."""
    label: str
    help: str = ""
    is_required: bool = False
    default: Json = None
    is_secret: bool = False
    is_long: bool = False
    """It holds many lines."""
    is_of_numbers: bool = False
    """Of lines: each is a number."""
    may_be_one: bool = False
    """Of lines: one alone is a text, and no list."""
    takes_text: bool = False
    """Of JSON: an expression may stand in it as it is."""
    words: tuple[str, ...] = ()
    """Of a choice."""
    tag: str | None = None
    """Of a union: the field that says which choice it is."""
    fields: tuple["Field", ...] = ()
    choices: tuple["Choice", ...] = ()

    @property
    def key(self) -> str:
        """The last part of its pointer."""
        return self.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")

    @property
    def id(self) -> str:
        """What it is called in the page."""
        return "field" + re.sub(r"[^A-Za-z0-9_]", "-", self.name)

    @property
    def usual(self) -> str:
        """Its default, as people read it."""
        if self.default is None or self.default in ("", [], {}):
            return ""
        if isinstance(self.default, list):
            return ", ".join(plain(each) for each in self.default)
        return plain(self.default)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several shapes that may stand at a place, or a word."""

    word: str
    help: str = ""
    is_word: bool = False
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in a form."""

    texts: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    """The names of secrets that are there already."""

    def of(self, name: str) -> str:
        """The text of a field."""
        return self.texts.get(name, "")

    def inner(self, each: Field) -> tuple[Field, ...]:
        """The fields of the choice that is made at a field."""
        word = self.of(each.name)
        return next((one.fields for one in each.choices if one.word == word), ())

    def says(self, each: Field) -> bool:
        """Whether anything stands in a field, or below it."""
        if each.name in self.kept or self.of(each.name):
            return True
        return any(self.says(inner) for inner in (*each.fields, *self.inner(each)))


def every(each: Field) -> Iterator[Field]:
    yield each
    for inner in (*each.fields, *(one for choice in each.choices for one in choice.fields)):
        yield from every(inner)


def plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def part_of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None
