"""Forms made from the shapes of what people set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from hub.dashboard.forms.field import Choice, Field, Kind

Schema: TypeAlias = dict[str, Any]
_DEEPEST: Final = 6
_LONG: Final = 10_000
_UNITS: Final = {"s": "seconds", "bytes": "bytes", "ms": "milliseconds"}
_SHOUTED: Final = {"url": "URL", "cors": "CORS", "tls": "TLS", "id": "id", "ca": "CA", "ttl": "TTL"}


def form_of(shape: type[BaseModel], without: tuple[str, ...] = ()) -> Field:
    """The form of a shape; ``without`` names fields that are set in other ways."""
    schema = shape.model_json_schema()
    secrets = frozenset(getattr(shape, "SECRETS", ()))
    made = _Maker(schema.get("$defs", {}), secrets).field("", schema, _Place("", "", ()), True)
    kept = tuple(each for each in made.fields if each.key not in without)
    return Field("group", "", "", made.label, made.help, fields=kept)


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
