"""Forms made from the shapes of what people set, and documents read back from what is typed.

A form is a tree of fields, made from a shape's JSON Schema; what stands in it are texts, by the
names of the fields. A field is named by its JSON pointer, with the choice in it where it belongs
to one of several: ``/verify:header/secrets``. What is left empty is left out of the document, so
that it is as the shape says; secrets are never shown, and left empty they stay.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from hub.errors import HubError, InvalidError
from hub.model.json import Json, loads
from hub.model.masking import MASK
from hub.stack.problem import Problem
from hub.web.api.body import refused, wrong

Kind: TypeAlias = Literal[
    "text", "number", "check", "truth", "choice", "lines", "pairs", "json", "group", "union"
]
Schema: TypeAlias = dict[str, Any]
Doc: TypeAlias = dict[str, Any]

REMOVED: Final = "~removed"
"""Behind the name of a secret: it is to be no more."""
_DEEPEST: Final = 6
_LONG: Final = 10_000
_UNITS: Final = {"s": "seconds", "bytes": "bytes", "ms": "milliseconds"}
_SHOUTED: Final = {"url": "URL", "cors": "CORS", "tls": "TLS", "id": "id", "ca": "CA", "ttl": "TTL"}
_NUMBER: Final = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?")
_PEM: Final = re.compile(r"-----BEGIN [^\n]*\n(?:[^\n]*\n)*?-----END [^\n]*")
_TRUTHS: Final = {"true": True, "false": False}
_WORDY: Final = ("number", "lines", "pairs", "json")
"""Kinds in which blanks alone are nothing."""
_EXPRESSION: Final = "{{"


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
            return ", ".join(_plain(each) for each in self.default)
        return _plain(self.default)


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

    def says(self, each: Field) -> bool:
        """Whether anything stands in a field, or below it."""
        if each.name in self.kept or self.of(each.name):
            return True
        return any(self.says(inner) for inner in (*each.fields, *_inner(each, self)))


def form_of(shape: type[BaseModel], without: tuple[str, ...] = ()) -> Field:
    """The form of a shape; ``without`` names fields that are set in other ways."""
    schema = shape.model_json_schema()
    secrets = frozenset(getattr(shape, "SECRETS", ()))
    made = _Maker(schema.get("$defs", {}), secrets).field("", schema, _Place("", "", ()), True)
    kept = tuple(each for each in made.fields if each.key not in without)
    return Field("group", "", "", made.label, made.help, fields=kept)


def filled(form: Field, document: Mapping[str, Any]) -> Filled:
    """A form with what a document says, as the API shows it."""
    texts: dict[str, str] = {}
    kept: set[str] = set()
    _fill(form, document, texts, kept)
    return Filled(texts, frozenset(kept))


def typed(form: Field, texts: Mapping[str, str], before: Mapping[str, Any]) -> Filled:
    """A form with what was typed, but for secrets: those are typed again."""
    secret = {each.name for each in _every(form) if each.is_secret}
    shown = {name: text for name, text in texts.items() if name not in secret}
    return Filled(shown, filled(form, before).kept)


def has_secret(form: Field, texts: Mapping[str, str]) -> bool:
    """Whether a secret was typed."""
    return any(texts.get(each.name) for each in _every(form) if each.is_secret)


def read(form: Field, texts: Mapping[str, str], before: Mapping[str, Any] | None = None) -> Doc:
    """The document that a form says; ``before`` is the one that it was filled with.

    Raises:
        InvalidError: ``validation``, with all ``problems`` at once.
    """
    reading = _Reading(texts)
    found = reading.group(form, before or {})
    if reading.problems:
        raise refused(*reading.problems)
    return found


def beside(form: Field, texts: Mapping[str, str], error: HubError | None) -> dict[str, list[str]]:
    """What is wrong, by the names of the fields that it stands beside."""
    found: dict[str, list[str]] = {}
    for each in error.details.get("problems", ()) if error is not None else ():
        place = _at(form, Filled(texts), each.get("pointer") or "")
        said = f"{each['message']} {each.get('hint') or ''}".strip()
        found.setdefault(place.name, []).append(said)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field stands: in the form, in the document, and as a path of keys."""

    name: str
    pointer: str
    path: tuple[str, ...]

    def below(self, key: str) -> "_Place":
        part = key.replace("~", "~0").replace("/", "~1")
        return _Place(f"{self.name}/{part}", f"{self.pointer}/{part}", (*self.path, key))

    def as_(self, word: str) -> "_Place":
        return _Place(f"{self.name}:{word}", self.pointer, self.path)


