"""Where things stand in a text: JSON pointers, lines and columns."""

from collections.abc import Iterator
from typing import Any, Protocol

from pydantic import AliasChoices, BaseModel

from hub.model.json import Json
from hub.stack.problem import Problem, Severity
from hub.stack.step import Step


class Place(Protocol):
    """A document that knows where its parts stand."""

    def position_of(self, pointer: str) -> tuple[int, int]:
        """Line and column of a pointer, or of the nearest part around it."""
        ...


def escaped(part: str | int) -> str:
    """A part of a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def problem_at(
    place: Place,
    pointer: str,
    message: str,
    near: str | None = None,
    severity: Severity = "error",
    hint: str | None = None,
) -> Problem:
    """A problem; ``near`` is what was probably meant."""
    line, column = place.position_of(pointer)
    advice = f"Did you mean {near!r}?" if near else hint
    return Problem(severity, message, advice, line, column, pointer)


def keys_of(model: type[BaseModel], name: str) -> list[str]:
    """The keys under which a field may stand in a document."""
    field = model.model_fields[name]
    keys = [field.alias or name]
    if isinstance(field.validation_alias, AliasChoices):
        keys += [str(choice) for choice in field.validation_alias.choices]
    return keys


def placed_steps(value: Any, raw: Json, pointer: str) -> Iterator[tuple[Step, dict[str, Any], str]]:
    """Every step in a loaded value, with what is written and where; outer ones first."""
    if isinstance(value, Step):
        yield value, raw, pointer
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if isinstance(inner, (tuple, dict)):
                for key in keys_of(type(value), name):
                    if key in raw:
                        yield from placed_steps(inner, raw[key], f"{pointer}/{key}")
                        break
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from placed_steps(each, raw[place], f"{pointer}/{place}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from placed_steps(each, raw[key], f"{pointer}/{escaped(key)}")
