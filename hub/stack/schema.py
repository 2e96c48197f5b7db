"""The JSON Schema of stacks, by which editors complete and check documents."""

from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from hub.model.json import Json
from hub.stack.places import keys_of
from hub.stack.shapes import (
    EndpointDocument,
    LanesBody,
    ScheduleBody,
    TablesDocument,
    TaskDocument,
)
from hub.stack.steps import STEPS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_STEP = "Step"
_DOCUMENTS = (TaskDocument, EndpointDocument, ScheduleBody, LanesBody, TablesDocument)


def stack_schema() -> dict[str, Json]:
    """The schema of one document."""
    models: list[type[BaseModel]] = [*STEPS.values(), *_DOCUMENTS]
    _, whole = models_json_schema([(each, "validation") for each in models], by_alias=True)
    defs: dict[str, Any] = {name: _plain(each) for name, each in whole["$defs"].items()}
    for model in models:
        _add_aliases(model, defs[model.__name__])
    defs[_STEP] = _step()
    del defs["Call"]
    return {
        "$schema": _DIALECT,
        "title": "A stack of the hub",
        "description": "A task, an endpoint, a schedule, tables, the lanes, or an object of these.",
        "type": "object",
        "anyOf": [
            _ref(TaskDocument),
            _ref(EndpointDocument),
            _ref(TablesDocument),
            {
                "properties": {
                    "scheduled_task": _ref(ScheduleBody),
                    "priority_queue_system": _ref(LanesBody),
                },
                "additionalProperties": {
                    "anyOf": [
                        {"type": "array", "items": {"$ref": f"#/$defs/{_STEP}"}},
                        _ref(TaskDocument),
                        _ref(EndpointDocument),
                        {
                            "type": "object",
                            "properties": {"scheduled_task": _ref(ScheduleBody)},
                            "required": ["scheduled_task"],
                            "additionalProperties": False,
                        },
                    ]
                },
            },
        ],
        "$defs": dict(sorted(defs.items())),
    }


def _step() -> dict[str, Json]:
    """A step's fields follow from its function; any other name is a task or a plug-in."""
    return {
        "type": "object",
        "required": ["function"],
        "properties": {"function": {"anyOf": [{"enum": list(STEPS)}, {"type": "string"}]}},
        "allOf": [
            {
                "if": {"properties": {"function": {"const": name}}, "required": ["function"]},
                "then": _ref(model),
            }
            for name, model in STEPS.items()
        ],
    }


def _ref(model: type[BaseModel]) -> dict[str, Json]:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _plain(schema: Any) -> Any:
    """Without what says nothing: titles, defaults of null, and null beside another type."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if _is_step(schema):
        return {"$ref": f"#/$defs/{_STEP}"}
    plain = {
        key: _named(value) if key in ("properties", "$defs") else _plain(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    return _without_null(plain)


def _named(members: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(each) for name, each in members.items()}


def _is_step(schema: dict[str, Any]) -> bool:
    """The union of all steps, wherever it stands."""
    return len(schema.get("oneOf", ())) > len(STEPS) // 2


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = schema.get("anyOf")
    if choices is None or {"type": "null"} not in choices:
        return schema
    kept = [each for each in choices if each != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}


def _add_aliases(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Every key under which a field may stand; one of them where it must."""
    properties = schema["properties"]
    for name, field in model.model_fields.items():
        if not isinstance(field.validation_alias, AliasChoices):
            continue
        keys = _choices(model, name, field)
        shown = next(properties.pop(key) for key in [*keys, name] if key in properties)
        for key in keys:
            properties[key] = shown
        if field.is_required():
            required = [key for key in schema.get("required", ()) if key not in keys]
            schema["required"] = required
            schema.setdefault("allOf", []).append({"anyOf": [{"required": [k]} for k in keys]})


def _choices(model: type[BaseModel], name: str, field: FieldInfo) -> list[str]:
    keys = keys_of(model, name)
    return keys if not isinstance(field.validation_alias, AliasChoices) else keys[1:]