@dataclass(frozen=True)
class _Maker:
    """Makes fields of schemas."""

    definitions: Mapping[str, Schema]
    secrets: frozenset[tuple[str, ...]]

    def field(self, key: str, given: Schema, place: _Place, required: bool) -> Field:
        schema = self._whole(given)
        kind, more = self._kind(schema, place)
        return Field(
            kind,
            place.name,
            place.pointer,
            _label(key, given),
            schema.get("description", "").replace("``", "`"),
            is_required=required,
            default=schema.get("default"),
            is_secret=place.path in self.secrets,
            **more,
        )

    def _whole(self, schema: Schema) -> Schema:
        """A schema without references, and without null as one of two."""
        while True:
            if "$ref" in schema:
                found = self.definitions[schema["$ref"].rpartition("/")[2]]
                schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
                continue
            several = schema.get("anyOf") or schema.get("oneOf")
            if several is None:
                return schema
            real = [each for each in several if each.get("type") != "null"]
            if len(real) != 1:
                return {**schema, "anyOf": real}
            rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
            schema = {**real[0], **rest}

    def _kind(self, schema: Schema, place: _Place) -> tuple[Kind, dict[str, Any]]:
        if "anyOf" in schema:
            return self._several(schema, place)
        if "enum" in schema and all(isinstance(each, str) for each in schema["enum"]):
            return "choice", {"words": tuple(schema["enum"])}
        match schema.get("type"):
            case "string":
                return "text", {"is_long": schema.get("maxLength", 0) > _LONG}
            case "integer" | "number":
                return "number", {}
            case "boolean":
                return ("check" if schema.get("default") is False else "truth"), {}
            case "array":
                return self._lines(schema)
            case "object" if "properties" in schema and len(place.path) < _DEEPEST:
                return "group", {"fields": tuple(self._fields(schema, place))}
            case "object" if _holds_texts(schema):
                return "pairs", {}
        return "json", {"takes_text": "type" not in schema}

    def _lines(self, schema: Schema) -> tuple[Kind, dict[str, Any]]:
        items = self._whole(schema.get("items", {}))
        if items.get("type") == "string":
            return "lines", {}
        if items.get("type") in ("integer", "number"):
            return "lines", {"is_of_numbers": True}
        return "json", {}

    def _several(self, schema: Schema, place: _Place) -> tuple[Kind, dict[str, Any]]:
        several = [self._whole(each) for each in schema["anyOf"]]
        types = [each.get("type") for each in several]
        if types == ["string", "array"] and "enum" not in several[0]:
            kind, more = self._lines(several[1])
            return kind, {**more, "may_be_one": kind == "lines", "takes_text": kind == "json"}
        if any(not _is_choice(each) for each in several):
            return "json", {"takes_text": "string" in types or None in types}
        tag = _tag(several)
        choices = [each for one in several for each in self._choices(one, tag, place)]
        return "union", {"tag": tag, "choices": tuple(choices)}

    def _choices(self, schema: Schema, tag: str | None, place: _Place) -> Iterator[Choice]:
        if "enum" in schema:
            yield from (Choice(word, is_word=True) for word in schema["enum"])
            return
        word = schema["properties"][tag]["const"] if tag else _spaced(schema.get("title", "more"))
        help_ = schema.get("description", "").replace("``", "`")
        yield Choice(word, help_, fields=tuple(self._fields(schema, place.as_(word), tag)))

    def _fields(self, schema: Schema, place: _Place, tag: str | None = None) -> Iterator[Field]:
        needed = schema.get("required", ())
        for key, given in schema["properties"].items():
            if key != tag:
                yield self.field(key, given, place.below(key), key in needed)


def _holds_texts(schema: Schema) -> bool:
    values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return any(isinstance(each, dict) and each.get("type") == "string" for each in values)


def _is_choice(schema: Schema) -> bool:
    return "enum" in schema or "properties" in schema


def _tag(several: list[Schema]) -> str | None:
    """The field by which shapes are told apart."""
    names = [
        {key for key, each in schema.get("properties", {}).items() if "const" in each}
        for schema in several
    ]
    return next(iter(sorted(set.intersection(*names))), None)


def _label(key: str, schema: Schema) -> str:
    """The title that somebody gave, else the name in words."""
    words = key.split("_")
    title = schema.get("title")
    if title is not None and title != key.replace("_", " ").title():
        return str(title)
    unit = _UNITS.get(words[-1]) if len(words) > 1 else None
    text = " ".join(_SHOUTED.get(each, each) for each in (words[:-1] if unit else words))
    return f"{text[:1].upper()}{text[1:]}{f' ({unit})' if unit else ''}"


def _spaced(title: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title).lower()


def _fill(each: Field, value: Any, texts: dict[str, str], kept: set[str]) -> None:
    if value is None or (value == each.default and each.kind != "group"):
        return
    if each.kind == "pairs" and not value:
        return
    if each.is_secret:
        if value:
            kept.add(each.name)
        return
    match each.kind:
        case "group":
            for inner in each.fields:
                _fill(inner, _part(value, inner.key), texts, kept)
        case "union":
            _fill_union(each, value, texts, kept)
        case "check":
            if value is True:
                texts[each.name] = "on"
        case _:
            texts[each.name] = _text(each, value)


def _fill_union(each: Field, value: Any, texts: dict[str, str], kept: set[str]) -> None:
    if isinstance(value, str):
        texts[each.name] = value
        return
    shapes = [one for one in each.choices if not one.is_word]
    word = _part(value, each.tag) if each.tag else None
    choice = next((one for one in shapes if one.word == word), shapes[0])
    texts[each.name] = choice.word
    for inner in choice.fields:
        _fill(inner, _part(value, inner.key), texts, kept)


