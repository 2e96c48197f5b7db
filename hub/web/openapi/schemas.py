"""Schemas: the shapes of bodies as JSON Schema, as they are sent and as they are shown."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.model.destination import Destination
from hub.model.issuer import Issuer
from hub.model.json import Json
from hub.model.secrets import Path
from hub.model.source import Source
from hub.web.api.variables import NewVariable

Schema: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]
REF = "#/components/schemas/"
_KEPT = {
    Source: Source.SECRETS,
    Destination: Destination.SECRETS,
    Issuer: Issuer.SECRETS,
    NewVariable: (("value",),),
}
"""Where secrets stand that may be left out: those of before stay."""
_NOTHING: tuple[Json, ...] = (None, "", [], {})
_BOUNDS = ("pattern", "minLength", "maxLength", "minItems", "maxItems")
_HIDDEN = frozenset(path[-1] for paths in _KEPT.values() for path in paths) | {"headers"}
"""Fields in which a mask may stand, which is no value of theirs."""


class Schemas:
    """Every shape under a name of its own; what is in both kinds of bodies may have two."""

    def __init__(self, sent: Iterable[type[BaseModel]], shown: Iterable[type[BaseModel]]) -> None:
        self._sent, self.named = _schemas(sent, "validation")
        for shape, paths in _KEPT.items():
            _ease(shape.__name__, paths, self.named)
        self._shown, answers = _schemas(shown, "serialization")
        clashing = (name for name in answers if self._clashes(name, answers))
        renamed = {REF + name: f"{REF}{name}Read" for name in clashing}
        for name, schema in answers.items():
            own = renamed.get(REF + name, REF + name).removeprefix(REF)
            self.named[own] = _referring(_opened(schema), renamed)
        self._shown = {shape: _referring(ref, renamed) for shape, ref in self._shown.items()}

    def sent(self, shape: type[BaseModel]) -> Schema:
        """The schema of a body that is sent."""
        return self._sent[shape]

    def shown(self, shape: type[BaseModel]) -> Schema:
        """The schema of a body that is answered."""
        return self._shown[shape]

    def patch(self, shape: type[BaseModel]) -> Schema:
        """The schema of a change of such an object (RFC 7396)."""
        name = f"{shape.__name__}Change"
        if name not in self.named:
            fields = self._resolved(self._sent[shape])["properties"]
            self.named[name] = {
                "type": "object",
                "description": "The fields that change; null removes one.",
                "properties": {each: self._changed(schema) for each, schema in fields.items()},
                "additionalProperties": False,
            }
        return {"$ref": REF + name}

    def _changed(self, schema: Schema) -> Schema:
        """Any part of an object may change: what it is as a whole is checked afterwards."""
        kept: list[Schema] = []
        for each in _alternatives(schema):
            is_object = self._is_object(each)
            part = {"type": "object"} if is_object else each
            if part not in kept:
                kept.append(part)
        if {"type": "null"} not in kept:
            kept.append({"type": "null"})
        told = {name: schema[name] for name in ("description",) if name in schema}
        return {**told, "anyOf": kept}

    def _is_object(self, schema: Schema) -> bool:
        found = self._resolved(schema)
        parts = _alternatives(found)
        if parts != [found]:
            return any(map(self._is_object, parts))
        return found.get("type") == "object"

    def _resolved(self, schema: Schema) -> Schema:
        ref = schema.get("$ref")
        return schema if ref is None else self.named[ref.removeprefix(REF)]

    def _clashes(self, name: str, answers: Mapping[str, Schema]) -> bool:
        return name in self.named and (
            self.named[name] != answers[name] or any(_refs_in(answers[name]))
        )


def _schemas(
    shapes: Iterable[type[BaseModel]], mode: Mode
) -> tuple[dict[type[BaseModel], Schema], dict[str, Schema]]:
    wanted = [*dict.fromkeys(shapes)]
    found, document = models_json_schema(
        [(shape, mode) for shape in wanted], ref_template=REF + "{model}"
    )
    named = {name: _plain(schema) for name, schema in document.get("$defs", {}).items()}
    return {shape: found[shape, mode] for shape in wanted}, named


def _plain(schema: Json) -> Json:
    """Without titles, which say what names say already, and defaults that say nothing."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain: Schema = {}
    for name, value in schema.items():
        if name == "properties":
            plain[name] = {field: _plain(each) for field, each in value.items()}
        elif name == "description":
            plain[name] = " ".join(value.split())
        elif name != "title" and not (name == "default" and value in _NOTHING):
            plain[name] = _plain(value)
    return plain


def _ease(shape: str, paths: Iterable[Path], named: Mapping[str, Schema]) -> None:
    """Secrets may be left out."""
    own = named[shape]
    for head, *rest in paths:
        holders = _reached(own["properties"][head], named) if rest else [own]
        for each in holders:
            left = [name for name in each.get("required", ()) if name != [head, *rest][-1]]
            each.pop("required", None)
            if left:
                each["required"] = left


def _reached(schema: Schema, named: Mapping[str, Schema]) -> Iterator[Schema]:
    for ref in set(_refs_in(schema)):
        yield named[ref.removeprefix(REF)]


def _refs_in(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for value in schema.values():
            yield from _refs_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _refs_in(value)
    elif isinstance(schema, str) and schema.startswith(REF):
        yield schema


def _referring(schema: Json, renamed: Mapping[str, str]) -> Json:
    """With other names for what it refers to."""
    if isinstance(schema, dict):
        return {name: _referring(value, renamed) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_referring(each, renamed) for each in schema]
    return renamed.get(schema, schema) if isinstance(schema, str) else schema


def _opened(schema: Json, *, hidden: bool = False) -> Json:
    """As answers are: fields may be added to them, and masks stand where secrets do."""
    if isinstance(schema, list):
        return [_opened(each, hidden=hidden) for each in schema]
    if not isinstance(schema, dict):
        return schema
    opened: Schema = {}
    for name, value in schema.items():
        if name == "default" or (name == "additionalProperties" and value is False):
            continue
        if hidden and name in _BOUNDS:
            continue
        if name == "properties":
            opened[name] = {
                field: _opened(each, hidden=field in _HIDDEN) for field, each in value.items()
            }
        else:
            opened[name] = _opened(value, hidden=hidden)
    return opened


def _alternatives(schema: Schema) -> list[Schema]:
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return [part for each in schema[name] for part in _alternatives(each)]
    return [schema]
