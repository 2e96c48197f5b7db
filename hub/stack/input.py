"""What a task takes: a JSON Schema, compiled once, whose patterns run in linear time."""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import jsonschema_rs

from hub.errors import InvalidError
from hub.model.json import Json
from hub.stack.problem import Problem

_MOST_PROBLEMS = 20
_LONGEST = 300


@dataclass(frozen=True, slots=True, eq=False)
class InputSchema:
    """A schema that inputs are checked by."""

    schema: dict[str, Any]
    _validator: Any = field(repr=False)

    @classmethod
    def of(cls, schema: dict[str, Any]) -> "InputSchema":
        """Compile a schema.

        Raises:
            ValueError: it is none, refers to another document, or needs more than linear time.
        """
        try:
            validator = jsonschema_rs.validator_for(
                schema,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(),
                retriever=_refuse,
            )
        except jsonschema_rs.ValidationError as error:
            message = str(error).partition("\n")[0]
            raise ValueError(f"This is no JSON Schema that can be used: {message}") from None
        return cls(schema, validator)

    def problems(self, value: Json) -> list[Problem]:
        """What is wrong with an input; nothing, where it fits."""
        found = islice(self._validator.iter_errors(value), _MOST_PROBLEMS)
        return [
            Problem("error", _sentence(error.message), pointer=_pointer(error.instance_path))
            for error in found
        ]

    def check(self, value: Json) -> None:
        """Refuse an input that does not fit.

        Raises:
            InvalidError: ``input_invalid``, with all ``problems`` at once.
        """
        problems = self.problems(value)
        if problems:
            first = problems[0]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            place = f"at {first.pointer}: " if first.pointer else ""
            raise InvalidError(
                f"The input is not what the task takes: {place}{first.message}{more}",
                code="input_invalid",
                problems=[problem.as_json() for problem in problems],
            )


def _refuse(uri: str) -> Json:
    raise ValueError(f"{uri} is another document, and a stack's schema stands by itself")


def _sentence(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