def _part(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _text(each: Field, value: Any) -> str:
    """A value as it stands in its field."""
    match each.kind, value:
        case "lines", [*items]:
            text = "\n".join(_plain(item) for item in items)
            return text if items and _lines_of(each, text) == value else _json(value)
        case "lines", str():
            return value if _lines_of(each, value) == value else _json(value)
        case "pairs", Mapping():
            text = "\n".join(f"{name}: {item}" for name, item in value.items())
            return text if text and _same_pairs(text, value) else _json(value)
        case "json", str() if each.takes_text and value.startswith(_EXPRESSION):
            return value
        case (("lines" | "pairs" | "json"), _):
            return _json(value)
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


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


def _lines_of(each: Field, text: str) -> Json:
    """What the text of lines says; it may also be JSON."""
    if text.lstrip().startswith(("[", '"') if each.may_be_one else "["):
        try:
            return loads(text)
        except InvalidError:
            pass  # then it is a line
    lines = _lines(text)
    if each.is_of_numbers:
        return [_number(line) for line in lines]
    return lines[0] if each.may_be_one and len(lines) == 1 else lines


def _pairs_of(text: str) -> Json:
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
        return bool(_pairs_of(text) == value)
    except InvalidError:
        return False


def _number(text: str) -> Json:
    """A number; what is none stays a text, and is refused by whoever gets it."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("-").isdecimal() else float(text)


class _Nothing:
    """What is left out."""


_NOTHING = _Nothing()


@dataclass
class _Reading:
    """Reads a document out of texts."""

    texts: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def group(self, each: Field, before: Any) -> Doc:
        """What its fields say."""
        return self._fields(each.fields, before)

    def _fields(self, fields: tuple[Field, ...], before: Any) -> Doc:
        found = {one.key: self._value(one, _part(before, one.key)) for one in fields}
        return {key: value for key, value in found.items() if value is not _NOTHING}

    def _value(self, each: Field, before: Any) -> Any:
        text = self.texts.get(each.name, "")
        if each.kind == "group":
            return self._inside(each, before)
        if each.is_secret and not text and self.texts.get(each.name + REMOVED):
            return None
        if not (text.strip() if each.kind in _WORDY else text):
            return self._empty(each, before)
        match each.kind:
            case "check":
                return True
            case "number":
                return _number(text)
            case "truth":
                return _TRUTHS.get(text, text)
            case "lines":
                return _lines_of(each, text)
            case "pairs":
                return self._pairs(each, text, before)
            case "json":
                return self._json(each, text)
            case "union":
                return self._union(each, text, before)
        return text

    def _inside(self, each: Field, before: Any) -> Any:
        inner = self.group(each, before)
        if inner and all(value is None for value in inner.values()):
            return None  # all that was in it is no more
        return inner or _NOTHING

    def _empty(self, each: Field, before: Any) -> Any:
        if each.kind != "pairs" or not isinstance(before, Mapping):
            return _NOTHING
        gone = dict.fromkeys(name for name, value in before.items() if value == MASK)
        return gone or _NOTHING

    def _union(self, each: Field, word: str, before: Any) -> Any:
        choice = next((one for one in each.choices if one.word == word), None)
        if choice is None:
            return {each.tag: word} if each.tag else word
        if choice.is_word:
            return word
        told = {each.tag: word} if each.tag else {}
        same = each.tag is None or _part(before, each.tag) == word
        return {**told, **self._fields(choice.fields, before if same else None)}

    def _pairs(self, each: Field, text: str, before: Any) -> Json:
        try:
            found = _pairs_of(text)
        except InvalidError as error:
            return self._wrong(each, error)
        if not isinstance(found, dict):
            return found
        old = before if isinstance(before, Mapping) else {}
        gone = [name for name, value in old.items() if value == MASK and name not in found]
        kept = {name for name, value in found.items() if value == MASK and old.get(name) == MASK}
        return dict.fromkeys(gone) | {k: v for k, v in found.items() if k not in kept}

    def _json(self, each: Field, text: str) -> Json:
        if each.takes_text and text.startswith(_EXPRESSION):
            return text
        try:
            return loads(text)
        except InvalidError as error:
            return self._wrong(each, error)

    def _wrong(self, each: Field, error: InvalidError) -> Json:
        self.problems.append(wrong(each.pointer, error.message.replace("The body", "This")))
        return _NOTHING


def _inner(each: Field, filled_in: Filled) -> tuple[Field, ...]:
    """The fields of the choice that is made."""
    word = filled_in.of(each.name)
    return next((one.fields for one in each.choices if one.word == word), ())


def _every(each: Field) -> Iterator[Field]:
    yield each
    for inner in (*each.fields, *(one for choice in each.choices for one in choice.fields)):
        yield from _every(inner)


def _at(form: Field, filled_in: Filled, pointer: str) -> Field:
    """The field that a pointer leads to, or the last one on the way."""
    found = form
    while True:
        inner = (*found.fields, *_inner(found, filled_in))
        way = [one for one in inner if (pointer + "/").startswith(one.pointer + "/")]
        if not way:
            return found
        found = way[0]
